package integration

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/temporalproto"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// update makes tests record the histories of their runs, see record.
var update = flag.Bool("update", false,
	"record histories under workflows/testdata/histories, and list them in recorded.txt")

// historiesDir has the histories that every release replays.
const historiesDir = "../../workflows/testdata/histories"

// history exports the history of a run.
func (p *product) history(ctx context.Context, workflowID, execution string) (*historypb.History, error) {
	events := p.Temporal().GetWorkflowHistory(ctx, workflowID, execution, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	history := &historypb.History{}
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", workflowID, err)
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// eventsOfStart are those before the first workflow task is completed.
const eventsOfStart = 3

// events returns the history of a run, after a replay of it. A run that was answered early may be started later than
// its answer.
func (f flow) events(t *testing.T, run everhook.RunID) []*historypb.HistoryEvent {
	t.Helper()
	var history *historypb.History
	require.Eventually(t, func() (begun bool) {
		var err error
		history, err = f.product.history(t.Context(), everhook.WorkflowID(f.key, run), "")
		return err == nil && len(history.GetEvents()) > eventsOfStart
	}, patience, 20*time.Millisecond)
	require.NoError(t, f.product.replayHistory(history))
	return history.GetEvents()
}

// types returns the types of events, in order.
func types(events []*historypb.HistoryEvent) []string {
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = event.GetEventType().String()
	}
	return names
}

// replay replays the histories of runs on the current code.
func replay(t *testing.T, f flow, runs ...everhook.RunID) {
	t.Helper()
	require.NotEmpty(t, runs)
	for _, run := range runs {
		f.events(t, run)
	}
}

// replayHistory replays a history of any age, open or closed. Large values are claims, so the replayer needs their
// storage.
func (p *product) replayHistory(history *historypb.History) error {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter(), ExternalStorage: p.Payloads(), DisableDeadlockDetection: true})
	if err != nil {
		return err
	}
	workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).Register(replayer)
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history)
}

// executions lists all runs of the server.
func (p *product) executions(ctx context.Context) (ids []string, err error) {
	listed, err := p.listed(ctx)
	for _, info := range listed {
		switch info.GetType().GetName() {
		case workflows.RunWorkflow:
			ids = append(ids, info.GetExecution().GetWorkflowId())
		case workflows.LoopWorkflow:
		default:
			return nil, fmt.Errorf("there is an execution of type %q", info.GetType().GetName())
		}
	}
	return ids, err
}

// listed returns all executions of the server, including those that continue loops.
func (p *product) listed(ctx context.Context) (all []*workflowpb.WorkflowExecutionInfo, err error) {
	var page []byte
	for {
		list, err := p.Temporal().ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page})
		if err != nil {
			return nil, err
		}
		all = append(all, list.GetExecutions()...)
		if page = list.GetNextPageToken(); len(page) == 0 {
			return all, nil
		}
	}
}

// replayAll replays every execution of the server, open or closed. The runs that replies named must be among them.
func (p *product) replayAll(ctx context.Context) error {
	listed, err := p.listed(ctx)
	if err != nil {
		return err
	}
	all := map[everhook.Execution]bool{}
	for _, info := range listed {
		all[everhook.Execution{WorkflowID: info.GetExecution().GetWorkflowId(),
			RunID: info.GetExecution().GetRunId()}] = true
	}
	// A run is listed within a second of its start.
	for _, id := range p.remembered() {
		all[everhook.Execution{WorkflowID: id}] = true
	}
	var failed error
	for execution := range all {
		history, err := p.history(ctx, execution.WorkflowID, execution.RunID)
		if err == nil {
			err = p.replayHistory(history)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("replay of %s: %w", execution.WorkflowID, err))
		}
	}
	return failed
}

// ended waits for the end of a run and returns its outcome.
func (f flow) ended(t *testing.T, run everhook.RunID) everhook.Outcome {
	t.Helper()
	id := everhook.WorkflowID(f.key, run)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.Eventually(t, func() bool {
		err := f.product.Temporal().GetWorkflow(ctx, id, "").Get(ctx, nil)
		_, waits := errors.AsType[*serviceerror.NotFound](err) // in the inbox
		return !waits && ctx.Err() == nil
	}, patience, 5*time.Millisecond, "%s has not ended", id)
	starter := runs.NewStarter(f.product.Temporal(), compile.NewVersions(nodes.Standard()),
		runs.StarterOptions{Async: func(string) bool { return true }})
	outcome, err := starter.Outcome(ctx, f.key, run, 0)
	require.NoError(t, err)
	return *outcome
}

// running waits until a run is at a node. The run need not exist yet.
func (f flow) running(t *testing.T, run everhook.RunID, node string) {
	t.Helper()
	require.Eventually(t, func() bool {
		r := get(t, f.product.AdminURL()+"/api/v1/runs/"+string(run)+"?flow="+f.key)
		var detail api.RunDetail
		if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &detail) != nil {
			return false
		}
		return slices.ContainsFunc(detail.Steps, func(step everhook.Step) bool {
			return step.Node == node &&
				step.Status == everhook.Pending
		})
	}, patience, 20*time.Millisecond, "the run does not reach %s", node)
}

// started waits for the first run of a flow, whose caller is still held.
func (f flow) started(t *testing.T) everhook.RunID {
	t.Helper()
	var id everhook.RunID
	require.Eventually(t, func() bool {
		runs, _, err := runs.NewOperator(f.product.Temporal(), nodes.Standard(), true).List(t.Context(), runs.Filter{
			Flow: f.key})
		if err != nil || len(runs) == 0 {
			return false
		}
		id = runs[0].ID
		return true
	}, patience, 20*time.Millisecond)
	return id
}

// count returns the number of listed executions.
func (p *product) count(ctx context.Context, query string) (int64, error) {
	count, err := p.Temporal().CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	return count.GetCount(), err
}

// identity and stickyQueue match the SDK's names of a process and its machine.
var (
	identity    = regexp.MustCompile(`("identity": *)"[^"]*"`)
	stickyQueue = regexp.MustCompile(`("name": *)"[^"]*:[0-9a-f-]{36}"`)
)

// record stores the history of a run under workflows/testdata if the tests run with -update. It keeps existing
// histories.
func record(t *testing.T, f flow, run everhook.RunID, name string) {
	t.Helper()
	if !*update {
		return
	}
	recordExecution(t, f.product, everhook.Execution{WorkflowID: everhook.WorkflowID(f.key, run)}, name)
}

func recordExecution(t *testing.T, p *product, execution everhook.Execution, name string) {
	t.Helper()
	history, err := p.history(t.Context(), execution.WorkflowID, execution.RunID)
	require.NoError(t, err)
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	data = stickyQueue.ReplaceAll(identity.ReplaceAll(data, []byte(`${1}"everhook"`)), []byte(`${1}"everhook"`))
	require.NoError(t, os.MkdirAll(historiesDir, 0o755))
	for number := 1; ; number++ {
		numbered := fmt.Sprintf("%s-%d", name, number)
		file, err := os.OpenFile(filepath.Join(historiesDir, numbered+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL,
			0o644)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		require.NoError(t, err)
		_, err = file.Write(data)
		require.NoError(t, errors.Join(err, file.Close()))
		listRecorded(t, numbered)
		return
	}
}

// listRecorded adds a history to the list of recorded ones, with the versions that it was made with. A difference
// between two versions of Go or of the expression library could break a replay.
func listRecorded(t *testing.T, name string) {
	t.Helper()
	line := name + " " + runtime.Version()
	for _, module := range []string{"github.com/expr-lang/expr", "go.temporal.io/sdk"} {
		version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
		require.NoError(t, err)
		line += " " + path.Base(module) + "@" + strings.TrimSpace(string(version))
	}
	list, err := os.OpenFile(filepath.Join(historiesDir, "..", "recorded.txt"), os.O_WRONLY|os.O_CREATE|os.O_APPEND,
		0o644)
	require.NoError(t, err)
	_, err = fmt.Fprintln(list, line)
	require.NoError(t, errors.Join(err, list.Close()))
}
