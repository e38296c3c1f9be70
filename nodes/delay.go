package nodes

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Delay waits for some time, at most ten years.
type Delay struct {
	// Duration is the time to wait, for example 30s, 1d12h or P3D. Give either `duration` or `until`.
	Duration expression.Template[everhook.Duration] `json:"duration,omitzero"`
	// Until is the time (RFC 3339) to wait for. If it has passed, the node does not wait.
	Until expression.Template[time.Time] `json:"until,omitzero"`
	// Status is how the node ends after the wait: resolved or failed.
	Status expression.Template[string] `json:"status,omitzero" enum:"resolved,failed" default:"resolved"`
}

var _ kind.Pausing = (*Delay)(nil)

// Spec describes the kind.
func (*Delay) Spec() kind.Spec {
	return kind.Spec{
		Kind: "delay", Group: kind.Control, Canonical: true,
		Summary: "Waits for a duration or until a time. The wait survives restarts.",
		Result:  "The time at which it ended, RFC 3339.", Type: expression.Text,
		Failures: "Failed at its end with `status: failed`. Error when a template cannot be evaluated or gives no " +
			"duration or time, or one over ten years away.",
		Example: `key: pause
type: delay
config: { duration: 1d12h }
`,
	}
}

// Validate reports a config without exactly one of duration and until.
func (c *Delay) Validate(v *kind.Validation) {
	switch {
	case !c.Duration.IsSet() && !c.Until.IsSet():
		v.Error("/config", "the delay has neither duration nor until", "write for example `duration: 30s`")
	case c.Duration.IsSet() && c.Until.IsSet():
		v.Error("/config/until", "the delay has both duration and until", "remove one of them")
	}
	if status, ok := c.Status.Literal(); ok && !endsDelay(status) {
		v.Error("/config/status", fmt.Sprintf("%q is no status that a delay can end with", status),
			"write resolved or failed")
	}
}

func endsDelay(status string) bool {
	return status == string(everhook.Resolved) || status == string(everhook.Failed)
}

// Brief is how long it waits.
func (*Delay) Brief(node *everhook.Node) string {
	if until, ok := node.Config["until"]; ok {
		return fmt.Sprintf("until `%v`", until)
	}
	return fmt.Sprint(node.Config["duration"])
}

// PausesFor says that it waits for a time.
func (*Delay) PausesFor() kind.Pause { return kind.ForTime }

// Execute waits by a Temporal timer. Its time is the run's clock, the same on replay.
func (c *Delay) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	var wait time.Duration
	if c.Until.IsSet() {
		until, err := c.Until.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		wait = until.Sub(workflow.Now(ctx))
	} else {
		duration, err := c.Duration.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		wait = duration.Std()
	}
	if wait > everhook.MaxDuration.Std() {
		return kind.Result{}, everhook.Errorf(everhook.TypeLimit, "the delay is longer than ten years")
	}
	failing := false
	if c.Status.IsSet() {
		status, err := c.Status.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		if !endsDelay(status) {
			return kind.Result{}, everhook.Errorf(everhook.TypeConfig, "status is %q; it must be resolved or failed",
				status)
		}
		failing = status == string(everhook.Failed)
	}
	if wait > 0 {
		if err := run.Sleep(ctx, wait); err != nil {
			return kind.Result{}, err
		}
	}
	if failing {
		return kind.Result{}, everhook.Failuref(everhook.TypeDelay, "the delay is over")
	}
	return kind.Result{Value: everhook.FormatTime(workflow.Now(ctx).UTC())}, nil
}
