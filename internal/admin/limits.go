package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// Limits keep actors to the flows that they may see, and viewers from values that are hidden. Everything that the API
// and the pages read and change goes through them.
type Limits struct {
	// Labels returns the labels of all flows, by key.
	Labels func(ctx context.Context) (map[string][]string, error)
}

// Flows limits flows.
func (l Limits) Flows(all api.Flows) api.Flows { return limitedFlows{l, all} }

// Runs limits runs.
func (l Limits) Runs(all api.Runs) api.Runs { return limitedRuns{l, all} }

// Actions limits actions.
func (l Limits) Actions(all api.Actions) api.Actions { return limitedActions{l, all} }

// sees returns whether the actor of the context has a role for a flow.
func (l Limits) sees(ctx context.Context, needed access.Role) (func(flow string) bool, error) {
	actor := access.From(ctx)
	if !actor.Limited() {
		return func(string) bool { return actor.May(needed) }, nil
	}
	labels, err := l.Labels(ctx)
	if err != nil {
		return nil, err
	}
	return func(flow string) bool { return actor.MayWith(needed, flow, labels[flow]) }, nil
}

// permit returns everhook.ErrNoRun for a flow that the actor does not see, and an *access.Denied without the role.
func (l Limits) permit(ctx context.Context, needed access.Role, flow string) error {
	if err := access.Require(ctx, needed); err != nil {
		return err
	}
	sees, err := l.sees(ctx, needed)
	if err == nil && !sees(flow) {
		err = everhook.ErrNoRun
	}
	return err
}

type limitedFlows struct {
	Limits
	all api.Flows
}

// Flows implements api.Flows.
func (f limitedFlows) Flows(ctx context.Context) ([]api.Flow, error) {
	sees, err := f.sees(ctx, access.Viewer)
	if err != nil {
		return nil, err
	}
	flows, err := f.all.Flows(ctx)
	var seen []api.Flow
	for _, flow := range flows {
		if sees(flow.Key) {
			seen = append(seen, flow)
		}
	}
	return seen, err
}

type limitedRuns struct {
	Limits
	all api.Runs
}

// List implements api.Runs.
func (r limitedRuns) List(ctx context.Context, filter runs.Filter) ([]runs.Summary, []byte, error) {
	actor := access.From(ctx)
	if !actor.Limited() {
		if err := access.Require(ctx, access.Viewer); err != nil {
			return nil, nil, err
		}
		return r.all.List(ctx, filter)
	}
	labels, err := r.Labels(ctx)
	if err != nil {
		return nil, nil, err
	}
	var seen []string
	for _, flow := range everhook.SortedKeys(labels) {
		if actor.MayWith(access.Viewer, flow, labels[flow]) && (filter.Flow == "" || filter.Flow == flow) &&
			(filter.Flows == nil || slices.Contains(filter.Flows, flow)) {
			seen = append(seen, flow)
		}
	}
	if len(seen) == 0 {
		return nil, nil, nil
	}
	filter.Flows = seen
	return r.all.List(ctx, filter)
}

// Find implements api.Runs.
func (r limitedRuns) Find(ctx context.Context, flows []string, id everhook.RunID) (string, error) {
	flow, err := r.all.Find(ctx, flows, id)
	if err != nil {
		return "", err
	}
	return flow, r.permit(ctx, access.Viewer, flow)
}

// Show implements api.Runs.
func (r limitedRuns) Show(ctx context.Context, flow string, id everhook.RunID, execution string) (*runs.Detail, error) {
	if err := r.permit(ctx, access.Viewer, flow); err != nil {
		return nil, err
	}
	detail, err := r.all.Show(ctx, flow, id, execution)
	if err != nil {
		return nil, err
	}
	sees, err := r.sees(ctx, access.Viewer)
	if err != nil {
		return nil, err
	}
	return shown(detail, sees, access.From(ctx).ValuesHidden), nil
}

// shown is a run without the names of runs of flows that the actor does not see and, if they are hidden, without
// values: what the flow got, computed and answered. Statuses, times and types of errors stay.
func shown(detail *runs.Detail, sees func(flow string) bool, hidden bool) *runs.Detail {
	copied := *detail
	copied.Caller = visible(copied.Caller, sees)
	copied.Steps = append([]everhook.Step{}, detail.Steps...)
	for i := range copied.Steps {
		step := &copied.Steps[i]
		step.Subflow = visible(step.Subflow, sees)
		if hidden {
			step.Config, step.Result, step.Lines, step.Error = nil, nil, nil, typeOf(step.Error)
			if step.Retrying != nil {
				retrying := *step.Retrying
				retrying.LastError = ""
				step.Retrying = &retrying
			}
		}
	}
	if hidden && detail.Outcome != nil {
		copied.Outcome = &everhook.Outcome{Status: detail.Outcome.Status, Error: typeOf(detail.Outcome.Error)}
		if answer := detail.Outcome.Answer; answer != nil {
			copied.Outcome.Answer = &everhook.Answer{Status: answer.Status}
		}
	}
	return &copied
}

// visible is the text "flow/run", or empty if the actor does not see the flow.
func visible(run string, sees func(flow string) bool) string {
	if flow, _, _ := strings.Cut(run, "/"); run == "" || !sees(flow) {
		return ""
	}
	return run
}

// typeOf is an error without its message and its response, which may hold values.
func typeOf(err *everhook.Error) *everhook.Error {
	if err == nil {
		return nil
	}
	return &everhook.Error{Type: err.Type, Node: err.Node, Message: "hidden from viewers"}
}

type limitedActions struct {
	Limits
	all api.Actions
}

// Cancel implements api.Actions.
func (a limitedActions) Cancel(ctx context.Context, flow string, id everhook.RunID) error {
	if err := a.permit(ctx, access.Operator, flow); err != nil {
		return err
	}
	return a.all.Cancel(ctx, flow, id)
}

// CancelFlow implements api.Actions.
func (a limitedActions) CancelFlow(ctx context.Context, flow string) (asked int, err error) {
	if err := a.permit(ctx, access.Operator, flow); err != nil {
		return 0, err
	}
	return a.all.CancelFlow(ctx, flow)
}

// Retry implements api.Actions.
func (a limitedActions) Retry(ctx context.Context, flow string, id everhook.RunID, wanted api.RetryRequest,
	key []byte) (runs.Retried, error) {
	if err := a.permit(ctx, access.Operator, flow); err != nil {
		return runs.Retried{}, err
	}
	return a.all.Retry(ctx, flow, id, wanted, key)
}
