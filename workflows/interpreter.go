package workflows

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Start is what a run is started with besides its definition.
type Start struct {
	// Level is the engine level of the release that started the run.
	Level int `json:"level"`
	// Version is the number of the definition's version.
	Version int `json:"version"`
	// Delivery is the call that started the run.
	Delivery everhook.Delivery `json:"delivery"`
	// Env are the settings that the flow refers to, as they were when the run was started.
	Env map[string]string `json:"env,omitempty"`
	// Resume makes the URLs that resume the run; nil for a flow that waits for no call.
	Resume *everhook.Resume `json:"resume,omitempty"`
	// Attributes is set when the namespace has the search attributes: setting others would block the run.
	Attributes bool `json:"searchAttributes,omitempty"`
	// Budget is when loops hand over; zero fields are the engine's own.
	Budget Budget `json:"budget,omitzero"`
	// Origin is the run that this one is a retry of, over all retries; empty for one that a delivery started.
	Origin everhook.RunID `json:"origin,omitempty"`
	// From is where a retry goes on; nil: it begins at the beginning.
	From *RetryPoint `json:"from,omitempty"`
	// Depth counts the runs that called each other to start this one; 0: it is no subflow.
	Depth int `json:"depth,omitempty"`
	// MaxPayload bounds one value that the run hands to Temporal, in bytes as JSON: MaxStoredPayload if large values are
	// kept outside of histories. Every bound up to 1.5 MiB, 0 included, stands for 1.5 MiB.
	MaxPayload int `json:"maxPayload,omitempty"`
}

// First is the run that the delivery started: the run itself, or the first one that it is a retry of.
func (s *Start) First() everhook.RunID {
	if s.Origin != "" {
		return s.Origin
	}
	return s.Delivery.RunID
}

// Interpreter runs flows. It is registered with a worker once and used by many runs at once.
type Interpreter struct {
	registry *kind.Registry
	compiled *flowCache
	// level is the highest engine level that it knows.
	level int
}

// NewInterpreter makes one that knows the kinds of the registry.
func NewInterpreter(registry *kind.Registry) *Interpreter {
	return &Interpreter{registry: registry, compiled: newFlowCache(registry), level: Level}
}

// AtLevel gives the interpreter of a release with another engine level, which refuses runs of later levels. Tests of
// rolling deploys need two releases at the same time.
func (i *Interpreter) AtLevel(level int) *Interpreter {
	other := *i
	other.level = level
	return &other
}

// Registry is what takes workflow types: a worker, a replayer, or a test environment.
type Registry interface {
	RegisterWorkflowWithOptions(function any, options workflow.RegisterOptions)
}

// Register registers the workflow types of runs.
func (i *Interpreter) Register(r Registry) {
	r.RegisterWorkflowWithOptions(i.Run, workflow.RegisterOptions{Name: RunWorkflow})
	r.RegisterWorkflowWithOptions(i.Loop, workflow.RegisterOptions{Name: LoopWorkflow})
}

// Run is the workflow of a run.
func (i *Interpreter) Run(ctx workflow.Context, definition json.RawMessage, start Start) (everhook.Outcome, error) {
	r := i.begin(ctx, definition, start)
	if err := r.serve(ctx); err != nil {
		return everhook.Outcome{}, err
	}
	d := r.rootData()
	failure := r.ending(r.execute(ctx, d))
	if failure != nil && failure.Status != everhook.Cancelled {
		r.onFailure(ctx, d, failure)
	}
	return r.close(ctx, failure)
}

// begin makes the state of an execution. It panics if this worker cannot run it. That fails the workflow task, not the
// run: Temporal tries the task again, on another worker or after the next deploy.
func (i *Interpreter) begin(ctx workflow.Context, definition json.RawMessage, start Start) *run {
	flow, err := i.compiled.get(definition)
	if err == nil {
		err = i.checkLevel(start.Level)
	}
	if err != nil {
		panic(err)
	}
	return newRun(ctx, flow, definition, start)
}

func (i *Interpreter) checkLevel(level int) error {
	switch {
	case level < FirstLevel:
		return fmt.Errorf("the run was started at engine level %d, by a build from before the first release; this build "+
			"runs the levels %d to %d: terminate the run and retry its delivery", level, FirstLevel, i.level)
	case level > i.level:
		return fmt.Errorf("the run was started at engine level %d, by a later release; this build runs the levels %d to "+
			"%d: deploy the later release to go on with the run", level, FirstLevel, i.level)
	}
	return nil
}

// serve answers updates and queries. It comes before anything else: an update that is not known yet would be refused.
func (r *run) serve(ctx workflow.Context) error {
	err := workflow.SetUpdateHandler(ctx, AnswerUpdate, func(ctx workflow.Context) (everhook.Answer, error) {
		// A cancelled run still answers: its caller is told.
		waiting, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		err := workflow.Await(waiting, func() bool { return r.answer != nil })
		if err != nil {
			return everhook.Answer{}, err
		}
		return *r.answer, nil
	})
	if err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, ValuesQuery, r.before); err != nil {
		return err
	}
	if r.flow.TakesCalls() {
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
		func(from int) (everhook.StepPage, error) { return r.log.page(from), nil }); err != nil {
		return err
	}
	return workflow.SetQueryHandler(ctx, OutcomeQuery, func() (everhook.Outcome, error) { return r.outcome, nil })
}

// execute walks the flow, within the time that the flow allows.
func (r *run) execute(ctx workflow.Context, d *data) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	if timeout := r.flow.Definition.Options.Timeout.Std(); timeout > 0 {
		left := timeout
		if r.start.Origin == "" { // a retry has the whole time again
			left -= workflow.Now(ctx).Sub(r.start.Delivery.ReceivedAt)
		}
		r.abortAfter(ctx, cancel, left, "timeout of the run", r.timedOut())
	}
	if r.start.Depth > 0 {
		r.abortWith(ctx, cancel)
	}
	return r.walk(ctx, d)
}

// timedOut is how a run ends when its timeout expired.
func (r *run) timedOut() *everhook.Error {
	return &everhook.Error{Status: everhook.Aborted, Type: everhook.TypeTimeout,
		Message: fmt.Sprintf("the run did not end within its timeout of %s", r.flow.Definition.Options.Timeout)}
}

// abortAfter cancels what is under way when the time is over; why is then how it ended.
func (r *run) abortAfter(ctx workflow.Context, abort workflow.CancelFunc, left time.Duration, summary string,
	why *everhook.Error) {
	if left <= 0 {
		r.aborted = why
		abort()
		return
	}
	timer := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: summary})
	r.events += eventsOfTimer
	workflow.GoNamed(ctx, "timeout", func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			r.aborted = why
			abort()
		}
	})
}

// failureTimeout bounds onFailure.
const failureTimeout = 10 * time.Minute

// onFailure runs the nodes that a flow has for runs that did not resolve. However they end, the run ends as it failed.
func (r *run) onFailure(ctx workflow.Context, d *data, failure *everhook.Error) {
	if len(r.flow.OnFailure) == 0 {
		return
	}
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	r.aborted, r.failing = nil, true
	r.abortAfter(ctx, cancel, failureTimeout, "limit of onFailure", &everhook.Error{Status: everhook.Aborted,
		Type: everhook.TypeTimeout, Message: "onFailure did not end within ten minutes"})
	d.scope.Values["failure"] = map[string]any{"status": string(failure.Status), "node": failure.Node,
		"message": failure.Message}
	// How it ended is in the step log.
	_, _ = r.list(ctx, r.flow.OnFailure, d)
}

// close settles the answer, waits until the caller has it, and ends the workflow so that Temporal tells the truth.
func (r *run) close(ctx workflow.Context, failure *everhook.Error) (everhook.Outcome, error) {
	r.outcome.Status, r.outcome.Error = everhook.Resolved, failure
	if r.outcome.Error != nil {
		r.outcome.Status = r.outcome.Error.Status
	}
	if r.answer == nil {
		answer := DerivedAnswer(r.outcome, r.start.Delivery.RunID)
		answer.Delivery, answer.Digest = r.start.Delivery.ID, r.start.Delivery.Digest
		r.answer = &answer
	}
	closing, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := r.fitOutcome(closing); err != nil { // there is no room for it, and none to be made
		r.outcome.Output = nil
	}
	r.showDetails(closing)
	if r.outcome.Status != everhook.Resolved && r.start.Attributes {
		if err := workflow.UpsertTypedSearchAttributes(closing,
			AttributeStatus.ValueSet(string(r.outcome.Status))); err != nil {
			return r.outcome, err
		}
	}
	if err := workflow.Await(closing, func() bool { return workflow.AllHandlersFinished(closing) }); err != nil {
		return r.outcome, err
	}
	switch r.outcome.Status {
	case everhook.Resolved:
		return r.outcome, nil
	case everhook.Cancelled:
		return r.outcome, temporal.NewCanceledError(r.outcome)
	default:
		return r.outcome, temporal.NewApplicationErrorWithOptions(r.outcome.Error.Error(), string(r.outcome.Status),
			temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign,
				Details: []any{r.outcome}})
	}
}

// flowCache keeps compiled flows by the hash of their definition.
type flowCache struct {
	registry *kind.Registry
	mutex    sync.Mutex
	flows    map[[sha256.Size]byte]*compile.Flow
}

// maxCompiledFlows bounds the cache; when it is full, it starts anew.
const maxCompiledFlows = 1000

func newFlowCache(registry *kind.Registry) *flowCache {
	return &flowCache{registry: registry, flows: map[[sha256.Size]byte]*compile.Flow{}}
}

func (c *flowCache) get(definition []byte) (*compile.Flow, error) {
	hash := sha256.Sum256(definition)
	c.mutex.Lock()
	flow, ok := c.flows[hash]
	c.mutex.Unlock()
	if ok {
		return flow, nil
	}
	var d everhook.Definition
	if err := json.Unmarshal(definition, &d); err != nil {
		return nil, fmt.Errorf("the definition of the run: %w", err)
	}
	flow, err := compile.ForRun(&d, c.registry)
	if err != nil {
		return nil, fmt.Errorf("this worker cannot run version of flow %q: %w", d.Key, err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.flows) >= maxCompiledFlows {
		clear(c.flows)
	}
	c.flows[hash] = flow
	return flow, nil
}
