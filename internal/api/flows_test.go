package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
)

// deployed serves the flows of a store, and reads them for lists, as the catalog does.
type deployed struct {
	*store.Store
	denied error
}

func (d *deployed) Permit(*everhook.Definition) error { return d.denied }

func (d *deployed) Deploy(ctx context.Context, definition *everhook.Definition, source string,
	o store.ApplyOptions) (store.Applied, error) {
	return d.Apply(ctx, definition, source, o)
}

func (*deployed) Await(context.Context) error { return nil }

func (d *deployed) Flows(ctx context.Context) ([]Flow, error) {
	stored, err := d.Store.Flows(ctx)
	var flows []Flow
	for _, f := range stored {
		flows = append(flows, Flow{Key: f.Key, Title: f.Title, Mode: f.Mode, Version: f.Enabled,
			Enabled: f.Enabled > 0, URL: "http://h/" + f.Token}.With(f))
	}
	return flows, err
}

// onStore is the API on a store of its own.
func onStore(t *testing.T) (*service, *deployed) {
	t.Helper()
	opened, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	d := &deployed{Store: opened}
	return newService(Options{Store: d, Deployment: d, Flows: d, Requests: d, Registry: nodes.Standard(),
		Actions: &fakeActions{}, HookURL: func(token string) string { return "http://h/" + token }}), d
}

// flowText is a flow whose answer has a status.
func flowText(key, status string) string {
	return "# a comment\nkey: " + key + "\nmode: sync\ntrigger: { type: webhook }\nnodes:\n" +
		"  - { key: done, type: response, config: { status: " + status + " } }\n"
}

// applied applies a flow and returns its ETag.
func (s *service) applied(t *testing.T, key, status string) string {
	t.Helper()
	w := s.call(t, "PUT", "/api/v1/flows/"+key, flowText(key, status))
	require.Equal(t, 200, w.Code, w.Body)
	return w.Header().Get("ETag")
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.Equal(t, 2, w.Code/100, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body)
	return v
}

func TestAFlowIsAppliedReadAndRolledBack(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	first := decode[AppliedFlow](t, s.call(t, "PUT", "/api/v1/flows/orders?note=first", flowText("orders", "200")))
	require.Equal(t, 1, first.Version)
	require.True(t, first.Created)
	second := decode[AppliedFlow](t, s.call(t, "PUT", "/api/v1/flows/orders", flowText("orders", "201")))
	require.Equal(t, 2, second.Version)
	require.Equal(t, "node done: config.status 200 → 201", second.Changes[0].Text)
	again := decode[AppliedFlow](t, s.call(t, "PUT", "/api/v1/flows/orders", flowText("orders", "201")))
	require.Equal(t, 2, again.Version)
	require.False(t, again.Created)
	require.Empty(t, again.Changes)

	require.Equal(t, flowText("orders", "201"), s.call(t, "GET", "/api/v1/flows/orders/export", "").Body.String())
	require.Equal(t, flowText("orders", "200"),
		s.call(t, "GET", "/api/v1/flows/orders/export?version=1", "").Body.String())
	diff := decode[VersionDiff](t, s.call(t, "GET", "/api/v1/flows/orders/diff?from=2&to=1", ""))
	require.Equal(t, "node done: config.status 201 → 200", diff.Changes[0].Text)

	back := s.call(t, "POST", "/api/v1/flows/orders/versions/1/enable", "")
	require.Equal(t, 1, decode[Flow](t, back).Version)
	versions := decode[VersionList](t, s.call(t, "GET", "/api/v1/flows/orders/versions", ""))
	require.Len(t, versions.Versions, 2)
	require.Equal(t, "local", versions.Versions[1].Author)
	require.Equal(t, "first", versions.Versions[1].Note)
	require.True(t, versions.Versions[1].Enabled)

	require.Zero(t, decode[Flow](t, s.call(t, "POST", "/api/v1/flows/orders/disable", "")).Version)
	require.Equal(t, 204, s.call(t, "DELETE", "/api/v1/flows/orders", "").Code)
	require.Equal(t, 404, s.call(t, "GET", "/api/v1/flows/orders", "").Code)

	trail := decode[AuditList](t, s.call(t, "GET", "/api/v1/audit?object=flow&name=orders", ""))
	var actions []string
	for _, entry := range trail.Entries {
		actions = append(actions, entry.Action)
		require.Equal(t, "local", entry.Actor)
	}
	require.Equal(t, []string{"delete", "disable", "enable", "apply", "apply"}, actions)
}

func TestAFlowOfAnOldReleaseIsExported(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	def := &everhook.Definition{Key: "old", Mode: everhook.Sync, Trigger: everhook.Trigger{Type: "webhook"},
		Nodes: []everhook.Node{{Key: "done", Type: "response", Config: everhook.Mapping{"status": int64(200),
			"body": "a: b\n"}}}}
	_, err := d.Apply(t.Context(), def, "test", store.ApplyOptions{Enable: true})
	require.NoError(t, err)
	text := s.call(t, "GET", "/api/v1/flows/old/export", "").Body.String()
	flow, problems, err := s.compiled(text, "old")
	require.NoError(t, err, "%v\n%s", problems, text)
	require.Equal(t, "a: b\n", flow.Definition.Nodes[0].Config["body"])
	require.Less(t, strings.Index(text, "key: old"), strings.Index(text, "nodes:"))
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	planned := decode[AppliedFlow](t, s.call(t, "PUT", "/api/v1/flows/orders?dryRun=true", flowText("orders", "200")))
	require.True(t, planned.DryRun && planned.Created)
	require.NotEmpty(t, planned.Changes)
	_, err := d.Flow(t.Context(), "orders")
	require.ErrorIs(t, err, store.ErrNotFound)

	dry := s.call(t, "PUT", "/api/v1/flows/orders?dryRun=true", flowText("orders", "200"))
	require.Empty(t, dry.Header().Get("ETag"))
	tag := s.applied(t, "orders", "200")
	dry = s.call(t, "PUT", "/api/v1/flows/orders?dryRun=true", flowText("orders", "201"))
	require.Equal(t, tag, dry.Header().Get("ETag"), "what is planned can be applied to what was seen")
	planned = decode[AppliedFlow](t, s.call(t, "PUT", "/api/v1/flows/orders?dryRun=true", flowText("orders", "200"),
		"If-Match", tag))
	require.False(t, planned.Created)
	require.Equal(t, 412, s.call(t, "PUT", "/api/v1/flows/orders?dryRun=true", flowText("orders", "200"), "If-Match",
		`"99"`).Code)
}

func TestARepeatedApplyIsMadeOnce(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	tag := s.applied(t, "orders", "200")
	headers := []string{"If-Match", tag, keyHeader, "k1"}
	first := s.call(t, "PUT", "/api/v1/flows/orders", flowText("orders", "201"), headers...)
	require.Equal(t, 200, first.Code, first.Body)
	again := s.call(t, "PUT", "/api/v1/flows/orders", flowText("orders", "201"), headers...)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, first.Header().Get("ETag"), again.Header().Get("ETag"))

	// A process that ends between its change and its answer has lost the answer only.
	lossy := s.Options
	lossy.Requests = forgetful{d}
	died := newService(lossy)
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		want                 int
	}{
		"apply": {"PUT", "/api/v1/flows/orders", flowText("orders", "202"),
			[]string{"If-Match", first.Header().Get("ETag")}, 200},
		"delete": {"DELETE", "/api/v1/flows/gone", "", nil, 204},
		"draft":  {"PUT", "/api/v1/flows/drafted/draft", `{"text":"a"}`, nil, 200},
		"rotate": {"POST", "/api/v1/flows/rotated/rotate-token", `{"graceSeconds":60}`, nil, 200},
	} {
		s.applied(t, "gone", "200")
		s.applied(t, "rotated", "200")
		headers := append(slices.Clone(c.headers), keyHeader, name)
		require.Equal(t, c.want, died.call(t, c.method, c.target, c.body, headers...).Code, name)
		before, _ := d.Revision(t.Context())
		w := s.call(t, c.method, c.target, c.body, headers...)
		require.Equal(t, c.want, w.Code, "%s: %s", name, w.Body)
		require.Empty(t, w.Header().Get(repeatedHeader))
		after, _ := d.Revision(t.Context())
		require.Equal(t, before, after, "%s: nothing is changed twice", name)
	}
}

// forgetful ends like a process that was killed before it kept an answer.
type forgetful struct{ *deployed }

func (f forgetful) EndRequest(ctx context.Context, r store.Request, _ string) error {
	return f.GiveUpRequest(ctx, r)
}

func TestFlowsAreListedByFilterAndPage(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		s.applied(t, key, "200")
	}
	require.NoError(t, d.SetLabels(t.Context(), "b", []string{"crm"}))
	require.NoError(t, d.Disable(t.Context(), "c"))
	keys := func(query string) (keys []string) {
		for {
			list := decode[FlowList](t, s.call(t, "GET", "/api/v1/flows?limit=2&"+query, ""))
			for _, flow := range list.Flows {
				keys = append(keys, flow.Key)
			}
			if list.Next == "" {
				return keys
			}
			query = strings.Split(query, "&page=")[0] + "&page=" + list.Next
		}
	}
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, keys(""))
	require.Equal(t, []string{"b"}, keys("label=crm"))
	require.Equal(t, []string{"c"}, keys("state=disabled"))
	require.Equal(t, []string{"a", "b", "d", "e"}, keys("state=served"))
	require.Equal(t, []string{"d"}, keys("text=D"))
}

func TestADraftIsSavedUndoneAndPublished(t *testing.T) {
	t.Parallel()
	s, _ := onStore(t)
	first := s.call(t, "PUT", "/api/v1/flows/orders/draft", `{"text":"half a fl"}`)
	require.Equal(t, "half a fl", decode[Draft](t, first).Text)
	body, err := json.Marshal(DraftText{Text: flowText("orders", "200"), Operation: "finish"})
	require.NoError(t, err)
	second := s.call(t, "PUT", "/api/v1/flows/orders/draft", string(body), "If-Match", first.Header().Get("ETag"))
	require.NotEmpty(t, decode[Draft](t, second).Undo)
	undone := s.call(t, "POST", "/api/v1/flows/orders/draft/undo", "", "If-Match", second.Header().Get("ETag"))
	require.Equal(t, "half a fl", decode[Draft](t, undone).Text)
	tag := undone.Header().Get("ETag")
	refused := s.call(t, "POST", "/api/v1/flows/orders/draft/publish", "", "If-Match", tag)
	require.Equal(t, 422, refused.Code, "it is not valid")
	redone := s.call(t, "POST", "/api/v1/flows/orders/draft/redo", "", "If-Match", tag)
	tag = redone.Header().Get("ETag")
	require.Equal(t, tag, s.call(t, "GET", "/api/v1/flows/orders/draft", "").Header().Get("ETag"))
	require.Equal(t, 412, s.call(t, "POST", "/api/v1/flows/orders/draft/publish", "", "If-Match", `"77"`).Code)

	planned := decode[AppliedFlow](t, s.call(t, "POST", "/api/v1/flows/orders/draft/publish", `{"dryRun":true}`,
		"If-Match", tag))
	require.True(t, planned.DryRun)
	done := decode[AppliedFlow](t, s.call(t, "POST", "/api/v1/flows/orders/draft/publish", `{"note":"go"}`, "If-Match",
		tag))
	require.Equal(t, 1, done.Version)
	require.Equal(t, 404, s.call(t, "GET", "/api/v1/flows/orders/draft", "").Code)
	require.Equal(t, 200, s.call(t, "GET", "/api/v1/flows/orders", "").Code)

	fresh := s.call(t, "PUT", "/api/v1/flows/orders/draft", `{"text":"x"}`)
	require.Equal(t, 412, s.call(t, "PUT", "/api/v1/flows/orders/draft", `{"text":"y"}`).Code, "there is one")
	require.Equal(t, 204, s.call(t, "DELETE", "/api/v1/flows/orders/draft", "", "If-Match",
		fresh.Header().Get("ETag")).Code)
}

func TestBadInputChangesNothing(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	tag := s.applied(t, "orders", "200")
	s.applied(t, "other", "200")
	named := strings.Replace(flowText("orders", "201"), "type: webhook", "type: webhook, token: shared-token", 1)
	require.Equal(t, 200, s.call(t, "PUT", "/api/v1/flows/named", strings.Replace(named, "orders", "named", 1)).Code)
	_, err := d.Apply(t.Context(), &everhook.Definition{Key: "filed", Mode: everhook.Sync,
		Trigger: everhook.Trigger{Type: "webhook"}}, "flows/filed.yaml",
		store.ApplyOptions{Enable: true, Managed: store.ManagedByFiles})
	require.NoError(t, err)
	_, err = d.PutDraft(t.Context(), store.DraftPut{Flow: "orders", Text: "draft"})
	require.NoError(t, err)
	page := decode[FlowList](t, s.call(t, "GET", "/api/v1/flows?limit=1", "")).Next
	before, err := d.Revision(t.Context())
	require.NoError(t, err)

	for name, c := range map[string]struct {
		request, body string
		headers       []string
		status        int
		pointer       string
	}{
		"a wrong type":       {"PUT /flows/orders/labels", `{"labels":"a"}`, nil, 400, "/body/labels"},
		"an unknown field":   {"PUT /flows/orders/labels", `{"labels":[],"tags":[]}`, nil, 400, "/body/tags"},
		"a missing field":    {"PUT /flows/orders/labels", `{}`, nil, 400, "/body"},
		"no JSON":            {"PUT /flows/orders/labels", `{`, nil, 400, "/body"},
		"another media type": {"PUT /flows/orders/labels", `{}`, []string{"Content-Type", "text/csv"}, 415, "/body"},
		"no body":            {"PUT /flows/orders/labels", ``, nil, 400, ""},
		"an unknown parameter": {"PUT /flows/orders?dry-run=true", flowText("orders", "201"), nil,
			400, "/query/dry-run"},
		"a parameter of a wrong type": {"PUT /flows/orders?dryRun=maybe", flowText("orders", "201"), nil,
			400, "/query/dryRun"},
		"a stale ETag": {"PUT /flows/orders", flowText("orders", "201"), []string{"If-Match", `"1"`},
			412, "/header/If-Match"},
		"an ETag without quotes": {"PUT /flows/orders", flowText("orders", "201"), []string{"If-Match", "7"},
			400, "/header/If-Match"},
		"a weak ETag": {"PUT /flows/orders", flowText("orders", "201"), []string{"If-Match", "W/" + tag},
			400, "/header/If-Match"},
		"an ETag of no flow": {"PUT /flows/none", flowText("none", "201"), []string{"If-Match", "*"},
			412, "/header/If-Match"},
		"a name that exists": {"PUT /flows/orders", flowText("orders", "201"), []string{"If-None-Match", "*"},
			412, "/header/If-Match"},
		"a stale draft": {"PUT /flows/orders/draft", `{"text":"b"}`, []string{"If-Match", `"9"`},
			412, "/header/If-Match"},
		"a draft without ETag": {"POST /flows/orders/draft/undo", ``, nil, 400, "/header/If-Match"},
		"another key":          {"PUT /flows/orders", flowText("other", "201"), nil, 400, "/body/key"},
		"a key that is none":   {"PUT /flows/A_B", flowText("orders", "201"), nil, 400, "/path/key"},
		"a flow with an error": {"PUT /flows/orders", flowText("orders", "{a: 1}"), nil,
			422, "/body/nodes/0/config/status"},
		"a token of another flow": {"PUT /flows/orders", named, nil, 409, "/body/trigger/token"},
		"a flow of files":         {"POST /flows/filed/disable", ``, nil, 409, ""},
		"a version that is none":  {"POST /flows/orders/versions/7/enable", ``, nil, 404, ""},
		"a number that is none":   {"POST /flows/orders/versions/x/enable", ``, nil, 400, "/path/number"},
		"a flow that is none":     {"DELETE /flows/none", ``, nil, 404, ""},
		"a grace that is too long": {"POST /flows/orders/rotate-token", `{"graceSeconds":1e9}`, nil,
			400, "/body/graceSeconds"},
		"a cursor of another list":   {"GET /audit?page=" + page, ``, nil, 400, "/query/page"},
		"a cursor of another filter": {"GET /flows?text=o&page=" + page, ``, nil, 400, "/query/page"},
		"a time that is none":        {"GET /audit?after=soon", ``, nil, 400, "/query/after"},
		"a sample that is none":      {"POST /parse", `{`, nil, 400, "/body"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		w := s.call(t, method, "/api/v1"+path, c.body, c.headers...)
		require.Equal(t, c.status, w.Code, "%s: %s", name, w.Body)
		require.Equal(t, problemType, w.Header().Get("Content-Type"), name)
		var problem everhook.Problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem), name)
		require.Equal(t, c.status, problem.Status, name)
		require.NotEmpty(t, problem.Detail, name)
		if c.pointer != "" {
			require.NotEmpty(t, problem.Errors, "%s: %s", name, w.Body)
			require.Equal(t, c.pointer, problem.Errors[0].Pointer, name)
		}
		after, err := d.Revision(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after, "%s: nothing may be changed", name)
		draft, err := d.Draft(t.Context(), "orders")
		require.NoError(t, err)
		require.Equal(t, "draft", draft.Text, name)
	}
}

func TestALimitedActorSeesAndChangesItsFlows(t *testing.T) {
	t.Parallel()
	s, d := onStore(t)
	s.applied(t, "own", "200")
	s.applied(t, "foreign", "200")
	require.NoError(t, d.SetLabels(t.Context(), "own", []string{"crm"}))
	actor := access.Actor{ID: "token:crm", Kind: access.KindToken, Role: access.Editor, Labels: []string{"crm"}}
	call := func(method, target, body string) int {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), actor)))
		return w.Code
	}
	for _, c := range []struct {
		method, path, body string
		own                int
	}{
		{"GET", "", "", 200}, {"GET", "/export", "", 200}, {"GET", "/versions", "", 200},
		{"GET", "/counters", "", 200}, {"GET", "/diff?from=1&to=1", "", 200}, {"GET", "/draft", "", 404},
		{"POST", "/versions/1/enable", "", 200}, {"POST", "/rotate-token", "", 200},
		{"PUT", "/draft", `{"text":"a"}`, 200}, {"POST", "/pause", "", 200}, {"POST", "/resume", "", 200},
		{"POST", "/disable", "", 200}, {"DELETE", "", "", 403},
	} {
		require.Equal(t, c.own, call(c.method, "/api/v1/flows/own"+c.path, c.body), "%s %s", c.method, c.path)
		if c.own != http.StatusForbidden {
			require.Equal(t, 404, call(c.method, "/api/v1/flows/foreign"+c.path, c.body), "%s %s", c.method, c.path)
		}
	}
	require.Equal(t, 404, call("PUT", "/api/v1/flows/foreign", flowText("foreign", "201")))
	require.Equal(t, 404, call("PUT", "/api/v1/flows/made", flowText("made", "201")), "it would have no label")
	require.Equal(t, 403, call("PUT", "/api/v1/flows/own/labels", `{"labels":["x"]}`), "a label is a right")
	require.Equal(t, 403, call("GET", "/api/v1/audit", ""))
}
