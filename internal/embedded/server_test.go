//go:build !noembedded

package embedded

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/common/primitives"
)

// running is the server that most tests share.
type running struct {
	server *Server
	client client.Client
}

var shared atomic.Pointer[running]

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(child(mode))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "embedded")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := Start(context.Background(), Options{Directory: dir, UI: true, Logger: quiet(),
		SearchAttributes: attributesOfTests()})
	if err != nil {
		panic(err)
	}
	c, err := newClient(s)
	if err != nil {
		panic(err)
	}
	w := newWorker(c)
	if err := w.Start(); err != nil {
		panic(err)
	}
	shared.Store(&running{s, c})
	code := m.Run()
	w.Stop()
	c.Close()
	if err := s.Stop(context.Background()); err != nil {
		panic(err)
	}
	return code
}

func attributesOfTests() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		"EverhookFlow":    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"EverhookStatus":  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"EverhookWaiting": enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	}
}

func TestASynchronousCallIsAnswered(t *testing.T) {
	t.Parallel()
	require.NoError(t, callAnswer(t.Context(), shared.Load().client, t.Name()))
}

func TestATimerOfAMillisecondIsNotRoundedUpToASecond(t *testing.T) {
	t.Parallel()
	c := shared.Load().client
	fastest := time.Hour
	for range 5 {
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: answerQueue}, sleepWorkflow,
			time.Millisecond)
		require.NoError(t, err)
		var took time.Duration
		require.NoError(t, run.Get(t.Context(), &took))
		fastest = min(fastest, took)
	}
	require.Less(t, fastest, 100*time.Millisecond)
}

func TestAScheduleStartsRuns(t *testing.T) {
	t.Parallel()
	c := shared.Load().client
	schedule, err := c.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID:   "every-second",
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Second}}},
		Action: &client.ScheduleWorkflowAction{ID: "scheduled", Workflow: sleepWorkflow, Args: []any{time.Millisecond},
			TaskQueue: answerQueue},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		description, err := schedule.Describe(t.Context())
		return err == nil && len(description.Info.RecentActions) > 0
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, schedule.Delete(t.Context()))
}

func TestAnActivityLearnsOfACancellationWithoutAHeartbeat(t *testing.T) {
	t.Parallel()
	c := shared.Load().client
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: answerQueue}, waitWorkflow)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		description, err := c.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
		return err == nil && len(description.PendingActivities) == 1 &&
			description.PendingActivities[0].State == enumspb.PENDING_ACTIVITY_STATE_STARTED
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, c.CancelWorkflow(t.Context(), run.GetID(), ""))
	var outcome string
	require.NoError(t, run.Get(t.Context(), &outcome))
	require.Equal(t, "activity canceled", outcome)
}

func TestRunsAreListedBySearchAttribute(t *testing.T) {
	t.Parallel()
	c := shared.Load().client
	listedBy(t, c, "EverhookFlow")
}

func TestOptionsOfALaterStartApplyToAnExistingDirectory(t *testing.T) {
	t.Parallel()
	first := filepath.Join(t.TempDir(), "odd ?#% name", "data")
	s := start(t, Options{Directory: first, Namespace: "flows"})
	require.Equal(t, DefaultRetention, retention(t, dial(t, s)))
	stop(t, s)

	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(first, moved))
	s = start(t, Options{Directory: moved, Namespace: "flows", Retention: 48 * time.Hour,
		SearchAttributes: attributesOfTests()})
	c := dial(t, s)
	require.Equal(t, 48*time.Hour, retention(t, c))
	w := newWorker(c)
	require.NoError(t, w.Start())
	listedBy(t, c, "EverhookStatus")
	w.Stop()
	stop(t, s)

	_, err := Start(t.Context(), Options{Directory: moved, Namespace: "flows",
		SearchAttributes: map[string]enumspb.IndexedValueType{
			"EverhookStatus": enumspb.INDEXED_VALUE_TYPE_INT,
		}})
	require.ErrorContains(t, err,
		`search attribute "EverhookStatus" of namespace "flows" is of type Keyword and can't become Int`)
	stop(t, start(t, Options{Directory: moved, Namespace: "another"}))
}

func TestStopIsBoundedAndKeepsTheDirectoryUntilItIsDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{Directory: dir, Synchronous: SynchronousNormal})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, s.Stop(canceled), "has not stopped yet")
	_, err := Start(t.Context(), Options{Directory: dir})
	require.ErrorContains(t, err, "in use by this process already")
	stop(t, s)
	stop(t, s)
	for _, name := range []string{historyFile, visibilityFile} {
		info, err := os.Stat(filepath.Join(dir, name+"-wal"))
		if err == nil {
			require.Zero(t, info.Size(), "the write-ahead log of %s is in the database file", name)
		}
	}
	stop(t, start(t, Options{Directory: dir}))
}

func TestAStartThatIsCanceledLeavesTheDirectoryFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(canceled, Options{Directory: dir})
	require.ErrorIs(t, err, context.Canceled)
	stop(t, start(t, Options{Directory: dir}))
}

func TestAPortInUseIsAnErrorAndNotTheEndOfTheProcess(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	d, err := openDirectory(t.TempDir(), quiet())
	require.NoError(t, err)
	defer d.close()
	history, visibility := stores(d)
	require.NoError(t, history.prepare(t.Context()))
	require.NoError(t, visibility.prepare(t.Context()))
	ports, err := freePorts()
	require.NoError(t, err)
	ports[primitives.FrontendService] = taken.Addr().(*net.TCPAddr).Port

	s := &Server{history: &flusher{}, listing: &flusher{}, logger: logger{out: quiet(), serving: new(atomic.Bool)}}
	err = s.construct(sqlConfig(history.path), sqlConfig(visibility.path), ports)
	require.ErrorContains(t, err, "address already in use")
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"no directory":                    {Options{}, "name one"},
		"a synchronous mode nobody knows": {Options{Directory: "d", Synchronous: "off"}, `use "full" or "normal"`},
		"a retention below the server's":  {Options{Directory: "d", Retention: time.Minute}, "use 1h0m0s or more"},
		"a UI path without a slash":       {Options{Directory: "d", UIPublicPath: "temporal"}, "begins with a slash"},
		"a UI path with a slash at its end": {Options{Directory: "d", UIPublicPath: "/temporal/"},
			"does not end with one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), test.options)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Logger = quiet()
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	require.NoError(t, s.Stop(t.Context()))
}

func retention(t *testing.T, c client.Client) time.Duration {
	t.Helper()
	description, err := c.WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: "flows"})
	require.NoError(t, err)
	return description.Config.WorkflowExecutionRetentionTtl.AsDuration()
}

// listedBy starts a run with a unique value of the search attribute, and waits until a list by that value has exactly
// this run, closed.
func listedBy(t *testing.T, c client.Client, attribute string) {
	t.Helper()
	value := rand.Text()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		TaskQueue: answerQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(attribute).ValueSet(
			value)),
	}, sleepWorkflow, time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, run.Get(t.Context(), nil))
	require.Eventually(t, func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: attribute + " = '" + value + "' AND ExecutionStatus = 'Completed'",
		})
		return err == nil && len(list.Executions) == 1 && list.Executions[0].Execution.RunId == run.GetRunID()
	}, time.Minute, 20*time.Millisecond)
}

func callAnswer(ctx context.Context, c client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: id, TaskQueue: answerQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, answerWorkflow),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: "answer", UpdateName: "answer", WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return err
	}
	var answer string
	return handle.Get(ctx, &answer)
}

func dial(t testing.TB, s *Server) client.Client {
	t.Helper()
	c, err := newClient(s)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func newClient(s *Server) (client.Client, error) {
	return client.Dial(client.Options{HostPort: s.Address(), Namespace: s.Namespace(),
		ConnectionOptions: client.ConnectionOptions{TLS: s.ClientTLS()}, Logger: sdklog.NewStructuredLogger(quiet())})
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// The workflows and activities of the tests.
const (
	answerQueue    = "tests"
	answerWorkflow = "answer-at-once"
	sleepWorkflow  = "sleep"
	waitWorkflow   = "wait"
	resumeWorkflow = "resume"
)

func newWorker(c client.Client) worker.Worker {
	w := worker.New(c, answerQueue, worker.Options{
		MaxConcurrentWorkflowTaskPollers: 8,
		WorkerStopTimeout:                time.Second,
	})
	w.RegisterWorkflowWithOptions(answerAtOnce, workflow.RegisterOptions{Name: answerWorkflow})
	w.RegisterWorkflowWithOptions(sleep, workflow.RegisterOptions{Name: sleepWorkflow})
	w.RegisterWorkflowWithOptions(waitForCancellation, workflow.RegisterOptions{Name: waitWorkflow})
	w.RegisterWorkflowWithOptions(resume, workflow.RegisterOptions{Name: resumeWorkflow})
	w.RegisterActivity(say)
	w.RegisterActivity(block)
	return w
}

// answerAtOnce answers its update and completes, in one workflow task.
func answerAtOnce(ctx workflow.Context) error {
	answered := false
	if err := workflow.SetUpdateHandler(ctx, "answer", func(workflow.Context) (string, error) {
		answered = true
		return "ok", nil
	}); err != nil {
		return err
	}
	return workflow.Await(ctx, func() bool { return answered && workflow.AllHandlersFinished(ctx) })
}

// sleep returns how long a timer really took.
func sleep(ctx workflow.Context, d time.Duration) (time.Duration, error) {
	began := workflow.Now(ctx)
	err := workflow.Sleep(ctx, d)
	return workflow.Now(ctx).Sub(began), err
}

// resume consists of a timer and two activities, so that a kill of the process hits the middle of it.
func resume(ctx workflow.Context, pause time.Duration) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * time.Second})
	words := make([]string, 2)
	for i, word := range []string{"before", "after"} {
		if err := workflow.ExecuteActivity(ctx, say, word).Get(ctx, &words[i]); err != nil {
			return "", err
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return "", err
		}
	}
	return strings.Join(words, " and "), nil
}

func say(_ context.Context, word string) (string, error) { return word, nil }

// waitForCancellation returns what its activity did at the cancellation.
func waitForCancellation(ctx workflow.Context) (outcome string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
		WaitForCancellation: true})
	err = workflow.ExecuteActivity(ctx, block).Get(ctx, &outcome)
	return outcome, err
}

// block never sends a heartbeat.
func block(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "activity canceled", nil
}
