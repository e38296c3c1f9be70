package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

const (
	sentRun  = "abcdaaaaaaaaaaaaaaaaaaaaaa"
	hookPath = "/api/webhook:trigger/t0ken-t0ken"
	lateness = "/api/webhook:answer/t0ken-t0ken/" + sentRun
)

// sentFlow returns a flow file with an auth block and the options of its trigger.
func sentFlow(key, trigger string) string {
	return "key: " + key + "\nmode: sync\ntrigger: { type: webhook" + trigger + " }\nnodes: []\n"
}

const withBasic = ", auth: { basic: [{ username: old, password: { secret: OLD_PW } }, { username: shop, password: { " +
	"secret: SHOP_PW } }] }"

// flowsDir writes files into a directory.
func flowsDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// got is a received request.
type got struct {
	method, path, query, user, password, body string
	header                                    http.Header
}

// hook is a webhook that answers with functions in turn, and repeats the last one.
type hook struct {
	*httptest.Server
	mutex    sync.Mutex
	requests []got
}

func newHook(t *testing.T, answers ...http.HandlerFunc) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		h.mutex.Lock()
		h.requests = append(h.requests, got{r.Method, r.URL.Path, r.URL.RawQuery, user, password, string(body),
			r.Header})
		answer := answers[min(len(h.requests), len(answers))-1]
		h.mutex.Unlock()
		answer(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) got() []got {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.requests
}

// answer returns a handler that answers with a status, a body and headers as NAME, VALUE, ….
func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func ok(body string) http.HandlerFunc {
	return answer(200, body, "Content-Type", "application/json", "Everhook-Run-Id", sentRun)
}

// servedFlows are the flows of an admin address.
type servedFlows []api.Flow

func (s servedFlows) Flows(context.Context) ([]api.Flow, error) { return s, nil }

// storedFlows is the store of an admin address, for the flows that it shows.
type storedFlows struct {
	admin.Store
	flows servedFlows
}

func (s storedFlows) Flow(_ context.Context, key string) (store.Flow, error) {
	for _, flow := range s.flows {
		if flow.Key == key {
			return store.Flow{Key: key, Latest: flow.Version}, nil
		}
	}
	return store.Flow{}, store.ErrNotFound
}

func serveFlows(t *testing.T, flows ...api.Flow) string {
	server := httptest.NewServer(admin.New(admin.Options{Flows: servedFlows(flows), Runs: shownRuns{},
		Store: storedFlows{flows: flows}, Access: accesstest.Open(), Local: true}))
	t.Cleanup(server.Close)
	return server.URL
}

// send runs `everhook flow send`.
func send(t *testing.T, stdin string, args ...string) (out, errs string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), nodes.Standard(), append([]string{"flow", "send"}, args...),
		streams{strings.NewReader(stdin), &stdout, &stderr})
	return stdout.String(), stderr.String(), status
}

func TestFlowSendCallsTheURLThatTheServerNames(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{
		"orders/flow.yaml": sentFlow("orders", withBasic), "orders/request.json": `{"id":7}`,
		"other.yaml": sentFlow("other", ""),
		".env":       "EVERHOOK_SECRET_SHOP_PW=pass:word\n",
	})
	h := newHook(t, ok(`{"ok":true}`))
	server := serveFlows(t, api.Flow{Key: "orders", Enabled: true, URL: h.URL + hookPath}, api.Flow{Key: "other"})

	out, errs, status := send(t, "", "orders", "--dir", dir, "--server", server+"/")
	require.Zero(t, status, errs)
	require.Equal(t, "HTTP 200 OK\nRun   "+sentRun+"\nPage  "+server+"/runs/"+sentRun+
		"\nContent-Type: application/json\n\n{\"ok\":true}\n", out)
	require.Len(t, h.got(), 1)
	request := h.got()[0]
	require.Equal(t, "application/json", request.header.Get("Content-Type"))
	request.header = nil
	require.Equal(t, got{method: "POST", path: hookPath, user: "shop", password: "pass:word", body: `{"id":7}`},
		request, "the first user whose password is known")
}

func TestFlowSendTakesAFileAndAURL(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", withBasic), "body": "",
		"secrets/OLD_PW": "from a file\n"})
	h := newHook(t, answer(422, "no\x1b[31m\nway", "Content-Type", "text/plain"))
	out, errs, status := send(t, "", filepath.Join(dir, "flow.yaml"), "--url", h.URL+hookPath, "--secrets-dir",
		filepath.Join(dir, "secrets"))
	require.Equal(t, 1, status, "an answer that says no is told by the exit status")
	require.Empty(t, errs)
	require.Equal(t, "HTTP 422 Unprocessable Entity\nContent-Type: text/plain\n\nno\\u001b[31m\nway\n", out)
	require.Equal(t, "old", h.got()[0].user)
	require.Equal(t, "from a file", h.got()[0].password)
	require.Empty(t, h.got()[0].body)
	require.Empty(t, h.got()[0].header.Get("Content-Type"), "no body, no type")
}

func TestFlowSendChoosesTheTypeOfTheBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trigger, file string
		args          []string
		want          string
	}{
		"JSON by default":        {"", "body", nil, "application/json"},
		"by the end of the name": {", accept: [json, xml]", "order.XML", nil, "application/xml"},
		"what is accepted, by another end": {", accept: [form]", "order.xml", nil,
			"application/x-www-form-urlencoded"},
		"lines by the end of the name":     {"", "events.ndjson", nil, "application/x-ndjson"},
		"a file by the end of the name":    {", accept: [json, binary]", "photo.png", nil, "image/png"},
		"a file of an unknown end of name": {", accept: binary", "body", nil, "application/octet-stream"},
		"JSON where files are accepted":    {", accept: [json, binary]", "body", nil, "application/json"},
		"the first that is accepted":       {", accept: [text, json]", "body", nil, "text/plain; charset=utf-8"},
		"what the command line says": {", accept: [multipart]", "body",
			[]string{"-H", "content-type:multipart/form-data; boundary=b"}, "multipart/form-data; boundary=b"},
		"standard input has no end of name": {", accept: xml", "-", nil, "application/xml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := test.file
			dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", test.trigger),
				"request.json": "not this", "order.xml": "sent", "order.XML": "sent", "body": "sent",
				"events.ndjson": "sent", "photo.png": "sent"})
			if file != "-" {
				file = filepath.Join(dir, file)
			}
			h := newHook(t, ok("1"))
			_, errs, status := send(t, "sent", append([]string{"orders", "--dir", dir, "--url", h.URL, "--body", file},
				test.args...)...)
			require.Zero(t, status, errs)
			require.Equal(t, "sent", h.got()[0].body)
			require.Equal(t, []string{test.want}, h.got()[0].header["Content-Type"])
		})
	}
}

func TestFlowSendSendsHeadersBeforeItsOwnCredentials(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", withBasic),
		".env": "EVERHOOK_SECRET_OLD_PW=x"})
	h := newHook(t, ok("1"))
	_, errs, status := send(t, "", "orders", "--dir", dir, "--url", h.URL, "-H", "X-A: 1, 2", "-H", "x-a:3", "-H",
		"Authorization: Bearer other", "-H", "Host: hooks.example")
	require.Zero(t, status, errs)
	require.Equal(t, []string{"1, 2", "3"}, h.got()[0].header["X-A"])
	require.Equal(t, "Bearer other", h.got()[0].header.Get("Authorization"))
}

func TestFlowSendWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", withBasic),
		".env": "EVERHOOK_SECRET_OLD_PW=x"})
	later := answer(202, `{"status":"pending"}`, "Content-Type", "application/json", "Everhook-Run-Id", sentRun,
		"Location", lateness)
	busy := answer(503, "", "Retry-After", "1")
	h := newHook(t, later, later, busy, answer(201, "done", "Everhook-Run-Id", sentRun))
	began := time.Now()
	out, errs, status := send(t, "", "orders", "--dir", dir, "--url", h.URL+hookPath, "--wait")
	require.Zero(t, status, errs)
	require.Equal(t, "HTTP 201 Created\nRun   "+sentRun+
		"\nContent-Type: text/plain; charset=utf-8\n\ndone\n", out)
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second, "a server that does not hold the question is not "+
		"asked without a pause")
	require.Len(t, h.got(), 4)
	for _, question := range h.got()[1:] {
		question.header = nil
		require.Equal(t, got{method: "GET", path: lateness, query: "wait=20s", user: "old", password: "x"}, question)
	}
}

func TestFlowSendDoesNotWaitForWhatIsAnAnswer(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", "")})
	for name, headers := range map[string][]string{
		"a 202 of an async flow":        {"Everhook-Run-Id", sentRun},
		"a Location that the flow made": {"Everhook-Run-Id", sentRun, "Location", "/orders/7"},
		"the answer of another run":     {"Everhook-Run-Id", "zzzz" + sentRun[4:], "Location", lateness},
		"an answer without a run":       {"Location", lateness},
		"a run ID that cannot be one":   {"Everhook-Run-Id", "7", "Location", "/api/webhook:answer/x/7"},
		"a path that ends like an answer": {"Everhook-Run-Id", sentRun, "Location", "https://elsewhere.example/" +
			sentRun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHook(t, answer(202, "", headers...))
			_, errs, status := send(t, "", "orders", "--dir", dir, "--url", h.URL+hookPath, "--wait")
			require.Zero(t, status, errs)
			require.Len(t, h.got(), 1)
		})
	}
}

func TestFlowSendPrintsJSON(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", "")})
	h := newHook(t, answer(200, `{"a":[1]}`, "Content-Type", "application/cloudevents+json", "Date", "", "X-A", "\xff",
		"Everhook-Run-Id", sentRun))
	server := serveFlows(t, api.Flow{Key: "orders", Enabled: true, URL: h.URL + hookPath})
	out, errs, status := send(t, "", "orders", "--dir", dir, "--server", server, "--output", "json")
	require.Zero(t, status, errs)
	require.JSONEq(t, `{"status":200,"headers":{"content-length":"9","content-type":"application/cloudevents+json",`+
		`"date":"","everhook-run-id":"`+sentRun+`","x-a":"\ufffd"},"body":{"a":[1]},"runId":"`+sentRun+
		`","page":"`+server+"/runs/"+sentRun+`"}`, out)

	for body, want := range map[string]string{"": `"body":null`, "text\xff": `"body":"text` + "\uFFFD" + `"`,
		"{": `"body":"{"`} {
		h := newHook(t, answer(200, body, "Content-Type", "application/json"))
		out, _, status := send(t, "", "orders", "--dir", dir, "--url", h.URL, "--output", "json")
		require.Zero(t, status)
		require.Contains(t, out, want)
		require.NotContains(t, out, "runId")
	}
}

func TestFlowSendSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{
		"flow.yaml": sentFlow("orders", withBasic), "open.yaml": sentFlow("open", ""),
		"files.yaml": sentFlow("files", ", accept: [multipart]"), "one.yaml": sentFlow("twice", ""),
		"two.yml": sentFlow("twice", ""), "broken.yaml": "key: broken\ntrigger: { type: webhok }\n", "body": "x",
		"large": strings.Repeat("x", 10<<20+1),
	})
	dotenv := flowsDir(t, map[string]string{"open.yaml": sentFlow("open", ""), ".env": "not a line"})
	plain := flowsDir(t, map[string]string{"open.yaml": sentFlow("open", "")})
	h := newHook(t, ok("1"))
	cut := newHook(t, answer(200, "x", "Content-Length", "100"))
	later := newHook(t, answer(202, "", "Everhook-Run-Id", sentRun, "Location", "https://hooks.example"+lateness))
	server := serveFlows(t, api.Flow{Key: "open", URL: h.URL, Note: "the secret\x1b X is not set"})
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a key that no file has": {[]string{"none", "--dir", plain}, "no flow none in " + plain +
			"; give its directory with --dir, or its file"},
		"a key that may be in a broken file": {[]string{"broken", "--dir", dir},
			"but files with errors: broken.yaml; see `everhook flow validate`"},
		"a key that two files have": {[]string{"twice", "--dir", dir},
			"the flow twice is in one.yaml and two.yml; give the file instead of the key"},
		"a directory that is none": {[]string{"open", "--dir", filepath.Join(dir, "none")},
			"the directory of flows"},
		"a file that is none": {[]string{"./none.yaml"}, "no such file"},
		"a file with errors":  {[]string{filepath.Join(dir, "broken.yaml")}, "broken.yaml:2"},
		"a secret that is not set": {[]string{"orders", "--dir", dir, "--url", h.URL},
			"set the variable EVERHOOK_SECRET_OLD_PW"},
		"a .env that cannot be read": {[]string{"open", "--dir", dotenv, "--url", h.URL}, ".env: line 1"},
		"a directory of secrets that is none": {[]string{"open", "--dir", dir, "--url", h.URL, "--secrets-dir", "none"},
			"the directory of secrets"},
		"a URL that is none": {[]string{"open", "--dir", dir, "--url", "hooks.example"},
			"is not the URL of a webhook"},
		"a header that is none": {[]string{"open", "--dir", dir, "--url", h.URL, "-H", "hello"},
			"is not a header; write NAME: VALUE"},
		"a body that is none": {[]string{"open", "--dir", dir, "--url", h.URL, "--body",
			filepath.Join(dir, "none")}, "no such file"},
		"a body that is too large": {[]string{"open", "--dir", dir, "--url", h.URL, "--body",
			filepath.Join(dir, "large")}, "the body is larger than 10MiB"},
		"a form without its boundary": {[]string{"files", "--dir", dir, "--url", h.URL, "--body",
			filepath.Join(dir, "body")}, "add -H 'Content-Type: multipart/form-data; boundary=…'"},
		"a flow that the server has not": {[]string{"orders", "--dir", dir, "--server", serveFlows(t)},
			"has no flow orders; start it with the flow's directory"},
		"a flow that is not served": {[]string{"open", "--dir", dir, "--server", server},
			`the flow open is not served: the secret\u001b X is not set`},
		"a server that is away": {[]string{"open", "--dir", dir, "--server", unreachable},
			"no Everhook server answers at"},
		"a webhook that is away": {[]string{"open", "--dir", dir, "--url", unreachable}, "no answer from " +
			strings.TrimPrefix(unreachable, "http://")},
		"an answer that breaks off": {[]string{"open", "--dir", dir, "--url", cut.URL}, "broke off"},
		"an answer that will be elsewhere": {[]string{"open", "--dir", dir, "--url", later.URL, "--wait"},
			"credentials for " + strings.TrimPrefix(later.URL, "http://") + " are not sent there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, status := send(t, "", test.args...)
			require.Equal(t, 1, status)
			require.Empty(t, out)
			require.Contains(t, errs, test.want)
		})
	}
}

func TestFlowSendWaitsForTheEndOfAnAsyncFlow(t *testing.T) {
	t.Parallel()
	asked := 0
	summary := runs.Summary{ID: sentRun, Flow: "orders", Status: everhook.Pending}
	all := shownRuns{runs: []runs.Summary{summary}, detail: func(run runs.Summary) runs.Detail {
		if asked++; asked == 1 {
			return runs.Detail{Summary: run}
		}
		ended := runStarted
		run.Status, run.Ended = everhook.Failed, &ended
		return runs.Detail{Summary: run, Outcome: &everhook.Outcome{Status: everhook.Failed,
			Output: &everhook.Value{V: map[string]any{"total": 7}}, Error: everhook.Errorf("partner", "no")}}
	}}
	admin := serveRuns(t, all, "")
	dir := flowsDir(t, map[string]string{
		"flow.yaml": "key: orders\nmode: async\ntrigger: { type: webhook }\nnodes: []\n"})
	h := newHook(t, answer(200, "ok", "Everhook-Run-Id", sentRun, "Everhook-Duplicate", "true", "X-Own", "yes"))
	out, errs, status := send(t, "", "orders", "--dir", dir, "--url", h.URL, "--server", admin, "--wait")
	require.Equal(t, 1, status, errs)
	require.Contains(t, out, "HTTP 200 OK\nRun   "+sentRun+
		"\nThis delivery is a duplicate: the run and the answer are "+
		"those of the first one.\n")
	require.Contains(t, out, "\nX-Own: yes\n")
	require.Contains(t, out, "\nok\n\nThe run ended failed\nError   no\nOutput  {\"total\":7}\n")
	require.Equal(t, 2, asked)

	out, _, status = send(t, "", "orders", "--dir", dir, "--url", h.URL, "--server", admin, "--wait", "--output",
		"json")
	require.Equal(t, 1, status)
	require.JSONEq(t, `{"error":"no","output":{"total":7},"status":"failed"}`, string(jsonMember(t, out, "run")))
}

// jsonMember returns a member of a JSON object.
func jsonMember(t *testing.T, text, name string) json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &members))
	return members[name]
}

func TestFlowSendStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	h := newHook(t,
		answer(202, "", "Everhook-Run-Id", sentRun, "Location", lateness),
		func(w http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
	c := newCaller(http.MethodPost, nil, nil, nil)
	first, err := c.post(ctx, h.URL+hookPath, nil, time.Minute)
	require.NoError(t, err)
	_, err = c.follow(ctx, h.URL+hookPath, first)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the run "+sentRun+" goes on")
}

func TestFlowSendDoesNotFollowRedirects(t *testing.T) {
	t.Parallel()
	dir := flowsDir(t, map[string]string{"flow.yaml": sentFlow("orders", withBasic),
		".env": "EVERHOOK_SECRET_OLD_PW=x"})
	elsewhere := newHook(t, ok("1"))
	h := newHook(t, answer(307, "", "Location", elsewhere.URL))
	out, _, status := send(t, "", "orders", "--dir", dir, "--url", h.URL)
	require.Zero(t, status)
	require.Equal(t, "HTTP 307 Temporary Redirect\nLocation: "+elsewhere.URL+"\n", out)
	require.Empty(t, elsewhere.got())
}

func TestALiteralCredentialIsSentAsItIs(t *testing.T) {
	t.Parallel()
	all := credentialsOf(&trigger.WebhookCalls{Auth: trigger.WebhookAuth{Basic: []trigger.WebhookUser{{Username: "u",
		Password: trigger.Credential{Literal: "p"}}}}}, nil)
	request := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, c := range all {
		require.NoError(t, c.show(request, nil))
	}
	user, password, _ := request.BasicAuth()
	require.Equal(t, "u:p", user+":"+password)
	require.Empty(t, credentialsOf(&trigger.WebhookCalls{}, nil))
}
