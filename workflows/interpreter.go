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
	"github.com/everhook/everhook/nodes"
)

// Start is what a run is started with besides its definition.
type Start struct {
	// Level is the engine level.
	Level int `json:"level"`
	// Version is the number of the definition's version.
	Version int `json:"version"`
	// Delivery is the call that started the run.
	Delivery everhook.Delivery `json:"delivery"`
	// Env are the settings that the flow refers to, as they were when the run was started.
	Env map[string]string `json:"env,omitempty"`
	// Attributes is set when the namespace has the search attributes: setting others would block the run.
	Attributes bool `json:"searchAttributes,omitempty"`
	// MaxPayload is how many bytes, as JSON, one value may have that Temporal is handed: MaxStoredPayload where large ones are kept outside of
	// its histories. 0: the run was started before runs had this.
	MaxPayload int `json:"maxPayload,omitempty"`
}

// Interpreter runs flows. It is registered with a worker once and used by many runs at once.
type Interpreter struct {
	registry *nodes.Registry
	compiled *flowCache
}

// NewInterpreter makes one that knows the kinds of the registry.
func NewInterpreter(registry *nodes.Registry) *Interpreter {
	return &Interpreter{registry: registry, compiled: newFlowCache(registry)}
}

// Run is the workflow of a run.
func (i *Interpreter) Run(ctx workflow.Context, definition json.RawMessage, start Start) (everhook.Outcome, error) {
	flow, err := i.compiled.get(definition)
	if err == nil && start.Level > Level {
		err = fmt.Errorf("this worker knows engine level %d, and the run has level %d", Level, start.Level)
	}
	if err != nil {
		// Not the run's fault but this worker's: the workflow task fails and is tried again, elsewhere or after the next deploy.
		panic(err)
	}
	r := newRun(ctx, flow, start)
	if err := r.serve(ctx); err != nil {
		return everhook.Outcome{}, err
	}
	err = r.execute(ctx)
	return r.close(ctx, err)
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
	if err := workflow.SetQueryHandler(ctx, StepsQuery, func(from int) (everhook.StepPage, error) { return r.log.page(from), nil }); err != nil {
		return err
	}
	return workflow.SetQueryHandler(ctx, OutcomeQuery, func() (everhook.Outcome, error) { return r.outcome, nil })
}

// execute walks the flow, within the time that the flow allows.
func (r *run) execute(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	if timeout := r.flow.Definition.Options.Timeout.Std(); timeout > 0 {
		r.abortAfter(ctx, cancel, timeout)
	}
	_, err := r.list(ctx, r.flow.Nodes, r.rootData())
	return err
}

// abortAfter aborts the run when the timeout expires, counted from the receipt of the delivery.
func (r *run) abortAfter(ctx workflow.Context, abort workflow.CancelFunc, timeout time.Duration) {
	left := timeout - workflow.Now(ctx).Sub(r.start.Delivery.ReceivedAt)
	if left <= 0 {
		r.aborted = true
		abort()
		return
	}
	timer := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: "timeout of the run"})
	r.events += eventsOfTimer
	workflow.GoNamed(ctx, "timeout", func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			r.aborted = true
			abort()
		}
	})
}

// close settles the answer, waits until the caller has it, and ends the workflow so that Temporal tells the truth.
func (r *run) close(ctx workflow.Context, err error) (everhook.Outcome, error) {
	r.outcome.Status, r.outcome.Error = everhook.Resolved, r.ending(err)
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
	if err := r.fitOutcome(closing); err != nil {
		return r.outcome, err
	}
	r.showDetails(closing)
	if r.outcome.Status != everhook.Resolved && r.start.Attributes {
		if err := workflow.UpsertTypedSearchAttributes(closing, AttributeStatus.ValueSet(string(r.outcome.Status))); err != nil {
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
			temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign, Details: []any{r.outcome}})
	}
}

// flowCache keeps compiled flows by the hash of their definition.
type flowCache struct {
	registry *nodes.Registry
	mutex    sync.Mutex
	flows    map[[sha256.Size]byte]*nodes.Flow
}

// maxCompiledFlows bounds the cache; when it is full, it starts anew.
const maxCompiledFlows = 1000

func newFlowCache(registry *nodes.Registry) *flowCache {
	return &flowCache{registry: registry, flows: map[[sha256.Size]byte]*nodes.Flow{}}
}

func (c *flowCache) get(definition []byte) (*nodes.Flow, error) {
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
	flow, problems := c.registry.Recompile(&d)
	if flow == nil {
		return nil, fmt.Errorf("this worker cannot run version of flow %q: %w", d.Key, firstError(problems))
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.flows) >= maxCompiledFlows {
		clear(c.flows)
	}
	c.flows[hash] = flow
	return flow, nil
}

func firstError(problems []nodes.Problem) error {
	for _, problem := range problems {
		if !problem.Warning {
			return problem
		}
	}
	return nil
}
