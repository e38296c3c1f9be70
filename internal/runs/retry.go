package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/workflows"
)

// RetryOptions configure a retry.
type RetryOptions struct {
	// Version is the version to run; nil: the version of the run, with its settings.
	Version *everhook.Version
	// From is the key of the node to begin at, with the values of the steps before it; empty: the beginning.
	From string
	// ID is the ID of the new run. Retries with one ID are one retry. Empty: a random one.
	ID everhook.RunID
	// Delivery is the ID of a new delivery, which repeats ReplayOf. Empty: the run is a retry of the delivery that it
	// had.
	Delivery, ReplayOf string
}

// Retried is the new run of a retry.
type Retried struct {
	// ID is the new run.
	ID      everhook.RunID `json:"id"`
	Flow    string         `json:"flow"`
	Version int            `json:"version"`
	// RetryOf is the retried run.
	RetryOf everhook.RunID `json:"retryOf"`
	// From is the node at which the new run begins: the wanted one, or the container of the wanted one. Empty: the
	// beginning.
	From string `json:"from,omitempty"`
	// Note names the waits that no call can end, because no step that runs again passes their URLs on; empty for none.
	Note string `json:"note,omitempty"`
}

// valuesTimeout bounds how long a retry waits for a worker to return the values before a node: the worker replays the
// run, and the values can be 16 MiB.
const valuesTimeout = 45 * time.Second

// Retry starts a closed run again, under a new run ID and with the same delivery, and returns when the new run is
// durable. Idempotency keys derive from the run that the delivery started, so that partners recognise a step that runs
// again with the same input. The answer of a retry has no caller.
//
// It returns everhook.ErrNoRun if the run is unknown or has expired, and a *Refusal if the retry is not possible. After
// any other error it is not known whether the new run exists.
func (s *Starter) Retry(ctx context.Context, flow string, id everhook.RunID, options RetryOptions) (Retried, error) {
	earlier, err := s.ended(ctx, flow, id)
	if err != nil {
		return Retried{}, err
	}
	version := options.Version
	if version == nil {
		version = earlier.version
	}
	prepared, err := s.compiled(version)
	if err != nil {
		return Retried{}, Refusef("%v", err)
	}
	start, definition := earlier.start, earlier.definition
	start.Origin, start.From, start.Delivery.RunID = start.First(), nil, cmp.Or(options.ID, everhook.NewRunID())
	start.Early = nil
	start.Delivery.Failure = nil // an operator says that it is to run
	start.Delivery.ID = cmp.Or(options.Delivery, start.Delivery.ID)
	if options.Version != nil {
		start.Version, start.Env, definition = version.Number, s.settings(prepared), prepared.JSON
	}
	if options.From != "" {
		if start.From, err = s.resumePoint(ctx, flow, id, version, options); err != nil {
			return Retried{}, err
		}
	}
	encoded, err := workflows.EncodeDefinition(definition)
	if err != nil {
		return Retried{}, err
	}
	c, err := s.arrange(version, prepared, encoded, start)
	if err != nil {
		return Retried{}, pointTooLarge(err, start.From)
	}
	retried := Retried{ID: start.Delivery.RunID, Flow: flow, Version: version.Number, RetryOf: id}
	if start.From != nil {
		retried.From = start.From.Node
	}
	retried.Note = s.inVain(version, retried.From)
	s.describe(c, retried)
	describeReplay(c, options.ReplayOf)
	if err := s.start(ctx, c); err != nil {
		return Retried{}, fmt.Errorf("it is not known whether the retry was started as run %s; look for it before "+
			"you try again: %w", retried.ID, err)
	}
	return retried, nil
}

// inVain names the waits of a retry that no call can end: their URLs are new, and the steps that pass them on do not
// run again.
func (s *Starter) inVain(version *everhook.Version, from string) string {
	flow, _ := s.versions.Of(version)
	if flow == nil {
		return ""
	}
	waits := flow.WaitsWithoutURL(from)
	switch {
	case len(waits) == 0:
		return ""
	case from == "":
		return fmt.Sprintf("the run waits for calls of %s, whose URLs are new, but no node sends them: the waits will "+
			"end by their deadlines", strings.Join(waits, ", "))
	default:
		return fmt.Sprintf("the run waits for calls of %s, whose URLs are new, but no node from %s on sends them: the "+
			"waits will end by their deadlines; retry from the node that sends the URL", strings.Join(waits, ", "),
			from)
	}
}

// describe adds the retried run to the memo and details of the new run.
func (s *Starter) describe(c *call, retried Retried) {
	c.options.EnableEagerStart = s.options.Eager
	c.options.Memo[workflows.MemoRetryOf] = string(retried.RetryOf)
	c.options.StaticDetails += "\n* retry of run " + string(retried.RetryOf)
	if retried.From != "" {
		c.options.Memo[workflows.MemoRetryFrom] = retried.From
		c.options.StaticDetails += ", from " + workflows.EscapeMarkdown(retried.From)
	}
	if s.options.Links != nil {
		c.options.StaticDetails += "\n" + s.options.Links(retried.Flow, retried.RetryOf)
	}
}

// earlierRun is the start of an earlier run.
type earlierRun struct {
	version    *everhook.Version
	definition json.RawMessage
	start      workflows.Start
	// open is set if the run goes on.
	open bool
}

// DeliveryOf returns the delivery that a run was started with.
func (s *Starter) DeliveryOf(ctx context.Context, flow string, id everhook.RunID) (everhook.Delivery, error) {
	earlier, err := s.earlier(ctx, flow, id)
	if err != nil {
		return everhook.Delivery{}, err
	}
	return earlier.start.Delivery, nil
}

// ended reads the start of a closed run.
func (s *Starter) ended(ctx context.Context, flow string, id everhook.RunID) (*earlierRun, error) {
	earlier, err := s.earlier(ctx, flow, id)
	if err == nil && earlier.open {
		return nil, Refusef("the run still goes on; cancel it first, or wait until it has ended")
	}
	return earlier, err
}

// earlier reads the start of a run from its history, so that a retry does not depend on the store.
func (s *Starter) earlier(ctx context.Context, flow string, id everhook.RunID) (*earlierRun, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	workflowID := everhook.WorkflowID(flow, id)
	description, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return nil, unknownRun(err)
	}
	info := description.GetWorkflowExecutionInfo()
	events := s.client.GetWorkflowHistory(ctx, workflowID, info.GetExecution().GetRunId(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return nil, everhook.ErrNoRun
	}
	first, err := events.Next()
	if err != nil {
		return nil, unknownRun(err)
	}
	earlier := &earlierRun{open: info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
	input := first.GetWorkflowExecutionStartedEventAttributes().GetInput()
	if s.options.Resolve != nil {
		if input, err = s.options.Resolve(ctx, input); err != nil {
			return nil, fmt.Errorf("what the run %s was started with is kept outside of its history, and cannot be "+
				"read: %w", workflowID, err)
		}
	}
	if err := workflows.DataConverter().FromPayloads(input, &earlier.definition, &earlier.start); err != nil {
		return nil, fmt.Errorf("what the run %s was started with cannot be read: %w", workflowID, err)
	}
	earlier.version = &everhook.Version{Number: earlier.start.Version, Definition: &everhook.Definition{}}
	if err := json.Unmarshal(earlier.definition, earlier.version.Definition); err != nil {
		return nil, fmt.Errorf("the definition of the run %s: %w", workflowID, err)
	}
	earlier.version.Hash, err = earlier.version.Definition.Hash()
	return earlier, err
}

// resumePoint queries a worker for the values before the node, and adapts them to the version.
func (s *Starter) resumePoint(ctx context.Context, flow string, id everhook.RunID, version *everhook.Version,
	options RetryOptions) (*workflows.RetryPoint, error) {
	ctx, cancel := context.WithTimeout(ctx, valuesTimeout)
	defer cancel()
	answer, err := s.client.QueryWorkflow(ctx, everhook.WorkflowID(flow, id), "", workflows.ValuesQuery, options.From)
	if failed, ok := errors.AsType[*serviceerror.QueryFailed](err); ok {
		return nil, Refusef("%s", failed.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("no worker told the values before the node %q: %w", options.From, err)
	}
	point := &workflows.RetryPoint{}
	if err := answer.Get(point); err != nil {
		return nil, fmt.Errorf("the values before the node %q cannot be read: %w", options.From, err)
	}
	compiled, err := s.compiled(version)
	if err != nil {
		return nil, Refusef("%v", err)
	}
	return point, fit(point, compiled.Flow, version.Number)
}

// fit removes the values of nodes that the flow does not have. It refuses a flow that cannot begin at the node.
func fit(p *workflows.RetryPoint, flow *compile.Flow, version int) error {
	way := flow.Way(p.Node)
	if way == nil && flow.Node(p.Node) != nil {
		return Refusef("in version %d of the flow the node %q stands in onFailure, where a run cannot be continued; "+
			"retry the whole run, or from another node", version, p.Node)
	}
	if way == nil {
		return Refusef("version %d of the flow has no node %q; retry the whole run, or from another node", version,
			p.Node)
	}
	if at := way[len(way)-1].Node.Key; at != p.Node {
		return Refusef("in version %d of the flow the node %q stands within %q, where a run cannot be continued; "+
			"retry from %q, if the run before began it, or the whole run", version, p.Node, at, at)
	}
	for _, key := range everhook.SortedKeys(p.Nodes) {
		if flow.Node(key) == nil {
			delete(p.Nodes, key)
		}
	}
	for _, key := range everhook.SortedKeys(p.Errors) {
		if flow.Node(key) == nil {
			delete(p.Errors, key)
		}
	}
	return nil
}

// pointTooLarge says what to do if the arguments are too large together.
func pointTooLarge(err error, resume *workflows.RetryPoint) error {
	limit, ok := errors.AsType[*everhook.Error](err)
	switch {
	case !ok || limit.Type != everhook.TypeLimit:
		return err
	case resume == nil:
		return Refusef("%s", limit.Message)
	default:
		return Refusef("the delivery and the values before the node %q are together larger than a run can be started "+
			"with; retry the whole run, or from an earlier node", resume.Node)
	}
}
