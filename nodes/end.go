package nodes

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// EndRun ends the whole run, from any depth.
type EndRun struct {
	// Status is how the run ends: resolved, failed or rejected.
	Status expression.Template[string] `json:"status,omitzero" enum:"resolved,failed,rejected" default:"resolved"`
	// Message is the reason, shown with the run.
	Message expression.Template[string] `json:"message,omitzero"`
}

var (
	_ kind.Ending  = (*EndRun)(nil)
	_ kind.Shaping = (*EndRun)(nil)
)

// Spec describes the kind.
func (*EndRun) Spec() kind.Spec {
	return kind.Spec{
		Kind: "end", Group: kind.Control, Canonical: true,
		Summary: "Ends the whole run immediately, from any depth.",
		Result:  "None: no node runs after it.",
		Failures: "Failed or rejected as `status` says; `onError` does not catch it. Error when a template cannot be " +
			"evaluated.",
		Example: `key: stop
type: end
config: { status: failed, message: 'order {{ trigger.body.id }} is unknown' }
`,
	}
}

// Validate checks a status that is known already.
func (c *EndRun) Validate(v *kind.Validation) {
	if status, ok := c.Status.Literal(); ok && !endsRun(status) {
		v.Error("/config/status", fmt.Sprintf("%q is no status that a run can be given", status),
			"write resolved, failed or rejected")
	}
}

func endsRun(status string) bool {
	return slices.Contains([]everhook.Status{everhook.Resolved, everhook.Failed, everhook.Rejected},
		everhook.Status(status))
}

// ResultShape is nothing.
func (*EndRun) ResultShape(*everhook.Node) *expression.Shape {
	return &expression.Shape{Fields: map[string]*expression.Shape{}}
}

// EndsRun is true.
func (*EndRun) EndsRun() bool { return true }

// Execute is pure.
func (c *EndRun) Execute(run kind.Run) (kind.Result, error) {
	status := string(everhook.Resolved)
	if c.Status.IsSet() {
		text, err := c.Status.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		status = text
	}
	if !endsRun(status) {
		return kind.Result{}, everhook.Errorf(everhook.TypeConfig,
			"status is %q; it must be resolved, failed or rejected",
			status)
	}
	message, err := c.Message.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	return kind.Result{}, &kind.End{Status: everhook.Status(status), Type: everhook.TypeEnd, Message: message,
		Node: run.Node().Key}
}
