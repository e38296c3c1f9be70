package workflows_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// chain is a flow of n nodes of one pure kind, each of which uses the result before it.
func chain(n int, node func(i int) everhook.Node) []byte {
	d := everhook.Definition{Key: "chain", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"}}
	for i := range n {
		d.Nodes = append(d.Nodes, node(i))
	}
	definition, err := everhook.EncodeJSON(d)
	if err != nil {
		panic(err)
	}
	return definition
}

func calculation(i int) everhook.Node {
	expression := "trigger.body.amount * 2"
	if i > 0 {
		expression = fmt.Sprintf("nodes.n%d + trigger.body.amount", i-1)
	}
	return everhook.Node{Key: fmt.Sprintf("n%d", i), Type: "calculation",
		Config: everhook.Mapping{"expression": expression}}
}

func condition(i int) everhook.Node {
	return everhook.Node{Key: fmt.Sprintf("n%d", i), Type: "condition",
		Config: everhook.Mapping{"expression": `trigger.body.status == "paid"`}}
}

func variable(i int) everhook.Node {
	return everhook.Node{Key: fmt.Sprintf("n%d", i), Type: "variable",
		Config: everhook.Mapping{"value": map[string]any{"id": "{{ trigger.body.id }}",
			"text": "order {{ trigger.body.id }}"}}}
}

// BenchmarkPureNode measures the cost of one node without effects (ns/node): the difference between runs of 1,001 nodes
// and runs of one, divided by the nodes. A run includes all work of a worker in Temporal's test environment, except the
// compilation of the definition.
func BenchmarkPureNode(b *testing.B) {
	for _, c := range []struct {
		name string
		node func(i int) everhook.Node
	}{{"calculation", calculation}, {"condition", condition}, {"variable", variable}} {
		b.Run(c.name, func(b *testing.B) {
			const more = 1000
			interpreter := workflows.NewInterpreter(compile.NewVersions(nodes.Standard()))
			short, long := chain(1, c.node), chain(1+more, c.node)
			runChain(b, interpreter, short)
			runChain(b, interpreter, long)
			var extra time.Duration
			b.ReportAllocs()
			for b.Loop() {
				extra += runChain(b, interpreter, long) - runChain(b, interpreter, short)
			}
			b.ReportMetric(float64(extra.Nanoseconds())/float64(b.N)/more, "ns/node")
		})
	}
}

// BenchmarkHundredNodes measures how much longer a run of 100 pure nodes takes than one of two (ns/run more).
func BenchmarkHundredNodes(b *testing.B) {
	interpreter := workflows.NewInterpreter(compile.NewVersions(nodes.Standard()))
	two, hundred := chain(2, condition), chain(100, condition)
	runChain(b, interpreter, two)
	runChain(b, interpreter, hundred)
	var extra time.Duration
	for b.Loop() {
		extra += runChain(b, interpreter, hundred) - runChain(b, interpreter, two)
	}
	b.ReportMetric(float64(extra.Nanoseconds())/float64(b.N), "ns/run-more")
}

func runChain(b *testing.B, interpreter *workflows.Interpreter, definition []byte) time.Duration {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetDataConverter(workflows.DataConverter())
	interpreter.Register(env)
	start := workflows.Start{Level: workflows.Level, Version: 1, Delivery: everhook.Delivery{RunID: runID,
		ReceivedAt: received, Trigger: everhook.Mapping{
			"headers": map[string]any{}, "query": map[string]any{}, "body": map[string]any{"id": 7, "amount": 3,
				"status": "paid"},
		}}}
	began := time.Now()
	env.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(definition), start)
	took := time.Since(began)
	if err := env.GetWorkflowError(); err != nil {
		b.Fatal(err)
	}
	return took
}
