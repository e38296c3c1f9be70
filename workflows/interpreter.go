package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/packed"
)

// Interpreter runs flows. It is registered with a worker once and used by many runs at once.
type Interpreter struct {
	versions *compile.Versions
	// level is the highest engine level that it knows.
	level int
	// values keeps heavy values of runs; nil keeps them as they are.
	values *packed.Store
}

// NewInterpreter makes an interpreter that compiles definitions with the given store.
func NewInterpreter(versions *compile.Versions) *Interpreter {
	return &Interpreter{versions: versions, level: Level}
}

// Keeping returns the interpreter with a store for heavy values.
func (i *Interpreter) Keeping(values *packed.Store) *Interpreter {
	other := *i
	other.values = values
	return &other
}

// AtLevel returns the interpreter of a release with another engine level, which refuses runs of later levels. Tests of
// rolling deploys need two releases at the same time.
func (i *Interpreter) AtLevel(level int) *Interpreter {
	other := *i
	other.level = level
	return &other
}

// Registry registers workflow types: a worker, a replayer, or a test environment.
type Registry interface {
	RegisterWorkflowWithOptions(function any, options workflow.RegisterOptions)
}

// Register registers the workflow types of runs.
func (i *Interpreter) Register(r Registry) {
	r.RegisterWorkflowWithOptions(i.Run, workflow.RegisterOptions{Name: RunWorkflow})
	r.RegisterWorkflowWithOptions(i.Loop, workflow.RegisterOptions{Name: LoopWorkflow})
}

// Run is the workflow of a run. Start is a pointer because the SDK holds the arguments for as long as the run lasts:
// what the run keeps of the delivery must be all that is left of it.
func (i *Interpreter) Run(ctx workflow.Context, definition json.RawMessage, start *Start) (everhook.Outcome, error) {
	ctx = withStart(ctx, start)
	r := i.begin(ctx, definition, start)
	defer r.release()
	if err := r.serve(ctx); err != nil {
		return everhook.Outcome{}, err
	}
	r.Execute(line{ctx})
	return r.close(ctx)
}

// begin makes the state of an execution. It panics if this worker cannot run it. That fails the workflow task, not the
// run: Temporal tries the task again, on another worker or after the next deploy.
func (i *Interpreter) begin(ctx workflow.Context, definition json.RawMessage, start *Start) *run {
	version, err := i.versions.OfJSON(definition)
	if err != nil {
		panic(fmt.Errorf("this worker cannot run the flow of the run: %w", err))
	}
	if err := i.checkLevel(start.Level); err != nil {
		panic(err)
	}
	var values *packed.Run
	if i.values != nil {
		values = i.values.Run()
	}
	return newRun(ctx, version.Flow, definition, start, values)
}

func (i *Interpreter) checkLevel(level int) error {
	switch {
	case level < FirstLevel:
		return fmt.Errorf("the run was started at engine level %d, by a build from before the first release; this "+
			"build runs the levels %d to %d: terminate the run and retry its delivery", level, FirstLevel, i.level)
	case level > i.level:
		return fmt.Errorf("the run was started at engine level %d, by a later release; this build runs the levels "+
			"%d to %d: deploy the later release to go on with the run", level, FirstLevel, i.level)
	}
	return nil
}

// serve answers updates and queries. It is called first, because an update without a handler is refused.
func (r *run) serve(ctx workflow.Context) error {
	err := workflow.SetUpdateHandler(ctx, AnswerUpdate, func(ctx workflow.Context) (everhook.Answer, error) {
		// A cancelled run must still answer its caller.
		waiting, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		if err := workflow.Await(waiting, func() bool { return r.callersAnswer() != nil }); err != nil {
			return everhook.Answer{}, err
		}
		return *r.callersAnswer(), nil
	})
	if err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, ValuesQuery, r.valuesBefore); err != nil {
		return err
	}
	if r.Flow().TakesCalls() {
		calls := newInbox(r)
		r.mailbox = calls
		if err := calls.serve(ctx); err != nil {
			return err
		}
		calls.relayCalls(ctx)
	}
	return r.serveQueries(ctx)
}

func (r *run) serveQueries(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, StepsQuery,
		func(from int) (everhook.StepPage, error) { return r.Log().Page(from), nil }); err != nil {
		return err
	}
	return workflow.SetQueryHandler(ctx, OutcomeQuery, func() (everhook.Outcome, error) { return r.outcome(), nil })
}

// valuesBefore answers ValuesQuery.
func (r *run) valuesBefore(node string) (*RetryPoint, error) {
	point, err := r.Before(node)
	if err != nil {
		return nil, err
	}
	return point, checkRetryPoint(point, r.start.MaxPayload)
}

// logEnd logs one line if the run did not resolve. A replay logs none. A cancelled run is not logged, because an
// operator cancelled it.
func (r *run) logEnd(ctx workflow.Context, outcome everhook.Outcome) {
	failure := outcome.Error
	if outcome.Status == everhook.Resolved || outcome.Status == everhook.Cancelled || failure == nil {
		return
	}
	workflow.GetLogger(ctx).Warn("run did not resolve", "flow", r.Flow().Definition.Key, "version", r.start.Version,
		"run", r.start.Delivery.RunID, "status", outcome.Status, "node", failure.Node, "type", failure.Type,
		"error", everhook.Shorten(failure.Message, maxLoggedMessage))
}

// maxLoggedMessage bounds the message of an error in the log of the worker.
const maxLoggedMessage = 300

// close decides the answer, waits until the caller has it, and closes the workflow with the matching status of
// Temporal.
func (r *run) close(ctx workflow.Context) (everhook.Outcome, error) {
	outcome := r.Outcome()
	r.ended = &outcome
	if r.Answer() == nil {
		answer := DerivedAnswer(outcome, r.start.Delivery.RunID)
		answer.Delivery, answer.Digest = r.start.Delivery.ID, r.start.Delivery.Digest
		r.DeriveAnswer(&answer)
	}
	r.checkEarlyAnswer(ctx, &outcome)
	closing, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := r.fitOutcome(closing, &outcome); err != nil { // there is no room for it, and none can be made
		outcome.Output = nil
	}
	r.showDetails(closing)
	r.logEnd(closing, outcome)
	if outcome.Status != everhook.Resolved && r.start.Attributes {
		if err := workflow.UpsertTypedSearchAttributes(closing,
			AttributeStatus.ValueSet(string(outcome.Status))); err != nil {
			return outcome, err
		}
	}
	if err := workflow.Await(closing, func() bool { return workflow.AllHandlersFinished(closing) }); err != nil {
		return outcome, err
	}
	switch outcome.Status {
	case everhook.Resolved:
		return outcome, nil
	case everhook.Cancelled:
		return outcome, temporal.NewCanceledError(outcome)
	default:
		return outcome, temporal.NewApplicationErrorWithOptions(outcome.Error.Error(), string(outcome.Status),
			temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign,
				Details: []any{outcome}})
	}
}
