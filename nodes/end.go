package nodes

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// EndRun ends the whole run, from any depth.
type EndRun struct {
	// Status is how the run ends: resolved (default), failed or rejected.
	Status expression.Template[string] `json:"status,omitzero" enum:"resolved,failed,rejected"`
	// Message says why, for whoever looks at the run.
	Message expression.Template[string] `json:"message,omitzero"`
}

var _ Kind = (*EndRun)(nil)

// Spec describes the kind.
func (*EndRun) Spec() Spec {
	return Spec{
		Kind: "end", Group: Control,
		Summary:  "Ends the whole run at once, from any depth.",
		Result:   "None: no node runs after it.",
		Failures: "Failed or rejected as `status` says; `onError` does not catch it. Error when a template cannot be evaluated.",
		Example: `key: stop
type: end
config: { status: failed, message: 'order {{ trigger.body.id }} is unknown' }
`,
	}
}

// Validate has nothing to add.
func (*EndRun) Validate(*Validation) {}

// Execute is pure.
func (c *EndRun) Execute(_ workflow.Context, run Run) (Result, error) {
	status := string(everhook.Resolved)
	if c.Status.IsSet() {
		text, err := c.Status.Eval(run.Scope())
		if err != nil {
			return Result{}, err
		}
		status = text
	}
	switch everhook.Status(status) {
	case everhook.Resolved, everhook.Failed, everhook.Rejected:
	default:
		return Result{}, everhook.Errorf(everhook.TypeConfig, "status is %q; it must be resolved, failed or rejected", status)
	}
	message, err := c.Message.Eval(run.Scope())
	if err != nil {
		return Result{}, err
	}
	return Result{}, &End{Status: everhook.Status(status), Type: everhook.TypeEnd, Message: message, Node: run.Node().Key}
}
