package flowtest_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
)

// registry has, besides the standard kinds, some that others might add.
func registry() *nodes.Registry {
	r := nodes.Standard()
	nodes.Add[mail](r)
	nodes.Add[stuck](r)
	nodes.Add[restless](r)
	nodes.Add[announced](r)
	nodes.Add[deaf](r)
	nodes.Add[defective](r)
	nodes.AddTrigger[clock](r)
	return r
}

// mail is a kind with an effect of its own.
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

func (*mail) Spec() nodes.Spec {
	return nodes.Spec{Kind: "mail", Group: nodes.Effects, Effect: &nodes.EffectSpec{Timeout: time.Second,
		MaxAttempts: 2}}
}
func (*mail) Validate(*nodes.Validation) {}
func (m *mail) Execute(ctx workflow.Context, run nodes.Run) (nodes.Result, error) {
	password, err := m.Password.EvalSealed(run.Scope())
	if err != nil {
		return nodes.Result{}, err
	}
	var result mailResult
	input := mailInput{mailHead: mailHead{From: "us"}, To: []string{m.To}, Password: &password,
		Tags: map[string]any{"run": string(run.ID())}, At: time.Unix(0, 0).UTC(), hidden: "no"}
	if err := run.Activity(ctx, "mail.send", input, &result); err != nil {
		return nodes.Result{}, err
	}
	return nodes.Result{Value: result.ID}, nil
}

// stuck waits for what never comes.
type stuck struct{}

func (*stuck) Spec() nodes.Spec           { return nodes.Spec{Kind: "stuck", Group: nodes.Control} }
func (*stuck) Validate(*nodes.Validation) {}
func (*stuck) Execute(ctx workflow.Context, _ nodes.Run) (nodes.Result, error) {
	return nodes.Result{}, workflow.Await(ctx, func() bool { return false })
}

// restless sleeps again and again, until it is cancelled.
type restless struct{}

func (*restless) Spec() nodes.Spec           { return nodes.Spec{Kind: "restless", Group: nodes.Control} }
func (*restless) Validate(*nodes.Validation) {}
func (*restless) Execute(ctx workflow.Context, run nodes.Run) (nodes.Result, error) {
	for {
		if err := run.Sleep(ctx, time.Microsecond); err != nil {
			return nodes.Result{}, err
		}
	}
}

// announced is restless, and says when it begins.
type announced struct{}

var begun = make(chan struct{}, 1)

func (*announced) Spec() nodes.Spec           { return nodes.Spec{Kind: "announced", Group: nodes.Control} }
func (*announced) Validate(*nodes.Validation) {}
func (*announced) Execute(ctx workflow.Context, run nodes.Run) (nodes.Result, error) {
	begun <- struct{}{}
	return (*restless)(nil).Execute(ctx, run)
}

// deaf does not even listen to that.
type deaf struct{}

func (*deaf) Spec() nodes.Spec           { return nodes.Spec{Kind: "deaf", Group: nodes.Control} }
func (*deaf) Validate(*nodes.Validation) {}
func (*deaf) Execute(ctx workflow.Context, run nodes.Run) (nodes.Result, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return (*restless)(nil).Execute(ctx, run)
}

type defective struct{}

func (*defective) Spec() nodes.Spec           { return nodes.Spec{Kind: "defective", Group: nodes.Control} }
func (*defective) Validate(*nodes.Validation) {}
func (*defective) Execute(workflow.Context, nodes.Run) (nodes.Result, error) {
	panic(fmt.Sprintf("a %s", "defect"))
}

// clock is a trigger that is no webhook.
type clock struct{}

func (*clock) Spec() nodes.TriggerSpec                        { return nodes.TriggerSpec{Kind: "clock"} }
func (*clock) Validate(*nodes.Validation)                     {}
func (*clock) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*clock) FieldRoots(string) map[string]*expression.Shape { return nil }
