package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// serverFlags are the flags of commands that call the admin API of a server.
type serverFlags struct {
	Server     string `default:"http://127.0.0.1:13001" placeholder:"URL" help:"Admin address of the server. Default http://127.0.0.1:13001."`
	AdminToken string `placeholder:"TOKEN" help:"Token for the server, of any role; better set as EVERHOOK_ADMIN_TOKEN."`
}

// Bounds of one request.
const (
	// askTimeout is longer than the server takes for an action.
	askTimeout = 75 * time.Second
	maxReply   = 64 << 20
)

// ask sends a GET to the admin API and returns the body of the answer.
func (f *serverFlags) ask(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return f.send(ctx, http.MethodGet, path, query, nil)
}

// post sends a POST to the admin API and returns the body of the answer.
func (f *serverFlags) post(ctx context.Context, path string, query url.Values, body any) (json.RawMessage, error) {
	data, err := everhook.EncodeJSON(body)
	if err != nil {
		return nil, err
	}
	return f.send(ctx, http.MethodPost, path, query, bytes.NewReader(data))
}

// send sends a request to the admin API and returns the body of the answer.
func (f *serverFlags) send(ctx context.Context, method, path string, query url.Values,
	body io.Reader) (json.RawMessage, error) {
	data, _, err := f.exchange(ctx, method, path, query, nil, body)
	return data, err
}

// exchange sends a request with headers, and also returns the headers of the answer.
func (f *serverFlags) exchange(ctx context.Context, method, path string, query url.Values, header http.Header,
	body io.Reader) (json.RawMessage, http.Header, error) {
	base, err := url.Parse(f.Server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, nil, fmt.Errorf("--server %q is not an address; write for example http://127.0.0.1:13001", f.Server)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	target := base.JoinPath(path)
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if f.AdminToken != "" {
		request.Header.Set("Authorization", "Bearer "+f.AdminToken)
	}
	// A redirect would leave the API and take the token along.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, f.unreachable(err)
	}
	defer response.Body.Close()
	data, err := f.read(response)
	return data, response.Header, err
}

func (f *serverFlags) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %s; check the load of its process and of Temporal", f.Server,
			askTimeout)
	}
	return fmt.Errorf("no Everhook server answers at %s; start one with `everhook dev`, or give its admin address "+
		"with --server (%w)", f.Server, errors.Unwrap(err))
}

func (f *serverFlags) read(response *http.Response) (json.RawMessage, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", f.Server, err)
	}
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	switch {
	case response.StatusCode == http.StatusNoContent:
		return nil, nil
	case response.StatusCode/100 == 2 && (kind == "application/json" || kind == "application/yaml"):
		return body, nil
	case response.StatusCode == http.StatusUnauthorized && f.AdminToken == "":
		return nil, fmt.Errorf("%s wants a token; set EVERHOOK_ADMIN_TOKEN to one that `everhook token create` or the "+
			"pages made, or to the --admin-token of the server", f.Server)
	case response.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s refuses this token: %s", f.Server, reasonOf(body))
	case kind == "application/problem+json":
		var problem everhook.Problem
		if json.Unmarshal(body, &problem) == nil && problem.Detail == receiver.NothingHere {
			return nil, fmt.Errorf("%s is the address for webhooks; give the admin address with --server, by default "+
				"http://127.0.0.1:13001", f.Server)
		}
		if problem.Detail != "" {
			return nil, &refusedError{problem}
		}
	}
	return nil, fmt.Errorf("%s answers with %s, so it is not the admin address of Everhook; check --server", f.Server,
		response.Status)
}

// reasonOf is the reason that a problem gives.
func reasonOf(body []byte) string {
	var problem everhook.Problem
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return "set EVERHOOK_ADMIN_TOKEN to one of this server"
	}
	return printable(problem.Detail)
}

// refusedError is the answer of a server that refuses a request.
type refusedError struct{ problem everhook.Problem }

func (r *refusedError) Error() string {
	text := printable(r.problem.Detail)
	if len(r.problem.Errors) > 1 {
		for _, wrong := range r.problem.Errors {
			text += "\n  " + printable(wrong.Pointer+": "+wrong.Detail)
		}
	}
	return text
}

func (f *serverFlags) decode(data json.RawMessage, answer any) error {
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the answer of %s: %w; use the release of this command that the server has", f.Server, err)
	}
	return nil
}
