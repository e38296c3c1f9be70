package nodes

import (
	"fmt"
	"strconv"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Subflow calls another flow.
type Subflow struct {
	// Flow is the key of a flow with a `call` trigger. Its enabled version runs; `key@3` always runs version 3. A
	// disabled flow cannot be called. The value is literal: it takes no template.
	Flow FlowReference `json:"flow" required:"true"`
	// Input is the value that the called flow sees as `trigger.input`. Without it, `trigger.input` is nil.
	Input expression.Template[any] `json:"input,omitzero"`
	// Wait says whether the node waits for the end of the called run. With false, the flow continues as soon as the
	// called run has started.
	Wait *bool `json:"wait,omitempty" default:"true"`
}

// FlowReference names a flow, and perhaps one version of it.
type FlowReference struct {
	Key string
	// Version is 0 for the enabled one.
	Version int
}

var (
	_ kind.Waiting = (*Subflow)(nil)
	_ kind.Calling = (*Subflow)(nil)
	_ kind.Shaping = (*Subflow)(nil)
)

// Spec describes the kind.
func (*Subflow) Spec() kind.Spec {
	return kind.Spec{
		Kind: "subflow", Group: kind.Control, Canonical: true,
		Summary: "Calls another flow, which runs as a run of its own, with its own steps.",
		Result: "The output of the run, nil if it has none. With `wait: false` `{runId}`. If the called flow skips " +
			"calls with this input (`when` of its trigger), there is no run, and output and `runId` are nil. A run " +
			"that is started again calls the same run again, under the same run ID; " +
			"cancelling or aborting a run reaches the flows that it waits for.",
		Failures: "Failed when the input does not fit the schema of the flow's trigger; nothing has run then. As the " +
			"run that it waited for, when that did not resolve: failed, error, rejected, or aborted " +
			"and cancelled, which `onError` does not catch; its type is then `subflow`. Error when there is no such " +
			"flow or version, it cannot be called or lacks a secret, the input is too large, flows call each other " +
			"more than 16 deep, or the template cannot be evaluated.",
		Example: `key: stock
type: subflow
config:
  flow: reserve-stock
  input: { sku: '{{ trigger.body.order.items[0].sku }}', quantity: 1 }
`,
	}
}

// Validate refuses a flow that waits for its own end; whether another flow exists is known when it is called.
func (c *Subflow) Validate(v *kind.Validation) {
	if _, callable := v.Trigger.(kind.Callable); c.Flow.Key == v.Definition.Key && v.Trigger != nil && !callable {
		v.Error("/config/flow", "the flow cannot call itself: its trigger is "+v.Definition.Trigger.Type,
			"name a flow with `trigger: { type: call }`")
	}
}

// ResultShape is anything, or the run ID of a run that is not waited for.
func (c *Subflow) ResultShape(*everhook.Node) *expression.Shape {
	if c.waits() {
		return &expression.Shape{Open: true, Hidden: map[string]string{
			"output": "the result is the output itself",
			"runId":  "the result is the output; with `wait: false` it has the run ID"}}
	}
	return &expression.Shape{Type: expression.Mapping, Fields: map[string]*expression.Shape{
		"runId": {Type: expression.Text}}}
}

func (c *Subflow) waits() bool { return c.Wait == nil || *c.Wait }

// CallsFlow is the flow that the config names.
func (c *Subflow) CallsFlow() (key string, version int) { return c.Flow.Key, c.Flow.Version }

// Execute starts the run as a child workflow, and by default waits for its end.
func (c *Subflow) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	input, err := c.Input.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	wait := c.waits()
	reply, err := run.(kind.CallingRun).Subflow(ctx, kind.SubflowCall{Flow: c.Flow.Key, Version: c.Flow.Version,
		Input: input, Wait: wait})
	if err != nil {
		return kind.Result{}, err
	}
	switch {
	case wait:
		return kind.Result{Value: reply.Output}, nil
	case reply.RunID == "":
		return kind.Result{Value: map[string]any{"runId": nil}}, nil
	default:
		return kind.Result{Value: map[string]any{"runId": string(reply.RunID)}}, nil
	}
}

// Decode takes the text `key` or `key@version`.
func (f *FlowReference) Decode(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s names no flow; write the key of one, or `key@3` for its version 3", everhook.TypeName(v))
	}
	key, version, pinned := strings.Cut(text, "@")
	switch {
	case strings.Contains(text, "{{"):
		return fmt.Errorf("the flow is literal, and takes no template; write one subflow node for each flow, behind " +
			"conditions")
	case !everhook.IsFlowKey(key):
		return fmt.Errorf("%q names no flow; write the key of one (a-z, 0-9 and -), or `key@3` for its version 3",
			everhook.Shorten(text, 80))
	case pinned:
		number, err := strconv.Atoi(version)
		if err != nil || number < 1 || strconv.Itoa(number) != version {
			return fmt.Errorf("%q is no version; write `%s@3` for version 3, or `%s` for the enabled one",
				everhook.Shorten(version, 80), key, key)
		}
		f.Version = number
	}
	f.Key = key
	return nil
}

// JSONSchema is that of the text.
func (*FlowReference) JSONSchema() map[string]any {
	return map[string]any{"title": "a flow, or a version of it", "type": "string",
		"pattern": `^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]*)?$`}
}
