package flowtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// untilDeadline is the outcome of a wait that ends at its deadline.
const untilDeadline = "deadline"

// waitFields are the fields of the outcome of a wait.
type waitFields struct {
	// Call is the call that ends it.
	Call *callFields `json:"call" required:"true"`
	// After is how long after the run has reached the node the call comes.
	After everhook.Duration `json:"after"`
}

// callFields are the fields of a call of a resume URL, as its caller sends it.
type callFields struct {
	Headers map[string]string `json:"headers"`
	// Query is text as in a URL, or a mapping.
	Query any             `json:"query"`
	Body  *everhook.Value `json:"body"`
}

// wait reads the outcome of a wait: a call, or the deadline.
func (p *parser) wait(node trigger.Callback, v any, pointer string) outcome {
	if v == untilDeadline {
		return outcome{}
	}
	if _, ok := v.(map[string]any); !ok {
		p.report(pointer, fmt.Sprintf("%s is no outcome of a wait", everhook.TypeName(v)),
			"write `{ call: { headers: …, query: …, body: … }, after: 20m }`, or `deadline` for no call")
		return outcome{}
	}
	var fields waitFields
	before := len(p.problems)
	strict.Decode(v, &fields, pointer, p.report)
	if len(p.problems) > before {
		return outcome{}
	}
	return outcome{call: p.call(node, fields.Call, pointer+"/call"), after: fields.After.Std()}
}

// call returns a call as the run sees it after the receiver. A call that the receiver would refuse is an error in the
// test.
func (p *parser) call(node trigger.Callback, fields *callFields, pointer string) everhook.Mapping {
	query, err := queryText(fields.Query)
	if err != nil {
		p.report(pointer+"/query", err.Error(), "write text as in a URL, or a mapping of texts, numbers, booleans, "+
			"lists and mappings")
		return nil
	}
	parsed, err := receiver.ParseQuery(query)
	if err != nil {
		p.report(pointer+"/query", err.Error(), "write a query as in a URL")
		return nil
	}
	var body any
	if fields.Body != nil {
		body = fields.Body.V
	}
	problems, err := node.Calls().Schema.Check(body)
	if err != nil {
		p.report(pointer+"/body", err.Error(), "send less")
	}
	for _, problem := range problems {
		p.report(pointer+"/body",
			fmt.Sprintf("it does not fit the schema of the node, so the call would get 422: %s: %s", problem.Pointer,
				problem.Detail), "correct the body, or the schema")
	}
	sent := lowerNames(fields.Headers)
	headers := map[string]any{}
	for _, name := range node.Calls().Request.Headers {
		if value, ok := sent[strings.ToLower(name)]; ok {
			headers[strings.ToLower(name)] = value
		}
	}
	call := everhook.Mapping{
		"headers": headers, "query": kept(map[string]any(parsed), node.Calls().Request.Query),
		"body": kept(body, node.Calls().Request.Body),
	}
	if node.Calls().Raw {
		header := http.Header{}
		header.Set("Content-Type", sent["content-type"])
		text, err := bodyOf(fields.Body, header)
		if err != nil {
			p.report(pointer+"/body", err.Error(), "write a value of JSON")
		}
		call["raw"] = text
	}
	return call
}

func kept(v any, paths *[]trigger.KeptPath) any {
	if paths == nil {
		return v
	}
	return everhook.Project(v, trigger.Paths(paths))
}

// call returns the call that ends the wait of a step.
func (e *effects) call(waiting workflows.Effect) workflows.CannedCall {
	taken, ok := e.answer(waiting.Node.Key)
	if !ok {
		return workflows.CannedCall{Err: everhook.Errorf(everhook.TypeInternal, "the test has no call for %s",
			waiting.Node.Key)}
	}
	return workflows.CannedCall{Call: taken.call, After: taken.after}
}

// answer returns the next outcome of a wait of a node; false if the test has none.
func (e *effects) answer(node string) (outcome, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	taken, outcomes := e.waited[node], e.outcomes[node]
	e.waited[node]++
	if len(outcomes) == 0 {
		if taken == 0 {
			e.unanswered = append(e.unanswered, unanswered{node: node, waits: true})
		}
		return outcome{}, false
	}
	return outcomes[min(taken, len(outcomes)-1)], true
}
