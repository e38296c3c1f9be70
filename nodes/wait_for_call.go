package nodes

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// WaitForCall waits until its URL is called.
type WaitForCall struct {
	// Deadline is how long it waits from when the run reaches the node, as 30m, 7d or P3D, at most ten years; 0 is
	// without end. Default 24h.
	Deadline expression.Template[everhook.Duration] `json:"deadline,omitzero"`
	// OnDeadline says what happens when nobody has called by then: fail (default) makes the node failed, continue goes
	// on with the result nil.
	OnDeadline string `json:"onDeadline,omitempty" enum:"fail,continue"`

	WebhookCalls
	// Response is what the caller receives, as soon as the call is kept; a repeat receives the same. Templates see call
	// (headers, query, body, receivedAt), env and system.runId. Default 200 with body "ok".
	Response WebhookResponse `json:"response,omitzero"`
}

// defaultDeadline is how long a call is waited for.
const defaultDeadline = 24 * time.Hour

var (
	_ Kind        = (*WaitForCall)(nil)
	_ FieldRooter = (*WaitForCall)(nil)
)

// Spec describes the kind.
func (*WaitForCall) Spec() Spec {
	return Spec{
		Kind: "wait-for-call", Group: Waiting,
		Summary: "Waits until its URL is called: `resumeUrl(\"key\")`, in any expression or template of the flow, " +
			"gives it to whoever is to call back. A call that comes before the run reaches the node is kept.",
		Result: "`{headers, query, body, receivedAt}` of the first call, as far as `request` keeps them; nil when " +
			"nobody called by the deadline and the flow goes on.",
		Failures: "Failed (`deadline`) when nobody called by the deadline, unless `onDeadline: continue`. Error when " +
			"the deadline cannot be evaluated. " +
			"A call that is refused, for its signature or its body, changes nothing: the node waits on.",
		Example: `key: confirmed
type: wait-for-call
config:
  deadline: 7d
  schema: { type: object, required: [approved] }
  request: { body: [approved, comment] }
`,
	}
}

// Validate checks who may call and what is taken.
func (c *WaitForCall) Validate(v *Validation) {
	below := *v
	below.pointer += "/config"
	c.validate(&below)
}

// FieldRoots are what the templates of the response see: they are evaluated when the call comes, on it alone.
func (c *WaitForCall) FieldRoots(pointer string) map[string]*expression.Shape {
	if !strings.HasPrefix(pointer, "/response/") {
		return nil
	}
	return map[string]*expression.Shape{
		"call": c.Request.shape(), "env": {},
		"system": {Fields: map[string]*expression.Shape{"runId": {}}},
	}
}

// Execute waits. Who calls, and what a caller receives, is decided before the call reaches the run.
func (c *WaitForCall) Execute(ctx workflow.Context, run Run) (Result, error) {
	deadline := defaultDeadline
	if c.Deadline.IsSet() {
		given, err := c.Deadline.Eval(run.Scope())
		if err != nil {
			return Result{}, err
		}
		if deadline = given.Std(); deadline <= 0 {
			if _, literal := c.Deadline.Literal(); !literal { // a time that is left and has run out, not the `0` of who wants none
				deadline = 1
			}
		}
	}
	call, ok, err := run.AwaitCall(ctx, deadline)
	switch {
	case err != nil:
		return Result{}, err
	case ok:
		return Result{Value: map[string]any(call)}, nil
	case c.OnDeadline == "continue":
		return Result{}, nil
	}
	return Result{}, everhook.Failuref(everhook.TypeDeadline, "nobody called within %s", everhook.Duration(deadline))
}
