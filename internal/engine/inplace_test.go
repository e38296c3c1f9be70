package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

var now = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

const runID = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

// compiled compiles a sync flow with these nodes, in JSON.
func compiled(t testing.TB, list string) *compile.Flow {
	t.Helper()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(`{"key":"trial","mode":"sync","trigger":{"type":"webhook"},"nodes":`+list+
		`}`), &d))
	flow, problems := compile.Definition(&d, nodes.Standard())
	require.NotNil(t, flow, "%v", problems)
	return flow
}

func start(body any) engine.Start {
	return engine.Start{Version: 3, Delivery: everhook.Delivery{RunID: runID, ReceivedAt: now,
		Trigger: everhook.Mapping{"body": body, "headers": map[string]any{}, "query": map[string]any{}}}}
}

// inPlace runs a flow with these nodes in place.
func inPlace(t testing.TB, list string, body any, answer func(engine.Waiting) (kind.Result, error,
	bool)) engine.Report {
	t.Helper()
	return engine.InPlace(compiled(t, list), start(body), engine.Options{Now: now, Answer: answer})
}

const conditionAndResponse = `[
	{"key":"paid","type":"condition","config":{"expression":"trigger.body.paid"},"branches":{
		"then":[{"key":"thanks","type":"response","config":{"status":201,"body":{"id":"{{ trigger.body.id }}"}}}],
		"else":[{"key":"sorry","type":"response","config":{"status":402}}]}}]`

func TestAFlowIsAnsweredInPlace(t *testing.T) {
	t.Parallel()
	report := inPlace(t, conditionAndResponse, map[string]any{"paid": true, "id": 7}, nil)
	require.Nil(t, report.Wait)
	require.Equal(t, everhook.Resolved, report.Outcome.Status)
	require.Equal(t, 201, report.Outcome.Answer.Status)
	require.Equal(t, map[string]any{"id": 7}, report.Outcome.Answer.Body.V)
	steps := report.Log.Steps()
	require.Len(t, steps, 2)
	require.Equal(t, "thanks", steps[1].Node)
}

func TestARunInPlaceEndsWhereItWouldWait(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"at the top": `[{"key":"a","type":"calculation","config":{"expression":"1"}},
			{"key":"pause","type":"delay","config":{"duration":"1h"}}]`,
		"in a branch whose failures are caught": `[{"key":"both","type":"parallel","onError":"continue","config":{"mode":"any"},
			"branches":{"x":[{"key":"pause","type":"delay","onError":"continue","config":{"duration":"1h"}}],
			"y":[{"key":"b","type":"end","config":{"status":"failed"}}]}}]`,
		"in a loop that goes on after failures": `[{"key":"each","type":"loop","config":{"over":3,"onFail":"continue"},
			"branches":{"do":[{"key":"pause","type":"delay","config":{"duration":"1h"}}]}}]`,
		"in iterations that run at the same time": `[{"key":"each","type":"loop","config":{"over":3,"concurrency":2},
			"branches":{"do":[{"key":"pause","type":"delay","config":{"duration":"1h"}}]}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := inPlace(t, list, nil, nil)
			require.Equal(t, everhook.Pending, report.Outcome.Status)
			require.NotNil(t, report.Wait)
			require.Equal(t, "pause", report.Wait.Node)
			at := strings.TrimSpace("pause " + report.Wait.Iteration)
			require.EqualError(t, report.Wait, "the run would wait at node "+at+
				": its kind delay waits or acts outside")
			var waits []everhook.Step
			for _, step := range report.Log.Steps() {
				if step.Node == "pause" {
					waits = append(waits, step.Step)
				}
			}
			require.NotEmpty(t, waits)
			require.Equal(t, everhook.Pending, waits[0].Status)
			require.Nil(t, waits[0].Ended)
		})
	}
}

func TestAWaitingStepIsAnsweredByTheCaller(t *testing.T) {
	t.Parallel()
	var asked []string
	answer := func(w engine.Waiting) (kind.Result, error, bool) {
		asked = append(asked, w.Node.Key+" "+w.Iteration)
		if w.Iteration == "each[1]" {
			return kind.Result{}, everhook.Failuref(everhook.TypeStatus, "answered 500"), true
		}
		return kind.Result{Value: map[string]any{"status": 200}}, nil, w.Node.Type == "http-request"
	}
	report := inPlace(t, `[{"key":"each","type":"loop","config":{"over":3,"onFail":"continue","collect":"nodes.call.status"},
		"branches":{"do":[{"key":"call","type":"http-request","config":{"url":"https://partner.example/"}}]}},
		{"key":"out","type":"output","config":{"value":"{{ nodes.each.items }}"}}]`, nil, answer)
	require.Equal(t, everhook.Resolved, report.Outcome.Status)
	require.Equal(t, []any{200, nil, 200}, report.Outcome.Output.V)
	require.Equal(t, []string{"call each[0]", "call each[1]", "call each[2]"}, asked)
}

func TestARunInPlaceIsBounded(t *testing.T) {
	t.Parallel()
	flow := compiled(t, `[{"key":"each","type":"loop","config":{"over":10000},
		"branches":{"do":[{"key":"a","type":"calculation","onError":"continue","config":{"expression":"1"}}]}}]`)
	report := engine.InPlace(flow, start(nil), engine.Options{Now: now, MaxUnits: 5000})
	require.Equal(t, everhook.Pending, report.Outcome.Status)
	require.Contains(t, report.Wait.Reason, "more than 5000 units of work")
	require.Less(t, report.Log.Total(), 300)
}

// odd is a kind from outside.
type odd struct {
	Result string `json:"result"`
}

func (*odd) Spec() kind.Spec {
	return kind.Spec{Kind: "acme-odd", Group: kind.Calculating, Summary: "Returns something odd.", Result: "Odd.",
		Example: "key: odd\ntype: acme-odd\nconfig: { result: number }\n"}
}

func (*odd) Validate(*kind.Validation) {}

func (o *odd) Execute(kind.Run) (kind.Result, error) {
	return kind.Result{Value: map[string]any{"number": int64(7), "struct": struct{ A []int }{[]int{1}}, "none": nil,
		"function": func() {}}[o.Result]}, nil
}

func TestResultsOfKindsFromOutsideAreMadeCanonical(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[odd](registry)
	for result, want := range map[string]any{"number": 7, "struct": map[string]any{"A": []any{1}}, "none": nil} {
		require.Equal(t, want, runOdd(t, registry, result).Output.V)
	}
	outcome := runOdd(t, registry, "function")
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeInternal, outcome.Error.Type)
	require.Contains(t, outcome.Error.Message, "the result is not data")
}

func runOdd(t *testing.T, registry *kind.Registry, result string) everhook.Outcome {
	t.Helper()
	d := &everhook.Definition{Key: "trial", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"},
		Nodes: []everhook.Node{{Key: "odd", Type: "acme-odd", Config: everhook.Mapping{"result": result}},
			{Key: "out", Type: "output", Config: everhook.Mapping{"value": "{{ nodes.odd }}"}}}}
	flow, problems := compile.Definition(d, registry)
	require.NotNil(t, flow, "%v", problems)
	return engine.InPlace(flow, start(nil), engine.Options{Now: now}).Outcome
}

func BenchmarkConditionAndResponse(b *testing.B) {
	flow := compiled(b, conditionAndResponse)
	begin := start(map[string]any{"paid": true, "id": 7})
	b.ReportAllocs()
	for b.Loop() {
		report := engine.InPlace(flow, begin, engine.Options{Now: now})
		if report.Outcome.Answer == nil {
			b.Fatal(report.Outcome)
		}
	}
}
