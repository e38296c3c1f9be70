package flowtest_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// registry returns the standard kinds and kinds that a module could add.
func registry() *kind.Registry {
	r := nodes.Standard()
	kind.Add[mail](r)
	kind.Add[stuck](r)
	kind.Add[restless](r)
	kind.Add[announced](r)
	kind.Add[deaf](r)
	kind.Add[defective](r)
	kind.AddTrigger[clock](r)
	return r
}

// mail is a kind with its own effect.
type mail struct {
	To       string                      `json:"to"`
	Password expression.Template[string] `json:"password,omitzero"`
}

type mailInput struct {
	mailHead
	To       []string         `json:"to"`
	Password *everhook.Sealed `json:"password,omitempty"`
	Tags     map[string]any   `json:"tags"`
	Plain    int
	Left     string    `json:"left,omitempty"`
	At       time.Time `json:"at"`
	hidden   string
}

type mailHead struct {
	From string `json:"from"`
}

type mailResult struct {
	ID string `json:"id"`
}

func (*mail) Spec() kind.Spec {
	return kind.Spec{Kind: "mail", Group: kind.Effects, Effect: &kind.EffectSpec{Timeout: time.Second,
		MaxAttempts: 2}}
}
func (*mail) Validate(*kind.Validation) {}
func (m *mail) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	password, err := m.Password.EvalSealed(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	var result mailResult
	input := mailInput{mailHead: mailHead{From: "us"}, To: []string{m.To}, Password: &password,
		Tags: map[string]any{"run": string(run.ID())}, At: time.Unix(0, 0).UTC(), hidden: "no"}
	if err := run.Activity(ctx, "mail.send", input, &result); err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: result.ID}, nil
}

// stuck waits for ever.
type stuck struct{}

func (*stuck) Spec() kind.Spec           { return kind.Spec{Kind: "stuck", Group: kind.Control} }
func (*stuck) Validate(*kind.Validation) {}
func (*stuck) Execute(ctx workflow.Context, _ kind.WaitingRun) (kind.Result, error) {
	return kind.Result{}, workflow.Await(ctx, func() bool { return false })
}

// restless sleeps in a loop until it is cancelled.
type restless struct{}

func (*restless) Spec() kind.Spec           { return kind.Spec{Kind: "restless", Group: kind.Control} }
func (*restless) Validate(*kind.Validation) {}
func (*restless) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	for {
		if err := run.Sleep(ctx, time.Microsecond); err != nil {
			return kind.Result{}, err
		}
	}
}

// announced is restless, and reports its start.
type announced struct{}

var begun = make(chan struct{}, 1)

func (*announced) Spec() kind.Spec           { return kind.Spec{Kind: "announced", Group: kind.Control} }
func (*announced) Validate(*kind.Validation) {}
func (*announced) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	begun <- struct{}{}
	return (*restless)(nil).Execute(ctx, run)
}

// deaf sleeps in a loop and ignores cancellation.
type deaf struct{}

func (*deaf) Spec() kind.Spec           { return kind.Spec{Kind: "deaf", Group: kind.Control} }
func (*deaf) Validate(*kind.Validation) {}
func (*deaf) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return (*restless)(nil).Execute(ctx, run)
}

type defective struct{}

func (*defective) Spec() kind.Spec           { return kind.Spec{Kind: "defective", Group: kind.Control} }
func (*defective) Validate(*kind.Validation) {}
func (*defective) Execute(kind.Run) (kind.Result, error) {
	panic(fmt.Sprintf("a %s", "defect"))
}

// clock is a trigger that is not a webhook.
type clock struct{}

func (*clock) Spec() kind.TriggerSpec                         { return kind.TriggerSpec{Kind: "clock"} }
func (*clock) Validate(*kind.Validation)                      {}
func (*clock) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*clock) FieldRoots(string) map[string]*expression.Shape { return nil }
