package nodes

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// WaitForCall waits until its URL is called.
type WaitForCall struct {
	// Deadline is how long the node waits, counted from when the run reaches it: for example 30m, 7d or P3D, at most
	// ten years. 0 waits without end.
	Deadline expression.Template[everhook.Duration] `json:"deadline,omitzero" default:"24h"`
	// OnDeadline says what happens if there was no call by the deadline: fail makes the node fail, continue lets the
	// flow continue with the result nil.
	OnDeadline string `json:"onDeadline,omitempty" enum:"fail,continue" default:"fail"`
	// Link lets a person open the URL in a browser: `true` shows a page with one button, which sends the call without a
	// body. A mapping `{ title, text, button, done, language }` has the texts of the page. Opening the page does
	// nothing, because scanners of mails and previews open links too. Without it, GET gets 405.
	Link trigger.WebhookLink `json:"link,omitzero"`

	trigger.WebhookCalls
	// Response is the answer to the caller, sent as soon as the call is stored. If the call is repeated, the answer is
	// the same. Templates see `call` (headers, query, body, receivedAt), `env` and `system.runId`.
	Response trigger.WebhookResponse `json:"response,omitzero"`
}

// onDeadlineContinue is the OnDeadline of a node after which the flow goes on without a call.
const onDeadlineContinue = "continue"

// defaultDeadline is how long a call is waited for.
const defaultDeadline = 24 * time.Hour

var (
	_ trigger.Callback  = (*WaitForCall)(nil)
	_ kind.GivingUp     = (*WaitForCall)(nil)
	_ kind.FieldRooter  = (*WaitForCall)(nil)
	_ kind.Shaping      = (*WaitForCall)(nil)
	_ kind.SecretNaming = (*WaitForCall)(nil)
)

// Spec describes the kind.
func (*WaitForCall) Spec() kind.Spec {
	return kind.Spec{
		Kind: "wait-for-call", Group: kind.Callbacks, Canonical: true,
		Summary: "Waits until its URL is called. In any expression or template of the flow, `resumeUrl(\"key\")` is " +
			"that URL; send it to the system that is to call. A call that comes before the run reaches the node is " +
			"kept.",
		Result: "The parts of the first call that `request` keeps; nil if no call came by the deadline and the flow " +
			"goes on.",
		Members: []kind.Member{
			{Name: "headers", Summary: "The kept headers, by lower-case name."},
			{Name: "query", Summary: "The kept query parameters."},
			{Name: "body", Summary: "The kept part of the body.", Content: true},
			{Name: "raw", Summary: "The text of the body, with `raw: true`."},
			{Name: "receivedAt", Type: expression.Text, Summary: "The time of the call, RFC 3339."},
		},
		Failures: "Failed (`deadline`) if no call came by the deadline, unless `onDeadline: continue` is set. Error " +
			"if the deadline cannot be evaluated. A refused call changes nothing: the node keeps waiting.",
		Example: `key: confirmed
type: wait-for-call
config:
  deadline: 7d
  schema: { type: object, required: [approved] }
  request: { body: [approved, comment] }
`,
	}
}

// Validate checks the credentials and limits of the calls.
func (c *WaitForCall) Validate(v *kind.Validation) {
	c.ValidateCalls(v.Below("/config"))
	c.Response.Validate(v.Below("/config/response"))
	c.Link.Validate(v.Below("/config"), &c.WebhookCalls)
}

// FieldRoots are the names that are visible in the templates of the response. They are evaluated when the call comes.
func (c *WaitForCall) FieldRoots(pointer string) map[string]*expression.Shape {
	if !strings.HasPrefix(pointer, "/response/") {
		return nil
	}
	return map[string]*expression.Shape{
		"call": c.CallShape(), "env": {},
		"system": {Fields: map[string]*expression.Shape{"runId": {}}},
	}
}

// ResultShape is the kept part of the call.
func (c *WaitForCall) ResultShape(*everhook.Node) *expression.Shape {
	shape := c.CallShape()
	shape.Type = expression.Mapping
	return shape
}

// PausesFor says that it waits for a call.
func (*WaitForCall) PausesFor() kind.Pause { return kind.ForCall }

// GivesUp is true if the flow goes on after the deadline.
func (c *WaitForCall) GivesUp() bool { return c.OnDeadline == onDeadlineContinue }

// Reply is the response.
func (c *WaitForCall) Reply() *trigger.WebhookResponse { return &c.Response }

// Page is the link.
func (c *WaitForCall) Page() *trigger.WebhookLink { return &c.Link }

// Execute waits. The receiver decides who may call and which answer the caller gets, before the call reaches the run.
func (c *WaitForCall) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	deadline := defaultDeadline
	if c.Deadline.IsSet() {
		given, err := c.Deadline.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		if deadline = given.Std(); deadline <= 0 {
			if _, literal := c.Deadline.Literal(); !literal { // a remaining time that is over; a literal `0` means none
				deadline = 1
			}
		}
	}
	call, ok, err := run.(kind.AwaitingRun).AwaitCall(ctx, deadline)
	switch {
	case err != nil:
		return kind.Result{}, err
	case ok:
		return kind.Result{Value: map[string]any(call)}, nil
	case c.GivesUp():
		return kind.Result{}, nil
	}
	return kind.Result{}, everhook.Failuref(everhook.TypeDeadline, "no call came within %s",
		everhook.Duration(deadline))
}
