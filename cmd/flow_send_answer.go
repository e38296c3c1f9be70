package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// caller sends the requests of one call of a webhook.
type caller struct {
	client *http.Client
	// method is the method of a delivery.
	method      string
	credentials []credential
	// headers are sent unless own, the headers of the command line, replace them.
	headers, own http.Header
}

func newCaller(method string, credentials []credential, headers, own http.Header) *caller {
	// A redirect would send the credentials to another address.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &caller{client, method, credentials, headers, own}
}

// answered is the reply to a request.
type answered struct {
	status int
	header http.Header
	body   []byte
	// page is the URL of the run's page; empty if it is not known.
	page string
	// outcome is the outcome of the run of an async flow; nil if it was not waited for.
	outcome *everhook.Outcome
}

// run is empty if no run was started, or if the reply is not from Everhook.
func (a *answered) run() everhook.RunID {
	if run, ok := everhook.ParseRunID(a.header.Get("Everhook-Run-Id")); ok {
		return run
	}
	return ""
}

const headerSkipped = "Everhook-Skipped"

// skipped reports whether the flow ignores the delivery.
func (a *answered) skipped() bool { return a.header.Get(headerSkipped) == "true" }

// post sends the delivery. The server holds the caller for up to wait.
func (c *caller) post(ctx context.Context, address string, body []byte, wait time.Duration) (*answered, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	return c.send(ctx, c.method, address, append([]byte{}, body...))
}

// send sends a delivery, or with a nil body the question for an answer.
func (c *caller) send(ctx context.Context, method, address string, body []byte) (*answered, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		for name, values := range c.headers {
			request.Header[name] = values
		}
	}
	for _, credential := range c.credentials {
		if err := credential.show(request, body); err != nil {
			return nil, err
		}
	}
	for name, values := range c.own {
		request.Header[name] = values
	}
	if host := c.own.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := c.client.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, fmt.Errorf("no answer from %s: %w", request.URL.Host, failed.Err)
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", request.URL.Host, err)
	}
	return &answered{status: response.StatusCode, header: response.Header, body: data}, nil
}

// heldFor is how long the server holds one request for an answer.
const heldFor = 20 * time.Second

// follow polls for the answer of a run until it exists. Any other reply is the answer itself.
func (c *caller) follow(ctx context.Context, hook string, got *answered) (*answered, error) {
	if got.status != http.StatusAccepted || !isAnswerOf(got.header.Get("Location"), got.run()) {
		return got, nil
	}
	location, err := answerAddress(hook, got.header.Get("Location"))
	if err != nil {
		return nil, err
	}
	for {
		asked := time.Now()
		question, cancel := context.WithTimeout(ctx, heldFor+callTimeout)
		next, err := c.send(question, http.MethodGet, location, nil)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("the run %s goes on: %w", got.run(), err)
		}
		if !next.isLater() {
			return next, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the run %s goes on: %w", got.run(), ctx.Err())
		case <-time.After(next.pause() - time.Since(asked)):
		}
	}
}

// isAnswerOf reports whether a Location is the address of the run's answer. The flow itself can set a Location too.
func isAnswerOf(location string, run everhook.RunID) bool {
	return run != "" && strings.Contains(location, "/api/webhook:answer/") &&
		strings.HasSuffix(location, "/"+string(run))
}

// answerAddress returns the address of the answer. It must be on the server that was called, because the credentials
// are sent along.
func answerAddress(hook, location string) (string, error) {
	called, err := url.Parse(hook)
	if err != nil {
		return "", err
	}
	answer, err := called.Parse(location)
	if err != nil {
		return "", fmt.Errorf("the server names no address of the answer: %w", err)
	}
	if answer.Scheme != called.Scheme || answer.Host != called.Host {
		return "", fmt.Errorf("the answer will be at %s, and credentials for %s are not sent there; call the webhook "+
			"by that address with --url", printable(answer.String()), called.Host)
	}
	answer.RawQuery = url.Values{"wait": {heldFor.String()}}.Encode()
	return answer.String(), nil
}

// isLater reports whether a later request may get another reply.
func (a *answered) isLater() bool {
	return a.status == http.StatusAccepted || a.status == http.StatusServiceUnavailable &&
		a.header.Get("Retry-After") != ""
}

// pause returns the time between two requests, as the server wants it.
func (a *answered) pause() time.Duration {
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, heldFor)
}

// value returns the body as data: JSON, or text.
func (a *answered) value() any {
	if len(a.body) == 0 {
		return nil
	}
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") {
		if v, err := everhook.ParseJSON(a.body); err == nil {
			return v
		}
	}
	return strings.ToValidUTF8(string(a.body), "\uFFFD")
}

func (a *answered) print(w io.Writer, output string) error {
	if output == "json" {
		return a.printData(w)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP %d %s\n", a.status, http.StatusText(a.status))
	if run := a.run(); run != "" {
		fmt.Fprintf(&text, "Run   %s\n", run)
	}
	if a.page != "" {
		fmt.Fprintf(&text, "Page  %s\n", printable(a.page))
	}
	if a.header.Get("Everhook-Duplicate") == "true" {
		fmt.Fprintln(&text, "This delivery is a duplicate: the run and the answer are those of the first one.")
	}
	if a.skipped() {
		fmt.Fprintln(&text, "The delivery was skipped: the trigger's `when` is false for it. No run was started.")
	}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if !a.told(name) {
			fmt.Fprintf(&text, "%s: %s\n", printable(name), printable(strings.Join(a.header[name], ", ")))
		}
	}
	switch v := a.value().(type) {
	case nil:
	case string:
		text.WriteByte('\n')
		for line := range strings.SplitSeq(strings.TrimSuffix(v, "\n"), "\n") {
			fmt.Fprintln(&text, printable(line))
		}
	default:
		fmt.Fprintf(&text, "\n%s\n", shownJSON(v))
	}
	_, err := w.Write(text.Bytes())
	return err
}

// told reports whether a header is printed in words elsewhere, or says nothing about the answer.
func (a *answered) told(name string) bool {
	switch name {
	case "Everhook-Run-Id":
		return a.run() != ""
	case "Everhook-Duplicate", headerSkipped, "Connection", "Content-Length", "Date", "Keep-Alive", "Server":
		return true
	default:
		return false
	}
}

func (a *answered) printData(w io.Writer) error {
	headers := map[string]any{}
	for name, values := range a.header {
		headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	data := map[string]any{"status": a.status, "headers": headers, "body": a.value()}
	if run := a.run(); run != "" {
		data["runId"] = string(run)
	}
	if a.page != "" {
		data["page"] = a.page
	}
	if a.skipped() {
		data["skipped"] = true
	}
	if a.outcome != nil {
		end := map[string]any{"status": string(a.outcome.Status)}
		if a.outcome.Output != nil {
			end["output"] = a.outcome.Output.V
		}
		if a.outcome.Error != nil {
			end["error"] = a.outcome.Error.Error()
		}
		data["run"] = end
	}
	encoded, err := everhook.EncodeJSON(data)
	if err != nil {
		return err
	}
	return printJSON(w, encoded)
}
