package roundtrip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp/fasthttputil"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/httprequest"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/egress"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// mutants is how many mutated payloads there are in all.
const mutants = 2000

// payload is a file in testdata: a delivery as a provider sends it.
type payload struct{ file, contentType string }

var payloads = []payload{
	{"github-push.json", "application/json"},
	{"stripe-event.json", "application/json; charset=utf-8"},
	{"shopify-order.json", "application/json"},
	{"azure-event-grid.json", "application/json"},
	{"cloudevents.json", "application/cloudevents+json"},
	{"jsonapi.json", "application/vnd.api+json"},
	{"slack-command.form", "application/x-www-form-urlencoded"},
	{"twilio-sms.form", "application/x-www-form-urlencoded"},
	{"mailchimp.form", "application/x-www-form-urlencoded"},
	{"sendgrid-inbound.multipart", "multipart/form-data; boundary=xYzZY"},
	{"ubl-invoice.xml", "application/xml"},
	{"wechat.xml", "text/xml"},
	{"soap.xml", "application/soap+xml"},
	{"sns.txt", "text/plain; charset=UTF-8"},
	{"alert.txt", "text/plain"},
	{"export.csv", "text/csv"},
	{"meeting.ics", "text/calendar"},
}

// flow sends the body to the partner in every way: as a whole, inside JSON, XML and a URL, and in its own format if
// http-request can write that. The output is the partner's answer.
const flow = `key: round
mode: async
trigger: { type: webhook, accept: [json, form, multipart, xml, text] }
nodes:
  - key: json
    type: http-request
    config: { method: POST, url: '{{ env.PARTNER }}/json?v={{ toJSON(trigger.body) }}', body: '{{ trigger.body }}' }
  - key: inside
    type: http-request
    config:
      method: POST
      url: '{{ env.PARTNER }}/inside'
      contentType: text
      body: '{"value": {{ trigger.body }}, "text": "{{ toJSON(trigger.body) }}"}'
  - key: markup
    type: http-request
    config:
      method: POST
      url: '{{ env.PARTNER }}/markup'
      contentType: xml
      body: '<v a="{{ toJSON(trigger.body) }}"><t>{{ toJSON(trigger.body) }}</t></v>'
  - key: typed
    type: http-request
    onError: continue
    config: { method: POST, url: '{{ env.PARTNER }}/typed', contentType: FORMAT, body: '{{ trigger.body }}' }
  - { key: back, type: output, config: { value: { json: '{{ nodes.json.body }}', typed: '{{ nodes.typed.body }}', error: '{{ errors.typed.message }}' } } }
`

// written is the contentType of http-request for a format. Multipart forms are not written.
var written = map[string]string{"json": "json", "form": "form", "multipart": "form", "xml": "xml", "text": "text"}

// token is the start of the tokens of the flows, one for each format.
const token = "roundtrip-"

// partner records each body, and sends it back.
type partner struct {
	mutex sync.Mutex
	sent  map[string]*http.Request
	data  map[string][]byte
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	p.mutex.Lock()
	p.sent[r.URL.Path], p.data[r.URL.Path] = r, data
	p.mutex.Unlock()
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = w.Write(data)
}

// take returns the request to a path since the last call.
func (p *partner) take(path string) (r *http.Request, data []byte) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	r, data = p.sent[path], p.data[path]
	delete(p.sent, path)
	delete(p.data, path)
	return r, data
}

// road is the way from a sender through a receiver and a run to the partner.
type road struct {
	t           *testing.T
	partner     partner
	url         string
	client      *http.Client
	routes      map[string]*receiver.Route
	effect      any
	interpreter *workflows.Interpreter
	outcome     everhook.Outcome
}

func newRoad(t *testing.T) *road {
	r := &road{t: t, partner: partner{sent: map[string]*http.Request{}, data: map[string][]byte{}},
		routes: map[string]*receiver.Route{}}
	server := httptest.NewServer(&r.partner)
	t.Cleanup(server.Close)
	r.url = server.URL
	for _, format := range []string{"json", "form", "xml", "text"} {
		compiled, problems := flowfile.Load("round.yaml", []byte(strings.Replace(flow, "FORMAT", format, 1)),
			nodes.Standard())
		require.Empty(t, problems.Errors())
		version := everhook.Version{Number: 1, Definition: compiled.Definition}
		route, ok := catalog.OpenRoute(version, compiled, func() map[string]string { return nil })
		require.True(t, ok)
		r.routes[token+format] = route
	}

	guard, err := egress.New([]string{"127.0.0.1"})
	require.NoError(t, err)
	provider, err := secrets.New(secrets.Options{})
	require.NoError(t, err)
	outgoing := &http.Client{Transport: guard.Transport(nil)}
	t.Cleanup(outgoing.CloseIdleConnections)
	r.effect = httprequest.New(httprequest.Options{}).Activity(activities.Dependencies{Secrets: provider,
		HTTP: outgoing})
	r.interpreter = workflows.NewInterpreter(compile.NewVersions(nodes.Standard()))

	listener := fasthttputil.NewInmemoryListener()
	front := receiver.New(receiver.Options{Logger: slog.New(slog.DiscardHandler), ClientRate: 1e9}, r, r)
	served := make(chan error, 1)
	go func() { served <- front.Serve(listener) }()
	r.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return listener.Dial() },
	}}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		_ = listener.Close()
		<-served
	})
	return r
}

// send sends a delivery and returns the status and the problem of a refusal. The run has ended by then.
func (r *road) send(format, contentType string, data []byte) (status int, problem everhook.Problem) {
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost,
		"http://everhook.test/api/webhook:trigger/"+token+written[format], bytes.NewReader(data))
	require.NoError(r.t, err)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := r.client.Do(request)
	require.NoError(r.t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		require.NoError(r.t, json.NewDecoder(response.Body).Decode(&problem))
	}
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(r.t, err)
	return response.StatusCode, problem
}

// prepared is a delivery that can be started.
type prepared struct {
	road     *road
	version  *everhook.Version
	delivery everhook.Delivery
}

func (p prepared) Size() int { return 0 }

func (p prepared) Start(context.Context) (everhook.Started, error) {
	return p.road.start(p.version, p.delivery)
}

func (p prepared) Run(context.Context, time.Duration) (everhook.Started, error) {
	return everhook.Started{}, everhook.ErrNoRun
}

func (r *road) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	return prepared{r, version, d}, nil
}

// start runs the flow to its end in Temporal's test environment, with real requests.
func (r *road) start(version *everhook.Version, d everhook.Delivery) (everhook.Started, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetDataConverter(workflows.DataConverter())
	env.SetTestTimeout(time.Minute)
	r.interpreter.Register(env)
	env.RegisterActivityWithOptions(r.effect, activity.RegisterOptions{Name: activities.HTTPRequest})
	env.RegisterActivityWithOptions(func(context.Context) error { return nil },
		activity.RegisterOptions{Name: activities.Yield})
	definition, err := everhook.EncodeJSON(version.Definition)
	if err != nil {
		return everhook.Started{}, err
	}
	env.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(definition), workflows.Start{Level: workflows.Level,
		Version: 1, Delivery: d, Env: map[string]string{"PARTNER": r.url}})
	r.outcome = everhook.Outcome{}
	err = env.GetWorkflowError()
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return everhook.Started{}, failure.Details(&r.outcome)
	}
	if err != nil {
		return everhook.Started{}, err
	}
	return everhook.Started{}, env.GetWorkflowResult(&r.outcome)
}

func (r *road) Route(token string) (*receiver.Route, bool) {
	route, ok := r.routes[token]
	return route, ok
}

func (r *road) Resumable(string) (*receiver.Resumable, bool) { return nil, false }

func (r *road) Outcome(context.Context, string, everhook.RunID, time.Duration) (*everhook.Outcome, error) {
	return nil, everhook.ErrNoRun
}

func (r *road) RunVersion(context.Context, string, everhook.RunID) (int, error) {
	return 0, everhook.ErrNoRun
}

func (r *road) PrepareCall(string, everhook.RunID, everhook.ResumeCall) (receiver.PreparedCall, error) {
	return nil, everhook.ErrNoRun
}

// round sends a payload and checks that the partner received its value, or that the sender got the reason why not. It
// reports whether the payload was accepted.
func (r *road) round(contentType string, data []byte) (taken bool, fault string) {
	want, format, wrong := valueOf(contentType, data)
	status, problem := r.send(format, contentType, data)
	if status != http.StatusOK {
		if status < 400 || status > 499 || problem.Detail == "" {
			return false, fmt.Sprintf("refused with %d %+v", status, problem)
		}
		return false, ""
	}
	switch {
	case wrong != nil:
		return true, fmt.Sprintf("taken, though it is not well-formed: %v", wrong)
	case r.outcome.Status != everhook.Resolved:
		return true, fmt.Sprintf("the run ended %s: %v", r.outcome.Status, r.outcome.Error)
	}
	output, _ := r.outcome.Output.V.(map[string]any)
	for _, check := range []func(format string, want any, output map[string]any) string{
		r.whole, r.inside, r.markup, r.typed,
	} {
		if fault := check(format, want, output); fault != "" {
			return true, fault
		}
	}
	return true, ""
}

// whole checks the body as JSON, in the query, and in the answer.
func (r *road) whole(_ string, want any, output map[string]any) string {
	request, data := r.partner.take("/json")
	got, err := looseJSON(data)
	if want == nil && len(data) == 0 { // a body that is nil is not sent
		got, err = nil, nil
	}
	if err != nil {
		return fmt.Sprintf("the partner cannot read the JSON: %v", err)
	}
	inQuery, err := looseJSON([]byte(request.URL.Query().Get("v")))
	if err != nil {
		return fmt.Sprintf("the partner cannot read the query: %v", err)
	}
	for place, v := range map[string]any{"the body": got, "the query": inQuery, "the answer": output["json"]} {
		if text := same(want, v); text != "" {
			return place + " has another value: " + text
		}
	}
	return ""
}

// inside checks the body in the template of a JSON text, as a value and as a text.
func (r *road) inside(_ string, want any, _ map[string]any) string {
	_, data := r.partner.take("/inside")
	read, err := looseJSON(data)
	if err != nil {
		return fmt.Sprintf("the template of JSON is no JSON: %v", err)
	}
	object, _ := read.(map[string]any)
	if text := same(want, object["value"]); text != "" {
		return "inside JSON it is another value: " + text
	}
	text, _ := object["text"].(string)
	quoted, err := looseJSON([]byte(text))
	if err != nil {
		return fmt.Sprintf("quoted in JSON it cannot be read: %v", err)
	}
	if text := same(want, quoted); text != "" {
		return "quoted in JSON it is another value: " + text
	}
	return ""
}

// markup checks the body in the template of XML, as a text and as an attribute.
func (r *road) markup(_ string, want any, _ map[string]any) string {
	_, data := r.partner.take("/markup")
	document, err := everhook.ParseXML(data)
	if err != nil {
		return fmt.Sprintf("the template of XML is no XML: %v", err)
	}
	v, _ := document["v"].(map[string]any)
	for _, name := range []string{"@a", "t"} {
		text, _ := v[name].(string)
		got, err := looseJSON([]byte(text))
		if err != nil {
			return fmt.Sprintf("in XML (%s) it cannot be read: %v", name, err)
		}
		if text := same(want, got); text != "" {
			return fmt.Sprintf("in XML (%s) it is another value: %s", name, text)
		}
	}
	return ""
}

// typed checks the body in the format in which it came, or that the node says why it cannot be written.
func (r *road) typed(format string, want any, output map[string]any) string {
	request, data := r.partner.take("/typed")
	if request == nil {
		if message, _ := output["error"].(string); message == "" || format == "json" || format == "text" {
			return fmt.Sprintf("not sent as %s: %q", format, message)
		}
		return ""
	}
	if want == nil && len(data) == 0 {
		return ""
	}
	got, _, err := valueOf(request.Header.Get("Content-Type"), data)
	if format == "text" { // a mark at the start of the text is part of the value here
		got = string(data)
	}
	if err != nil {
		return fmt.Sprintf("the partner cannot read it as %s: %v", format, err)
	}
	if format == "form" || format == "multipart" {
		want, got = asForm(want), asForm(got)
	}
	if text := same(want, got); text != "" {
		return fmt.Sprintf("as %s it is another value: %s", format, text)
	}
	return ""
}

func (p payload) read(t *testing.T) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", p.file))
	require.NoError(t, err)
	if filepath.Ext(p.file) == ".multipart" {
		return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return data
}

func TestPayloadsOfProvidersKeepTheirValue(t *testing.T) {
	t.Parallel()
	r := newRoad(t)
	for _, p := range payloads {
		taken, fault := r.round(p.contentType, p.read(t))
		require.True(t, taken, "%s %s", p.file, fault)
		require.Empty(t, fault, p.file)
	}
}

// TestMutatedPayloadsKeepTheirValueOrAreRefused has a fixed seed: a failure can be reproduced.
func TestMutatedPayloadsKeepTheirValueOrAreRefused(t *testing.T) {
	t.Parallel()
	for i, p := range payloads {
		t.Run(p.file, func(t *testing.T) {
			t.Parallel()
			r, random, data := newRoad(t), rand.New(rand.NewPCG(1, uint64(i))), p.read(t)
			taken, sent := 0, (mutants+len(payloads)-1)/len(payloads)
			for range sent {
				contentType, mutant := mutateType(random, p.contentType), mutate(random, data)
				isTaken, fault := r.round(contentType, mutant)
				require.Empty(t, fault, "%s\n%q", contentType, mutant)
				if isTaken {
					taken++
				}
			}
			t.Logf("%d of %d taken", taken, sent)
			require.Greater(t, taken, sent/10, "too few are taken")
			require.Less(t, taken, sent, "none is refused")
		})
	}
}
