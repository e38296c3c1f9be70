package flowtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
	"github.com/everhook/everhook/receiver"
)

// front is a receiver that listens in memory, so that a test's request is checked, parsed and stored like any other. It
// runs one test at a time; current is set only between calls.
type front struct {
	listener *fasthttputil.InmemoryListener
	receiver *receiver.Receiver
	client   *http.Client
	served   chan error
	current  *trial
}

var (
	_ receiver.FlowSource = (*front)(nil)
	_ receiver.Starter    = (*front)(nil)
)

// runID is the ID of every tested run, so that answers that contain it can be compared.
const runID = everhook.RunID("contracttestcontracttestab")

// testedURL is the URL of the call. Every token routes to the flow of the test.
const testedURL = "http://everhook.test/api/webhook:trigger/contract-test"

func newFront() *front {
	f := &front{listener: fasthttputil.NewInmemoryListener(), served: make(chan error, 1)}
	f.receiver = receiver.New(receiver.Options{
		Logger:   slog.New(slog.DiscardHandler),
		Clock:    func() time.Time { return f.current.test.fields.now() },
		NewRunID: func() everhook.RunID { return runID },
	}, f, f)
	f.client = &http.Client{
		Transport: &http.Transport{
			DialContext:        func(context.Context, string, string) (net.Conn, error) { return f.listener.Dial() },
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	go func() { f.served <- f.receiver.Serve(f.listener) }()
	return f
}

// close closes the receiver.
func (f *front) close() error {
	f.client.CloseIdleConnections()
	return errors.Join(f.listener.Close(), <-f.served)
}

// call sends the request of a test and returns the reply, after the trial has ended. An interrupted trial ends by
// itself.
func (f *front) call(ctx context.Context, t *trial) (*reply, error) {
	f.current = t
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.limit+2*stopGrace)
	defer cancel()
	request, err := newRequest(ctx, t.test.fields.Request, t.route.Methods)
	if err != nil {
		return nil, err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return newReply(response, body), nil
}

// newRequest returns the HTTP request of a test; nil fields mean a request without body, query and headers.
func newRequest(ctx context.Context, fields *requestFields, methods []string) (*http.Request, error) {
	if fields == nil {
		fields = &requestFields{}
	}
	query, err := queryText(fields.Query)
	if err != nil {
		return nil, err
	}
	headers := http.Header{"User-Agent": nil}
	for name, value := range fields.Headers {
		headers.Set(name, value)
	}
	body, err := bodyOf(fields.Body, headers)
	if err != nil {
		return nil, err
	}
	method := cmp.Or(append([]string{fields.Method}, methods...)...)
	request, err := http.NewRequestWithContext(ctx, cmp.Or(method, http.MethodPost), testedURL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.URL.RawQuery = query
	request.Header = headers
	return request, nil
}

// bodyOf returns the body, and sets the content type if the test does not.
func bodyOf(body *everhook.Value, headers http.Header) (string, error) {
	if body == nil {
		return "", nil
	}
	mediaType, _ := content.TypeOf(headers.Get("Content-Type"))
	if text, ok := body.V.(string); ok && mediaType != "" && !content.IsJSON(mediaType) {
		return text, nil
	}
	if list, ok := body.V.([]any); ok && content.IsJSONLines(mediaType) {
		return jsonLines(list)
	}
	if mediaType == "" {
		headers.Set("Content-Type", "application/json")
	}
	encoded, err := everhook.EncodeJSON(body.V)
	return string(encoded), err
}

// jsonLines writes each item on a line.
func jsonLines(list []any) (string, error) {
	var text strings.Builder
	for _, item := range list {
		encoded, err := everhook.EncodeJSON(item)
		if err != nil {
			return "", err
		}
		text.Write(bytes.TrimSuffix(encoded, []byte{'\n'}))
		text.WriteByte('\n')
	}
	return text.String(), nil
}

// Route returns the route of the current test for every token.
func (f *front) Route(string) (*receiver.Route, bool) { return f.current.route, true }

// Prepare takes the delivery.
func (f *front) Prepare(_ *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	f.current.delivery = &d
	return f, nil
}

// Size is 0: the test keeps the delivery anyway.
func (f *front) Size() int { return 0 }

// Start does nothing: the run begins when the caller has its answer.
func (f *front) Start(context.Context) (everhook.Started, error) { return everhook.Started{}, nil }

// Run runs the flow to its end, and returns its answer unless the caller's wait was over before.
func (f *front) Run(_ context.Context, wait time.Duration) (everhook.Started, error) {
	f.current.run()
	if f.current.answered > wait {
		return everhook.Started{}, nil
	}
	return everhook.Started{Answer: f.current.answer}, nil
}

// Outcome: there are no earlier runs.
func (f *front) Outcome(context.Context, string, everhook.RunID, time.Duration) (*everhook.Outcome, error) {
	return nil, everhook.ErrNoRun
}

// Resumable: waits are ended by the test, not by a caller.
func (f *front) Resumable(string) (*receiver.Resumable, bool) { return nil, false }

// RunVersion: there are no earlier runs.
func (f *front) RunVersion(context.Context, string, everhook.RunID) (int, error) {
	return 0, everhook.ErrNoRun
}

// PrepareCall knows no earlier runs.
func (f *front) PrepareCall(string, everhook.RunID, everhook.ResumeCall) (receiver.PreparedCall, error) {
	return nil, everhook.ErrNoRun
}
