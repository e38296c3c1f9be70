package nodes

import (
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// Response answers the caller of a sync flow.
type Response struct {
	// Status is the HTTP status, 200 to 599.
	Status expression.Template[int] `json:"status,omitzero" default:"200"`
	// Headers of the answer. A list as a value repeats the header, as several cookies in Set-Cookie do. Limit: 64
	// lines, 16 KiB together. Hop-by-hop headers, Content-Length and Transfer-Encoding cannot be set. In the URL of a
	// Location, inserted values are percent-encoded for their place.
	Headers expression.Headers `json:"headers,omitzero"`
	// Body is sent as JSON. Text is sent unchanged, as text/plain unless a Content-Type header says otherwise, and a
	// file (`{ filename, contentType, size, base64 }`) as its bytes, as a download. Limit: 1 MiB, for binary content
	// 768 KiB. Without it, the answer has no body.
	Body expression.Body `json:"body,omitzero"`
	// As is the form in which the body is sent, with the Content-Type that belongs to it: json (any value, text too),
	// text, html, xml (a mapping with the root element, attributes as `@name` and text beside them as `#text`, elements
	// sorted by name; or text), file, or base64 (the bytes of a text in base64).
	As everhook.AnswerForm `json:"as,omitempty" enum:"json,text,html,xml,file,base64"`
	// Continue lets the run continue after the answer was sent. Without it, the run ends resolved.
	Continue bool `json:"continue,omitempty" default:"false"`
}

var (
	_ kind.Answering = (*Response)(nil)
	_ kind.Ending    = (*Response)(nil)
)

// Spec describes the kind.
func (*Response) Spec() kind.Spec {
	return kind.Spec{
		Kind: "response", Group: kind.Answers, Canonical: true,
		Summary: "Answers the caller of a sync flow. The run then ends, unless `continue` is set.",
		Result:  "What was answered.",
		Members: []kind.Member{{Name: "status", Type: expression.Number, Summary: "The status of the answer."}},
		Failures: "Error when a template cannot be evaluated, the status is not within 200 to 599, or the answer or " +
			"its headers are larger than they can be. A second response is no failure: the first answer stands.",
		Example: `key: answer
type: response
config: { status: 200, body: { ok: true, id: '{{ trigger.body.id }}' } }
`,
	}
}

// Validate reports a flow without a waiting caller.
func (c *Response) Validate(v *kind.Validation) {
	_, held := v.Trigger.(kind.Synchronous)
	switch {
	case v.Definition.Mode == everhook.Async:
		v.Error("/type", "an async flow has no caller that waits for a response",
			"set the flow's `mode: sync`, or use the trigger's `response`")
	case v.Trigger != nil && !held:
		v.Error("/type", fmt.Sprintf("a flow that %s starts has no caller that waits for an answer",
			v.Definition.Trigger.Type),
			"use an `output` node")
	}
	trigger.CheckBody(v, "/config", c.As, &c.Headers, &c.Body)
	if status, ok := c.Status.Literal(); ok && !isAnswerStatus(status) {
		v.Error("/config/status", fmt.Sprintf("the status is %d", status), "write 200 to 599")
	}
	trigger.CheckHeaders(v, "/config", &c.Status, &c.Headers)
}

func isAnswerStatus(status int) bool { return status >= 200 && status <= 599 }

// AnswersCaller is true.
func (*Response) AnswersCaller() bool { return true }

// EndsRun is true unless the run continues.
func (c *Response) EndsRun() bool { return !c.Continue }

// Brief is the status.
func (c *Response) Brief(node *everhook.Node) string {
	brief := "200"
	if status, ok := node.Config["status"]; ok {
		brief = fmt.Sprintf("`%v`", status)
		if literal, ok := c.Status.Literal(); ok {
			brief = fmt.Sprint(literal)
		}
	}
	if c.Continue {
		return brief + ", and the run continues"
	}
	return brief + ", ends the run"
}

// Execute is pure: the answer leaves when the workflow task ends.
func (c *Response) Execute(run kind.Run) (kind.Result, error) {
	answer := everhook.Answer{Status: 200}
	var err error
	if c.Status.IsSet() {
		if answer.Status, err = c.Status.Eval(run.Scope()); err != nil {
			return kind.Result{}, err
		}
	}
	if !isAnswerStatus(answer.Status) {
		return kind.Result{}, everhook.Errorf(everhook.TypeConfig,
			"status is %d; an answer's status is within 200 to 599",
			answer.Status)
	}
	if answer.Headers, err = c.Headers.Eval(run.Scope()); err != nil {
		return kind.Result{}, err
	}
	if err := everhook.CheckAnswerHeaders(answer.Headers); err != nil {
		return kind.Result{}, everhook.Errorf(everhook.TypeConfig, "headers: %v", err)
	}
	if c.Body.IsSet() {
		body, err := c.Body.Eval(run.Scope())
		if err != nil {
			return kind.Result{}, err
		}
		if err := answer.SetBody(body, c.As); err != nil {
			return kind.Result{}, everhook.Errorf(everhook.TypeConfig, "body: %v", err)
		}
	}
	// The stored form of a text is JSON, which can be longer than the text that is sent.
	encoded, err := everhook.EncodeJSON(answer)
	run.Charge(len(encoded) / answeredPerUnit)
	if err != nil || len(encoded) > everhook.MaxAnswerBody {
		return kind.Result{}, everhook.Errorf(everhook.TypeLimit, "the answer is larger than 1 MiB")
	}
	if !run.(kind.AnsweringRun).Answer(answer, c.Continue) {
		run.Logf("the caller had its answer already; this one is not sent")
	}
	result := kind.Result{Value: map[string]any{"status": answer.Status}}
	if c.Continue {
		return result, nil
	}
	return result, &kind.End{Status: everhook.Resolved, Type: everhook.TypeEnd, Node: run.Node().Key}
}
