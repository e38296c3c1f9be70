package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/apiclient"
	"github.com/everhook/everhook/internal/server"
)

// generated is the generated client of a server, and the requests that it made.
type generated struct {
	*apiclient.ClientWithResponses
	mutex sync.Mutex
	asked []string
}

// RoundTrip records a request.
func (g *generated) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mutex.Lock()
	g.asked = append(g.asked, r.Method+" "+r.URL.Path)
	g.mutex.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

const clientToken = "correct-horse-battery-staple"

// newGenerated returns the client of a server, which shows the admin token.
func newGenerated(t *testing.T, p *product) *generated {
	t.Helper()
	g := &generated{}
	var err error
	g.ClientWithResponses, err = apiclient.NewClientWithResponses(p.AdminURL(),
		apiclient.WithHTTPClient(&http.Client{Transport: g}),
		apiclient.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+clientToken)
			return nil
		}))
	require.NoError(t, err)
	return g
}

// decoded returns the body of an answer as the generated type, whose fields must be those of the body.
func decoded[T any](t *testing.T, answer any, err error) (body T, header http.Header) {
	t.Helper()
	require.NoError(t, err)
	value := reflect.ValueOf(answer).Elem()
	text := value.FieldByName("Body").Bytes()
	response := value.FieldByName("HTTPResponse").Interface().(*http.Response)
	field := value.FieldByName(fmt.Sprintf("JSON%d", response.StatusCode))
	require.True(t, field.IsValid() && !field.IsNil(), "%s: %s", response.Status, text)
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&body), "%T: %s", body, text)
	require.Equal(t, body, field.Elem().Interface(), "the document names another type")
	return body, response.Header
}

// empty requires an answer without a body.
func empty(t *testing.T, answer interface{ StatusCode() int }, err error) {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, answer.StatusCode())
}

func clientFlow(status string) *strings.Reader {
	return strings.NewReader("key: client\nmode: async\ntrigger: { type: webhook }\nnodes:\n" +
		"  - key: kind\n    type: condition\n    config: { expression: 'trigger.body.wait' }\n" +
		"    branches: { then: [" + longWait + "] }\n" +
		"  - { key: done, type: variable, config: { value: '" + status + "' } }\n")
}

const yamlType = "application/yaml"

// TestAGeneratedClientCallsEveryOperation: each answer is of the type that the document names.
func TestAGeneratedClientCallsEveryOperation(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: func(o *server.Options) {
		c.uses(o)
		o.AdminToken = clientToken
	}})
	g := newGenerated(t, p)
	g.flows(t)
	g.drafts(t)
	g.runs(t, p)
	g.calls(t)
	g.deliveries(t)
	g.inbox(t, p, c)
	g.people(t, p)
	g.events(t)
	deleted, err := g.DeleteFlowWithResponse(t.Context(), "client", nil)
	empty(t, deleted, err)
	g.requireAll(t)
}

// requireAll requires that every operation of the document was called.
func (g *generated) requireAll(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("../../docs/openapi.json")
	require.NoError(t, err)
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	require.NoError(t, json.Unmarshal(data, &document))
	parameter := regexp.MustCompile(`\\\{[a-z]+\\\}`)
	asked := "\n" + strings.Join(g.asked, "\n") + "\n"
	for path, operations := range document.Paths {
		for method, operation := range operations {
			pattern := "\n" + strings.ToUpper(method) + " " +
				parameter.ReplaceAllString(regexp.QuoteMeta(path), `[^/\n]+`) + "\n"
			require.Regexp(t, pattern, asked, operation.OperationID)
		}
	}
}

func (g *generated) flows(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	validated, err := g.ValidateFlowWithBodyWithResponse(ctx, nil, yamlType, clientFlow("one"))
	decoded[apiclient.ValidatedFlow](t, validated, err)
	for number, status := range []string{"one", "two"} {
		answer, err := g.ApplyFlowWithBodyWithResponse(ctx, "client", nil, yamlType, clientFlow(status))
		applied, header := decoded[apiclient.AppliedFlow](t, answer, err)
		require.EqualValues(t, number+1, applied.Version)
		require.NotEmpty(t, header.Get("ETag"))
	}
	listed, err := g.ListFlowsWithResponse(ctx, nil)
	flows, _ := decoded[apiclient.FlowList](t, listed, err)
	require.Len(t, flows.Flows, 1)
	got, err := g.GetFlowWithResponse(ctx, "client")
	decoded[apiclient.Flow](t, got, err)
	versions, err := g.ListVersionsWithResponse(ctx, "client", nil)
	decoded[apiclient.VersionList](t, versions, err)
	diff, err := g.DiffVersionsWithResponse(ctx, "client", &apiclient.DiffVersionsParams{From: 1, To: 2})
	decoded[apiclient.VersionDiff](t, diff, err)
	labelled, err := g.LabelFlowWithResponse(ctx, "client", nil, apiclient.Labels{Labels: []string{"crm"}})
	decoded[apiclient.Flow](t, labelled, err)
	rotated, err := g.RotateTokenWithResponse(ctx, "client", nil, apiclient.Rotation{})
	decoded[apiclient.Flow](t, rotated, err)
	disabled, err := g.DisableFlowWithResponse(ctx, "client", nil)
	decoded[apiclient.Flow](t, disabled, err)
	enabled, err := g.EnableVersionWithResponse(ctx, "client", 2, nil)
	decoded[apiclient.Flow](t, enabled, err)
	paused, err := g.PauseFlowWithResponse(ctx, "client", nil)
	decoded[apiclient.Flow](t, paused, err)
	resumed, err := g.ResumeFlowWithResponse(ctx, "client", nil)
	decoded[apiclient.Flow](t, resumed, err)
	exported, err := g.ExportFlowWithResponse(ctx, "client", nil)
	require.NoError(t, err)
	require.Contains(t, string(exported.Body), "value: 'two'")
	counted, err := g.GetCountersWithResponse(ctx, "client")
	decoded[apiclient.Counters](t, counted, err)
	sample, err := g.ParseSampleWithBodyWithResponse(ctx, nil, "text/plain", strings.NewReader("a=1&b=2"))
	decoded[apiclient.ParsedSample](t, sample, err)
	audit, err := g.ListAuditWithResponse(ctx, nil)
	decoded[apiclient.AuditList](t, audit, err)
}

func (g *generated) drafts(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	text, err := g.ExportFlowWithResponse(ctx, "client", nil)
	require.NoError(t, err)
	put, err := g.PutDraftWithResponse(ctx, "client", nil, apiclient.DraftText{Text: string(text.Body)})
	_, header := decoded[apiclient.Draft](t, put, err)
	key := "finished"
	edited, err := g.EditDraftWithResponse(ctx, "client", &apiclient.EditDraftParams{IfMatch: header.Get("ETag")},
		apiclient.DraftEdits{Operations: []apiclient.Operation{{Op: "rename", Pointer: "/nodes/1", Key: &key}}})
	_, header = decoded[apiclient.EditedDraft](t, edited, err)
	undone, err := g.UndoDraftWithResponse(ctx, "client", &apiclient.UndoDraftParams{IfMatch: header.Get("ETag")})
	_, header = decoded[apiclient.Draft](t, undone, err)
	redone, err := g.RedoDraftWithResponse(ctx, "client", &apiclient.RedoDraftParams{IfMatch: header.Get("ETag")})
	_, header = decoded[apiclient.Draft](t, redone, err)
	got, err := g.GetDraftWithResponse(ctx, "client")
	draft, _ := decoded[apiclient.Draft](t, got, err)
	require.Contains(t, draft.Text, "key: finished")
	checked, err := g.CheckDraftWithResponse(ctx, "client")
	decoded[apiclient.CheckedDraft](t, checked, err)
	named, err := g.ListNamesWithResponse(ctx, "client", nil)
	decoded[apiclient.NameList](t, named, err)
	kinds, err := g.ListKindsWithResponse(ctx)
	decoded[apiclient.KindList](t, kinds, err)
	whole := true
	completed, err := g.CompleteDraftWithResponse(ctx, "client", nil, apiclient.ExpressionAt{
		Pointer: "/nodes/0/config/expression", Text: "trigger.", Offset: 8, Whole: &whole})
	decoded[apiclient.CompletedExpression](t, completed, err)
	published, err := g.PublishDraftWithResponse(ctx, "client",
		&apiclient.PublishDraftParams{IfMatch: header.Get("ETag")}, apiclient.Publication{})
	applied, _ := decoded[apiclient.AppliedFlow](t, published, err)
	require.EqualValues(t, 3, applied.Version)
	put, err = g.PutDraftWithResponse(ctx, "client", nil, apiclient.DraftText{Text: draft.Text})
	_, header = decoded[apiclient.Draft](t, put, err)
	discarded, err := g.DiscardDraftWithResponse(ctx, "client",
		&apiclient.DiscardDraftParams{IfMatch: header.Get("ETag")})
	empty(t, discarded, err)
}

func (g *generated) runs(t *testing.T, p *product) {
	t.Helper()
	ctx, key := t.Context(), "client"
	answer, err := g.GetFlowWithResponse(ctx, key)
	served, _ := decoded[apiclient.Flow](t, answer, err)
	f := flow{product: p, key: key, url: *served.Url}
	ended, waiting := f.post(t, `{"wait":false}`).run, f.post(t, `{"wait":true}`).run
	f.ended(t, ended)
	require.Eventually(t, func() bool {
		listed, err := g.ListRunsWithResponse(ctx, &apiclient.ListRunsParams{Flow: &key})
		list, _ := decoded[apiclient.RunList](t, listed, err)
		return len(list.Runs) == 2
	}, patience, 50*time.Millisecond)
	got, err := g.GetRunWithResponse(ctx, string(ended), nil)
	run, _ := decoded[apiclient.RunDetail](t, got, err)
	require.EqualValues(t, "resolved", run.Status)
	steps, err := g.ListStepsWithResponse(ctx, string(ended), nil)
	decoded[apiclient.StepList](t, steps, err)
	retried, err := g.RetryRunWithResponse(ctx, string(ended), nil, apiclient.RetryRequest{})
	again, _ := decoded[apiclient.Retried](t, retried, err)
	require.EqualValues(t, ended, again.RetryOf)
	cancelled, err := g.CancelRunWithResponse(ctx, string(waiting), nil)
	decoded[apiclient.Cancelled](t, cancelled, err)
	f.ended(t, waiting)
	all, err := g.CancelFlowWithResponse(ctx, key, nil)
	decoded[apiclient.CancelledFlow](t, all, err)
	started, err := g.StartJobWithResponse(ctx, nil, apiclient.JobRequest{Action: "cancel", Flow: &key})
	job, header := decoded[apiclient.Job](t, started, err)
	require.Equal(t, "/api/v1/jobs/"+job.Id, header.Get("Location"))
	require.Eventually(t, func() bool {
		got, err := g.GetJobWithResponse(ctx, job.Id)
		now, _ := decoded[apiclient.Job](t, got, err)
		return now.Ended != nil
	}, patience, 50*time.Millisecond)
	dry := true
	erased, err := g.EraseRunsWithResponse(ctx, nil, apiclient.EraseRequest{Dry: &dry, Path: "wait", Value: "true"})
	decoded[apiclient.ErasedRuns](t, erased, err)
	deleted, err := g.DeleteRunWithResponse(ctx, string(ended), nil)
	empty(t, deleted, err)
}

// calls starts a run of a flow that programs call.
func (g *generated) calls(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	applied, err := g.ApplyFlowWithBodyWithResponse(ctx, "called", nil, yamlType, strings.NewReader("key: called\n"+
		"mode: sync\ntrigger: { type: call }\nnodes:\n"+
		"  - { key: done, type: output, config: { value: 7 } }\n"))
	decoded[apiclient.AppliedFlow](t, applied, err)
	started, err := g.StartRunWithResponse(ctx, "called", nil, apiclient.RunStart{})
	run, _ := decoded[apiclient.StartedRun](t, started, err)
	got, err := g.GetAnswerWithResponse(ctx, "called", *run.Id, nil)
	answer, _ := decoded[apiclient.RunAnswer](t, got, err)
	require.NotNil(t, answer.Answer)
	require.EqualValues(t, http.StatusOK, answer.Answer.Status)
}

// deliveries are those of the runs.
func (g *generated) deliveries(t *testing.T) {
	t.Helper()
	ctx, key := t.Context(), "client"
	body := `{"wait":false}`
	called, err := g.CallFlowWithResponse(ctx, key, nil, apiclient.HookCall{Body: &body})
	caller, _ := decoded[apiclient.HookAnswer](t, called, err)
	require.EqualValues(t, http.StatusOK, caller.Status)
	var id string
	require.Eventually(t, func() bool {
		listed, err := g.ListDeliveriesWithResponse(ctx, &apiclient.ListDeliveriesParams{Flow: &key})
		list, _ := decoded[apiclient.DeliveryList](t, listed, err)
		for _, delivery := range list.Deliveries {
			if delivery.Run != nil && *delivery.Run == *caller.Run {
				id = delivery.Id
			}
		}
		return id != ""
	}, patience, 50*time.Millisecond)
	got, err := g.GetDeliveryWithResponse(ctx, id)
	decoded[apiclient.DeliveryDetail](t, got, err)
	sample, err := g.SampleFlowWithResponse(ctx, key)
	decoded[apiclient.Sample](t, sample, err)
	replayed, err := g.ReplayDeliveryWithResponse(ctx, id, nil, apiclient.ReplayRequest{})
	decoded[apiclient.Replayed](t, replayed, err)
	all, err := g.ReplayDeliveriesWithResponse(ctx, nil, apiclient.ReplayJobRequest{Flow: &key})
	decoded[apiclient.Job](t, all, err)
	erased, err := g.EraseDeliveriesWithResponse(ctx, nil, apiclient.EraseRequest{Path: "wait", Value: "true"})
	decoded[apiclient.ErasedDeliveries](t, erased, err)
}

// inbox accepts a delivery without Temporal, whose flow then has gone.
func (g *generated) inbox(t *testing.T, p *product, c *cluster) {
	t.Helper()
	ctx := t.Context()
	f := p.async(t, "lost", "nodes: []\n")
	c.stop(t)
	require.Equal(t, http.StatusOK, f.post(t, "{}").status)
	deleted, err := g.DeleteFlowWithResponse(ctx, "lost", nil)
	empty(t, deleted, err)
	dead := func() *apiclient.WaitingDelivery {
		yes := true
		listed, err := g.ListInboxWithResponse(ctx, &apiclient.ListInboxParams{Dead: &yes})
		list, _ := decoded[apiclient.WaitingDeliveries](t, listed, err)
		if len(list.Deliveries) == 0 {
			return nil
		}
		return &list.Deliveries[0]
	}
	require.Eventually(t, func() bool { return dead() != nil }, patience, 50*time.Millisecond)
	shown, err := g.GetWaitingDeliveryWithResponse(ctx, dead().Id)
	decoded[apiclient.WaitingDelivery](t, shown, err)
	retried, err := g.RetryDeliveryWithResponse(ctx, dead().Id, nil)
	decoded[apiclient.WaitingDelivery](t, retried, err)
	require.Eventually(t, func() bool { return dead() != nil }, patience, 50*time.Millisecond)
	dropped, err := g.DropDeliveryWithResponse(ctx, dead().Id, nil)
	decoded[apiclient.WaitingDelivery](t, dropped, err)
	c.start(t)
}

func (g *generated) people(t *testing.T, p *product) {
	t.Helper()
	ctx := t.Context()
	created, err := g.CreateTokenWithResponse(ctx, apiclient.NewToken{Name: "deploy", Role: "editor"})
	token, _ := decoded[apiclient.CreatedToken](t, created, err)
	tokens, err := g.ListTokensWithResponse(ctx)
	decoded[apiclient.TokenList](t, tokens, err)
	signedIn, err := p.Access().SignInWithToken(ctx, token.Secret, access.Client{})
	require.NoError(t, err)
	yes := true
	listed, err := g.ListSessionsWithResponse(ctx, &apiclient.ListSessionsParams{All: &yes})
	sessions, _ := decoded[apiclient.SessionList](t, listed, err)
	require.Len(t, sessions.Sessions, 1)
	ended, err := g.EndSessionWithResponse(ctx, sessions.Sessions[0].Id, nil)
	empty(t, ended, err)
	_, err = p.Access().BySession(ctx, signedIn.Cookie)
	require.ErrorIs(t, err, access.ErrNoSession)
	revoked, err := g.RevokeTokenWithResponse(ctx, token.Id, nil)
	empty(t, revoked, err)

	invited, err := g.InvitePersonWithResponse(ctx, apiclient.NewPerson{Name: "Ada", Email: "ada@example.com",
		Role: "viewer"})
	invitation, _ := decoded[apiclient.Invitation](t, invited, err)
	again, err := g.InviteAgainWithResponse(ctx, invitation.Person.Id)
	decoded[apiclient.Invitation](t, again, err)
	role := "operator"
	changed, err := g.ChangePersonWithResponse(ctx, invitation.Person.Id, nil, apiclient.PersonChange{Role: &role})
	person, _ := decoded[apiclient.Person](t, changed, err)
	require.Equal(t, role, person.Role)
	people, err := g.ListPeopleWithResponse(ctx)
	decoded[apiclient.PersonList](t, people, err)
	removed, err := g.RemovePersonWithResponse(ctx, invitation.Person.Id, nil)
	empty(t, removed, err)
}

// events reads the first event of a stream.
func (g *generated) events(t *testing.T) {
	t.Helper()
	stream, err := g.ClientInterface.(*apiclient.Client).WatchEvents(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = stream.Body.Close() }()
	require.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	line, err := bufio.NewReader(stream.Body).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^id: \d+\n$`, line)
}
