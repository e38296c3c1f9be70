package nodes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/jsonquery"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

// started is when every run of a case starts, by its own clock.
var started = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

const caseRunID = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

// maxReported is how many steps a report shows.
const maxReported = 40

// circumstances are how a case runs besides its flow.
type circumstances struct {
	// Age is how long before the start the delivery was received.
	Age time.Duration `yaml:"age"`
	// CancelAfter is when an operator cancels the run; zero is never.
	CancelAfter time.Duration `yaml:"cancelAfter"`
	// CancelSubflow is when an operator cancels the run of the flow Subflow that the first node called; zero is never.
	CancelSubflow time.Duration `yaml:"cancelSubflow"`
	Subflow       string        `yaml:"subflow"`
	// Depth is how many runs called each other to start this one.
	Depth int `yaml:"depth"`
	// Env is what the operator shows the flow.
	Env map[string]string `yaml:"env"`
	// Calls are what comes to the resume URLs of the run, and when.
	Calls []callIn `yaml:"calls"`
	// Query and Headers are the rest of the trigger.
	Query   map[string]any `yaml:"query"`
	Headers map[string]any `yaml:"headers"`
}

// callIn is one call of a resume URL.
type callIn struct {
	// After is when it comes, by the run's clock.
	After time.Duration `yaml:"after"`
	// Node and Iteration say which wait it is for, Body what it brings, Repeat how often it comes in all; 0 is once.
	Node      string `yaml:"node"`
	Iteration string `yaml:"iteration"`
	Body      any    `yaml:"body"`
	Repeat    int    `yaml:"repeat"`
}

// report is what becomes of a run. What is zero is left out.
type report struct {
	// Status of the run, and how Temporal closed it.
	Status string `yaml:"status"`
	Closed string `yaml:"closed"`
	// Error is "status (type) at node: message".
	Error  string `yaml:"error,omitempty"`
	Output any    `yaml:"output,omitempty"`
	// Answer is what the caller of a sync flow got, Answered how long after the start.
	Answer   *answerReport `yaml:"answer,omitempty"`
	Answered string        `yaml:"answered,omitempty"`
	// Elapsed is how long the run took by its clock.
	Elapsed string `yaml:"elapsed,omitempty"`
	Timers  string `yaml:"timers,omitempty"`
	// Steps are "node iteration status ×attempts = result" or "…: type: message", and lines that the step left.
	Steps []string `yaml:"steps,omitempty"`
	Calls []call   `yaml:"calls,omitempty"`
	// Subflows are "flow vN status" of the runs of other flows that have ended, in that order.
	Subflows []string `yaml:"subflows,omitempty"`
	// Callers are what the calls of resume URLs came to, in their order: what the caller receives, or why the call is
	// not kept.
	Callers []string `yaml:"callers,omitempty"`
}

type answerReport struct {
	Status  int            `yaml:"status"`
	Headers map[string]any `yaml:"headers,omitempty"`
	Body    string         `yaml:"body,omitempty"`
	Problem string         `yaml:"problem,omitempty"`
}

// run runs a compiled flow as its sections say.
func run(t *testing.T, flow *compile.Flow, sections map[string]string) report {
	var how circumstances
	decodeYAML(t, "run.yaml", sections["run.yaml"], &how)
	effects := newEffects(t, sections["activities.yaml"])
	env := newEnvironment(effects)
	env.RegisterActivityWithOptions(loaderOf(t, sections).Do, activity.RegisterOptions{Name: activities.LoadSubflow})

	var timers struct{ started, fired, cancelled atomic.Int32 }
	env.SetOnTimerScheduledListener(func(string, time.Duration) { timers.started.Add(1) })
	env.SetOnTimerFiredListener(func(string) { timers.fired.Add(1) })
	env.SetOnTimerCanceledListener(func(string) { timers.cancelled.Add(1) })
	if how.CancelAfter > 0 {
		env.RegisterDelayedCallback(env.CancelWorkflow, how.CancelAfter)
	}
	if how.CancelSubflow > 0 {
		subflow := everhook.WorkflowID(how.Subflow, everhook.DerivedRunID([]byte(caseRunID), flow.Nodes[0].Key+"/"))
		env.RegisterDelayedCallback(func() { env.CancelWorkflowByID(subflow, "") }, how.CancelSubflow)
	}
	subflows := watchSubflows(env)
	var got report
	if flow.Definition.Mode == everhook.Sync {
		env.RegisterDelayedCallback(func() { askForAnswer(env, &got) }, 0)
	}

	callers := make([]string, len(how.Calls))
	for i, in := range how.Calls {
		env.RegisterDelayedCallback(func() { callBack(t, env, in, &callers[i]) }, in.After)
	}

	definition, err := everhook.EncodeJSON(flow.Definition)
	require.NoError(t, err)
	env.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(definition), startOf(t, how, sections["trigger.yaml"]))
	require.True(t, env.IsWorkflowCompleted())

	outcome, closed := outcomeOf(t, env)
	got.Status, got.Closed = string(outcome.Status), closed
	if outcome.Error != nil {
		got.Error = fmt.Sprintf("%s (%s) at %q: %s", outcome.Error.Status, outcome.Error.Type, outcome.Error.Node,
			outcome.Error.Message)
	}
	if outcome.Output != nil {
		got.Output = compact(outcome.Output.V)
	}
	if flow.Definition.Mode == everhook.Async && outcome.Answer != nil {
		got.Answer = reportAnswer(*outcome.Answer)
	}
	if elapsed := env.Now().Sub(started); elapsed > 0 {
		got.Elapsed = elapsed.String()
	}
	if n := timers.started.Load(); n > 0 {
		got.Timers = fmt.Sprintf("%d started, %d fired, %d cancelled", n, timers.fired.Load(), timers.cancelled.Load())
	}
	for _, step := range stepsOf(t, env) {
		got.Steps = append(got.Steps, stepText(step))
		if node := flow.Node(step.Node); node != nil && step.Result != nil {
			requireShape(t, step.Node, shapeOf(node), step.Result.V)
		}
	}
	if more := len(got.Steps) - maxReported; more > 0 {
		got.Steps = append(append(got.Steps[:maxReported/2:maxReported/2], fmt.Sprintf("… %d more …", more)),
			got.Steps[maxReported/2+more:]...)
	}
	got.Calls, got.Callers, got.Subflows = effects.calls, callers, subflows()
	return got
}

// shapeOf is what the node's kind says of its results.
func shapeOf(node *compile.Node) *expression.Shape {
	if shaping, ok := node.Kind.(kind.Shaping); ok {
		return shaping.ResultShape(node.Node)
	}
	return node.Spec.Shape()
}

// requireShape checks that a result is what its kind says. Every member that is declared is there, unless the value is
// the kept part of a call.
func requireShape(t *testing.T, path string, shape *expression.Shape, v any) {
	t.Helper()
	if v == nil {
		return
	}
	types := map[expression.Type]string{expression.Boolean: "a boolean", expression.Number: "a number",
		expression.Text: "text", expression.List: "a list", expression.Mapping: "a mapping"}
	if shape.Type != "" {
		require.Equal(t, types[shape.Type], everhook.TypeName(v), path)
	}
	switch v := v.(type) {
	case []any:
		for i, element := range v {
			requireShape(t, fmt.Sprintf("%s[%d]", path, i), &expression.Shape{Fields: shape.Fields}, element)
		}
	case map[string]any:
		for name, value := range v {
			if shape.Fields != nil {
				require.Contains(t, shape.Fields, name, "%s has a member that its kind does not declare", path)
				requireShape(t, path+"."+name, shape.Fields[name], value)
			}
		}
		for name := range shape.Fields {
			if shape.Type == expression.Mapping && name != "receivedAt" {
				require.Contains(t, v, name, "%s lacks a member that its kind declares", path)
			}
		}
	}
}

// newEnvironment makes Temporal's test environment, where timers cost no time.
func newEnvironment(effects *effects) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetDataConverter(workflows.DataConverter())
	env.SetStartTime(started)
	env.SetTestTimeout(time.Minute)
	env.SetWorkflowRunTimeout(100 * 365 * 24 * time.Hour)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
		Interceptors: []interceptor.WorkerInterceptor{effects}})
	workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).Register(env)
	env.RegisterActivityWithOptions(effects.perform, activity.RegisterOptions{Name: activities.HTTPRequest})
	env.RegisterActivityWithOptions(jsonquery.New().Activity(activities.Dependencies{}),
		activity.RegisterOptions{Name: activities.JSONQuery})
	env.RegisterActivityWithOptions(effects.yield, activity.RegisterOptions{Name: activities.Yield})
	return env
}

func startOf(t *testing.T, how circumstances, trigger string) workflows.Start {
	received := started.Add(-how.Age)
	scope, err := everhook.Canonical(map[string]any{
		"headers": how.Headers, "query": how.Query, "body": canonicalYAML(t, "trigger.yaml", trigger),
		"id": string(caseRunID), "receivedAt": received,
	})
	require.NoError(t, err)
	return workflows.Start{Level: workflows.Level, Version: 7, Env: how.Env, Depth: how.Depth,
		Resume: &everhook.Resume{Base: "https://hooks.example/api/webhook:resume/token", Key: "key"},
		Delivery: everhook.Delivery{
			RunID: caseRunID, ReceivedAt: received, Trigger: scope.(map[string]any), Digest: "digest of the body",
		}}
}

// askForAnswer does what the receiver does for a held caller.
func askForAnswer(env *testsuite.TestWorkflowEnvironment, got *report) {
	env.UpdateWorkflow(workflows.AnswerUpdate, workflows.AnswerUpdate, &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { panic(err) },
		OnComplete: func(v any, err error) {
			if err != nil {
				panic(err)
			}
			got.Answer = reportAnswer(v.(everhook.Answer))
			got.Answered = env.Now().Sub(started).String()
		},
	})
}

// callBack does what the receiver does with a call that a run waits for.
func callBack(t *testing.T, env *testsuite.TestWorkflowEnvironment, in callIn, got *string) {
	body, err := everhook.Canonical(in.Body)
	require.NoError(t, err)
	for n := range max(1, in.Repeat) {
		call := &everhook.ResumeCall{
			ID: fmt.Sprint("call ", n+1), Node: in.Node, Iteration: in.Iteration,
			Data:   everhook.Mapping{"headers": map[string]any{}, "query": map[string]any{}, "body": body},
			Answer: everhook.Answer{Status: 200, Delivery: fmt.Sprint("call ", n+1)},
		}
		env.UpdateWorkflow(workflows.ResumeUpdate, "resume/"+in.Node+"/"+in.Iteration, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { *got += "refused: " + err.Error() + "\n" },
			OnComplete: func(v any, err error) {
				require.NoError(t, err)
				answer := v.(everhook.Answer)
				*got += fmt.Sprintf("%d of %s\n", answer.Status, answer.Delivery)
			},
		}, call)
	}
}

func reportAnswer(answer everhook.Answer) *answerReport {
	r := &answerReport{Status: answer.Status, Headers: map[string]any{}}
	for name, value := range answer.Headers {
		if r.Headers[name] = value; len(value) == 1 {
			r.Headers[name] = value[0]
		}
	}
	if answer.Body != nil {
		r.Body = compact(answer.Body.V)
	}
	if answer.Problem != nil {
		r.Problem = compact(answer.Problem)
	}
	return r
}

// outcomeOf reads the outcome from where a closed run keeps it: its result, or the details of its failure.
func outcomeOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (everhook.Outcome, string) {
	var outcome everhook.Outcome
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&outcome))
		return outcome, "completed"
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		require.NoError(t, cancelled.Details(&outcome))
		return outcome, "canceled"
	}
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok, "%v", err)
	require.True(t, failure.HasDetails(), "%v", err)
	require.NoError(t, failure.Details(&outcome))
	return outcome, "failed as " + failure.Type()
}

func stepsOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) []everhook.Step {
	var steps []everhook.Step
	for from := 1; from != 0; {
		encoded, err := env.QueryWorkflow(workflows.StepsQuery, from)
		require.NoError(t, err)
		var page everhook.StepPage
		require.NoError(t, encoded.Get(&page))
		steps, from = append(steps, page.Steps...), page.Next
	}
	return steps
}

func stepText(step everhook.Step) string {
	text := step.Node + " "
	if step.Iteration != "" {
		text += step.Iteration + " "
	}
	text += string(step.Status)
	if step.Attempts > 0 {
		text += fmt.Sprintf(" ×%d", step.Attempts)
	}
	if step.Result != nil {
		text += " = " + compact(step.Result.V)
	}
	if step.Error != nil {
		text += ": " + step.Error.Type
		if step.Error.Node != step.Node {
			text += " at " + step.Error.Node
		}
		text += ": " + step.Error.Message
		if step.Error.Response != nil {
			text += " " + compact(step.Error.Response.V)
		}
	}
	if step.Subflow != "" {
		text += " | calls " + step.Subflow
	}
	if len(step.Lines) > 0 {
		text += " | " + strings.Join(step.Lines, " | ")
	}
	return text
}

// compact is a value as one line of JSON, not too long.
func compact(v any) string {
	text, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	return everhook.Shorten(string(text), 400)
}
