package integration

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/everhook/everhook"
	largevalues "github.com/everhook/everhook/internal/payloads"
	"github.com/everhook/everhook/internal/server"
)

// withStore returns a product with that payload store.
func withStore(t *testing.T, kind string) *product {
	return start(t, config{change: func(o *server.Options) { o.PayloadStore = kind }})
}

// untroubled returns the history of a run, whose workflow tasks must not have failed.
func (f flow) untroubled(t *testing.T, run everhook.RunID) []*historypb.HistoryEvent {
	t.Helper()
	events := f.events(t, run)
	for _, event := range events {
		cause := event.GetWorkflowTaskFailedEventAttributes().GetCause()
		if cause == enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND {
			continue // so the server makes room for results that arrive while a task is under way
		}
		require.NotContains(t, []enumspb.EventType{enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
			enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT}, event.GetEventType(), "%v", event)
	}
	return events
}

// large returns a body of about that many bytes.
func large(size int) string { return `{"big":"` + random(size) + `","id":7}` }

func TestABodyOfNineMiBWorksFromEndToEnd(t *testing.T) {
	// Not parallel: workflow code must finish within seconds, and needs half a second of CPU.
	for _, kind := range []string{"directory", "store"} {
		t.Run(kind, func(t *testing.T) {
			p := withStore(t, kind)
			body := large(9 << 20)
			partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				_, _ = w.Write([]byte(body[:3<<20]))
			})
			const steps = `
  - { key: ask, type: http-request, timeout: 30s, config: { method: POST, url: '%s', body: '{{ trigger.body }}', maxResponse: 4MiB, only: body } }
  - { key: query, type: json-query, config: { input: '{{ trigger.body }}', engine: jmespath, query: id } }
  - { key: out, type: output, config: { value: '{{ nodes.ask }}' } }
  - { key: a, type: %s, config: { %s: { id: '{{ nodes.query }}', sent: '{{ len(trigger.body.big) }}', got: '{{ len(nodes.ask) }}' } } }
`
			const want = `{"id":7,"sent":9437184,"got":3145728}`
			f := p.apply(t, "key: nine\nmode: sync\ntrigger: { type: webhook, maxBody: 10MiB }\nnodes:"+
				fmt.Sprintf(steps, partner.URL, "response", "body"))
			got := f.post(t, body)
			require.Equal(t, 200, got.status, got.body)
			require.JSONEq(t, want, got.body)
			t.Logf("answered after %v", got.took)
			require.Equal(t, body, partner.received()[0].body)
			require.Equal(t, 3<<20, len(f.ended(t, got.run).Output.V.(string)))
			f.untroubled(t, got.run)
			// A replay changes its history by inserting the values, so read a fresh one.
			history, err := p.history(t.Context(), everhook.WorkflowID(f.key, got.run), "")
			require.NoError(t, err)
			events := history.GetEvents()
			require.Less(t, sizeOf(events), 100_000, "the history has claims")
			require.Contains(t, fmt.Sprint(events[0].GetWorkflowExecutionStartedEventAttributes().GetInput()),
				"everhook-"+kind)

			async := p.apply(t, "key: nine-later\nmode: async\ntrigger: { type: webhook, maxBody: 10MiB }\nnodes:"+
				fmt.Sprintf(steps, partner.URL, "variable", "value"))
			later := async.post(t, body)
			require.Equal(t, 200, later.status, later.body)
			t.Logf("durable after %v", later.took)
			require.Equal(t, everhook.Resolved, async.ended(t, later.run).Status)
			async.untroubled(t, later.run)
			retried := async.retry(t, later.run, `{"from":"query"}`)
			require.Equal(t, everhook.Of(body[:3<<20]), async.ended(t, retried.ID).Output,
				"the values before a node are as large")
			async.untroubled(t, retried.ID)
			require.Equal(t, 413, f.post(t, large(11<<20)).status)

			input := events[0].GetWorkflowExecutionStartedEventAttributes().GetInput()
			claim := &commonpb.Payloads{Payloads: input.GetPayloads()[1:]}
			require.Contains(t, p.decode(t, "decode", input), body[1:2000])
			require.Contains(t, p.decode(t, "decode?preserveStorageRefs=true", input), "claimData",
				"the Temporal UI shows a large value as what it is")
			require.Contains(t, p.decode(t, "download", claim), body[1:2000], "and fetches it when it is asked to")
			require.Contains(t, get(t, p.AdminURL()+"/temporal/api/v1/settings").body, `"Endpoint":"/temporal-codec"`)
			require.NoError(t, p.replayAll(t.Context()))
		})
	}
}

func sizeOf(events []*historypb.HistoryEvent) (size int) {
	for _, event := range events {
		size += event.Size()
	}
	return size
}

// decode decodes payloads with the codec of the Temporal UI, and returns their values as texts.
func (p *product) decode(t *testing.T, how string, payloads *commonpb.Payloads) string {
	t.Helper()
	body, err := protojson.Marshal(payloads)
	require.NoError(t, err)
	got, err := call(t.Context(), http.MethodPost, p.AdminURL()+"/temporal-codec/"+how, body,
		header("X-Namespace", "default"))
	require.NoError(t, err)
	require.Equal(t, 200, got.status, got.body)
	var decoded commonpb.Payloads
	require.NoError(t, protojson.Unmarshal([]byte(got.body), &decoded))
	var text strings.Builder
	for _, payload := range decoded.GetPayloads() {
		text.Write(payload.GetData())
	}
	return text.String()
}

func TestALimitEndsItsRunAloneAndNeverItsWorkflowTask(t *testing.T) {
	// Not parallel, because each test moves many megabytes.
	p := withStore(t, "none")
	partner := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(random(len(r.Header.Get("X-Size")) << 17)))
	})
	ask := func(size int) string {
		return `{ key: ask, type: http-request, timeout: 30s, config: { url: '` + partner.URL +
			`', headers: { X-Size: '` + strings.Repeat("x", size>>17) + `' }, maxResponse: 10MiB, only: body } }`
	}
	for name, test := range map[string]struct {
		body  string
		nodes string
		// want is the type of the error; empty if the run resolves.
		want string
	}{
		"input of an effect": {large(1_600_000), "{ key: ask, type: http-request, timeout: 5s, config: { " +
			"method: POST, url: '" + partner.URL + "', body: '{{ trigger.body }}' } }", "limit"},
		"result of an effect": {"{}", ask(3 << 20), "response-size"},
		"output": {large(1 << 20), "{ key: out, type: output, config: { value: '{{ " +
			"trigger.body }}' } }", "limit"},
		"answer": {large(1_100_000), "{ key: a, type: response, config: { body: '{{ " +
			"trigger.body }}' } }", "limit"},
		"result of a query": {large(1_400_000), "{ key: q, type: json-query, config: { input: '{{ " +
			"[trigger.body, trigger.body] }}', engine: jmespath, query: '@' } }", "limit"},
		"answer and output just fit": {large(700_000), "{ key: out, type: output, config: { value: '{{ " +
			"trigger.body }}' } }, { key: a, type: response, config: { body: '{{ trigger.body }}' } }", ""},
		"large inputs at once": {large(1_400_000),
			atOnce(6, "{ key: ask, type: http-request, timeout: 30s, config: { method: POST, url: '"+partner.URL+
				"', body: '{{ trigger.body }}' } }"), ""},
		"large results at once": {"{}", atOnce(6, ask(1_700_000)), ""},
		"large local results in a row": {large(1_200_000), "{ key: each, type: loop, config: { over: 8 }, " +
			"branches: { do: [{ key: q, type: json-query, config: { input: '{{ trigger.body }}', engine: jmespath, " +
			"query: '@' } }] } }", ""},
		"large local results at once": {large(1_200_000),
			atOnce(8, "{ key: ask, type: json-query, config: { input: '{{ trigger.body }}', engine: jmespath, query: "+
				"'@' } }"), ""},
		"a loop as long as no history": {large(1_400_000), "{ key: each, type: loop, config: { over: 32 }, " +
			"branches: { do: [{ key: ask, type: http-request, timeout: 30s, config: { method: POST, url: '" +
			partner.URL + "', body: '{{ trigger.body }}' } }] } }", ""},
		"more than a history has": {large(1_400_000),
			inARow(24, "type: http-request, timeout: 30s, config: { method: POST, url: '"+partner.URL+
				"', headers: { X-Size: '"+strings.Repeat("x", 14)+
				"' }, body: '{{ trigger.body }}', only: body, maxResponse: 3MiB }"), "limit"},
		"a failed run with large values": {large(700_000), "{ key: out, type: output, config: { value: '{{ " +
			"trigger.body }}' } }, { key: a, type: response, config: { body: '{{ trigger.body }}', continue: true } " +
			"}, { key: stop, type: end, config: { status: failed } }", "end"},
	} {
		t.Run(name, func(t *testing.T) {
			key := strings.ReplaceAll(name, " ", "-")
			f := p.apply(t, "key: "+key+"\nmode: sync\ntrigger: { type: webhook, maxBody: 4MiB }\nnodes: [ "+test.nodes+
				" ]\n")
			got := f.post(t, test.body)
			require.NotEmpty(t, got.run, got.body)
			outcome := f.ended(t, got.run)
			if test.want == "" {
				require.Equal(t, everhook.Resolved, outcome.Status, "%+v", outcome.Error)
			} else {
				require.NotNil(t, outcome.Error)
				require.Equal(t, test.want, outcome.Error.Type, outcome.Error.Message)
				t.Log(outcome.Error.Message)
			}
			f.untroubled(t, got.run)
		})
	}
	t.Run("start", func(t *testing.T) {
		f := p.apply(t, "key: too-much\nmode: sync\ntrigger: { type: webhook, maxBody: 10MiB }\nnodes: []\n")
		got := f.post(t, large(3<<20))
		require.Equal(t, 413, got.status)
		require.Contains(t, got.body, "1900000")
		require.Equal(t, 200, f.post(t, "{}").status, "other runs go on")
	})
	t.Run("call", func(t *testing.T) {
		f := p.apply(t, "key: too-much-later\nmode: async\ntrigger: { type: webhook }\nnodes: [ { key: done, type: "+
			"wait-for-call, config: { maxBody: 3MiB } } ]\n")
		run := f.post(t, "").run
		url := f.resumeURL(t, run, "done", "")
		got := callBack(t, url, `"`+noise(2_900_000)+`"`).problem(t, http.StatusRequestEntityTooLarge,
			everhook.ProblemTooLarge)
		require.Contains(t, got["detail"], "larger than a run can keep")
		require.Equal(t, 200, callBack(t, url, "{}").status)
		require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	})
}

// inARow returns that many nodes, one after the other.
func inARow(nodes int, node string) string {
	list := make([]string, nodes)
	for i := range list {
		list[i] = fmt.Sprintf("{ key: ask%d, %s }", i, node)
	}
	return strings.Join(list, ", ")
}

// atOnce returns a parallel node with one node, of the key ask, in each branch.
func atOnce(branches int, node string) string {
	var text strings.Builder
	for i := range branches {
		fmt.Fprintf(&text, "b%d: [%s], ", i, strings.Replace(node, "key: ask", fmt.Sprintf("key: ask%d", i), 1))
	}
	return "{ key: all, type: parallel, branches: { " + strings.TrimSuffix(text.String(), ", ") + " } }"
}

func TestARunGoesOnWhenItsLargeValuesAreBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, config{dir: dir})
	f := first.apply(t, `key: heals
mode: async
trigger: { type: webhook, maxBody: 2MiB }
nodes:
  - { key: wait, type: delay, config: { duration: 3s } }
  - { key: out, type: output, config: { value: '{{ len(trigger.body.big) }}' } }
`)
	run := f.post(t, large(1<<20)).run
	f.running(t, run, "wait")
	first.Stop()
	place, away := filepath.Join(dir, "payloads"), filepath.Join(dir, "moved")
	require.NoError(t, os.Rename(place, away))
	second := start(t, config{dir: dir})
	f.product = second
	require.Eventually(t, func() bool { return strings.Contains(second.logs.String(), "is not in "+place) }, patience,
		50*time.Millisecond, "the log says what is missing")
	require.Contains(t, second.logs.String(), "--payload-dir")
	other := second.sync(t, "beside", "nodes: []")
	require.Equal(t, 200, other.post(t, "").status, "other runs go on")
	require.NoError(t, os.RemoveAll(place))
	require.NoError(t, os.Rename(away, place))
	outcome := f.ended(t, run)
	require.Equal(t, 1<<20, outcome.Output.V)
}

func TestAnEffectWhoseResultCannotBeStoredIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	place := filepath.Join(p.dir, "payloads")
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		assert.NoError(t, os.RemoveAll(place))
		assert.NoError(t, os.WriteFile(place, nil, 0o600))
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(random(900_000)))
	})
	f := p.async(t, "charged-once", "nodes: [ { key: charge, type: http-request, timeout: 5s, config: { method: "+
		"POST, url: '"+partner.URL+"' } } ]")
	outcome := f.ended(t, f.post(t, "").run)
	require.Equal(t, everhook.TypeUnavailable, outcome.Error.Type)
	require.Contains(t, outcome.Error.Message, "it lies below a file: choose another --payload-dir")
	require.Len(t, partner.received(), 1)
}

func TestAResultThatIsBeingStoredWhenTheWorkerStopsIsKept(t *testing.T) {
	t.Parallel()
	stored := config{dir: t.TempDir(), change: func(o *server.Options) { o.PayloadStore = "store" }}
	first := start(t, stored)
	other, err := sql.Open("sqlite", "file:"+filepath.Join(stored.dir, "everhook.db")+"?_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() })
	locked := make(chan *sql.Tx, 1)
	var once sync.Once
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() {
			if lock, err := other.BeginTx(context.Background(), nil); assert.NoError(t, err) {
				locked <- lock
			}
		})
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(random(900_000)))
	})
	f := first.async(t, "stored-late", "nodes: [ { key: charge, type: http-request, config: { method: POST, url: '"+
		partner.URL+"' } } ]")
	run := f.post(t, "").run
	lock := <-locked
	time.AfterFunc(3100*time.Millisecond, func() { _ = lock.Rollback() }) // when effects have been cut off
	first.Stop()
	f.product = start(t, stored)
	outcome := f.ended(t, run)
	require.Equal(t, everhook.Resolved, outcome.Status, "%+v", outcome.Error)
	require.Len(t, partner.received(), 1)
}

func TestAnEffectWhoseInputCannotBeReadIsRetriedLater(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	place, away := filepath.Join(p.dir, "payloads"), filepath.Join(p.dir, "moved")
	var calls atomic.Int32
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			assert.NoError(t, os.Rename(place, away))
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f := p.apply(t, "key: read-late\nmode: async\ntrigger: { type: webhook, maxBody: 2MiB }\nnodes: [ { key: send, "+
		"type: http-request, timeout: 5s, retry: { initialInterval: 100ms }, config: { method: POST, url: '"+
		partner.URL+"', body: '{{ trigger.body }}' } } ]")
	run := f.post(t, large(1<<20)).run
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), "is not in "+place) }, patience,
		10*time.Millisecond)
	time.Sleep(2 * time.Second)
	require.NoError(t, os.RemoveAll(place))
	require.NoError(t, os.Rename(away, place))
	outcome := f.ended(t, run)
	require.Equal(t, everhook.Resolved, outcome.Status, "%+v", outcome.Error)
}

func TestLargeValuesGoWhenNoHistoryNeedsThem(t *testing.T) {
	t.Parallel()
	p := withStore(t, "directory")
	f := p.apply(t, "key: swept\nmode: async\ntrigger: { type: webhook, maxBody: 2MiB }\nnodes: ["+longWait+"]\n")
	gone, kept := f.post(t, large(1<<20)).run, f.post(t, large(1<<20)).run
	f.running(t, gone, "long")
	f.running(t, kept, "long")
	id := p.namespaceID(t)
	objects, err := largevalues.NewDirectory(filepath.Join(p.dir, "payloads"), id)
	require.NoError(t, err)
	// Simulate old objects: the same objects under the names of an earlier hour.
	old := []byte("old")
	for _, run := range []everhook.RunID{gone, kept} {
		workflow := everhook.WorkflowID(f.key, run)
		require.NoError(t, objects.Put(t.Context(), largevalues.OwnerOf(workflow), workflow,
			largevalues.NameOf(old, time.Now().Add(-48*time.Hour)), old))
	}
	sweeper := largevalues.NewSweeper(objects, largevalues.NewExecutions(p.Temporal(), "default"), 24*time.Hour)
	swept, err := sweeper.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, largevalues.Swept{Owners: 2, Kept: 4}, swept)
	_, root, err := objects.Owner(t.Context(), largevalues.OwnerOf(everhook.WorkflowID(f.key, gone)))
	require.NoError(t, err)
	require.Equal(t, everhook.WorkflowID(f.key, gone), root)

	_, err = p.Temporal().WorkflowService().DeleteWorkflowExecution(t.Context(),
		&workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: everhook.WorkflowID(f.key,
				gone)},
		})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		swept, err = sweeper.Sweep(t.Context())
		return err == nil && swept.Deleted == 1
	}, patience, 200*time.Millisecond, "%v", err)
	names, err := objects.Names(t.Context(), largevalues.OwnerOf(everhook.WorkflowID(f.key, kept)))
	require.NoError(t, err)
	require.Len(t, names, 2)
}

// namespaceID returns the namespace's ID, under which its objects are stored.
func (p *product) namespaceID(t *testing.T) string {
	t.Helper()
	described, err := p.Temporal().WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	return described.GetNamespaceInfo().GetId()
}
