package flowgen

import (
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// FunctionNodes returns calculation nodes that evaluate the documented example of every function, and values that
// differ between runs or steps but not between replays. They refer to nothing else in the flow, so a test can put them
// anywhere.
func FunctionNodes() []everhook.Node {
	var list []everhook.Node
	add := func(key, of string) {
		list = append(list, everhook.Node{Key: key, Type: "calculation", OnError: everhook.OnErrorContinue,
			Config: everhook.Mapping{"expression": of}})
	}
	for _, f := range expression.Functions() {
		add("f_"+f.Name, f.Example)
	}
	for i, varying := range []string{"uuid()", "[uuid(), uuid()]", "now()", "system.now", "system.runId",
		"toJSON(system)", "now() + duration(\"1h\")"} {
		add(fmt.Sprintf("varying%d", i), varying)
	}
	return list
}

// FunctionResults returns the documented results of the examples, as JSON, by the key of their node in FunctionNodes.
func FunctionResults() map[string]string {
	results := map[string]string{}
	for _, f := range expression.Functions() {
		results["f_"+f.Name] = f.Result
	}
	return results
}

// FunctionFlow evaluates every function at its top and in two iterations of the loop "each". Then it waits up to ten
// hours for a call at the node "confirm", which the example of resumeUrl names. A hand-over can happen in the loop. The
// output is the list that the loop collects: the results of each iteration that do not depend on the clock.
func FunctionFlow(key string) *everhook.Definition {
	body := FunctionNodes()
	var collected []string
	for i := range body {
		body[i].Key = "in_" + body[i].Key
		if of := body[i].Config["expression"].(string); !strings.HasPrefix(of, "now() +") && of != "now()" &&
			!strings.Contains(of, "system") || of == "system.runId" {
			collected = append(collected, "nodes."+body[i].Key)
		}
	}
	each := everhook.Node{
		Key: "each", Type: "loop", Config: everhook.Mapping{"over": "2", "collect": "[" +
			strings.Join(collected, ", ") + "]"},
		Branches: everhook.Branches{{Name: "do", Nodes: body}},
	}
	output := everhook.Node{Key: "output", Type: "output", Config: everhook.Mapping{"value": "{{ nodes.each.items }}"}}
	wait := everhook.Node{Key: "confirm", Type: "wait-for-call", Config: everhook.Mapping{"deadline": "10h",
		"onDeadline": "continue"}}
	return &everhook.Definition{
		Key: key, Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook", Config: everhook.Mapping{}},
		Nodes: append(FunctionNodes(), each, output, wait),
	}
}
