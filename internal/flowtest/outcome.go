package flowtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// requesting is a kind whose effect is an HTTP request. Its tests give the answer of the other system.
type requesting interface {
	kind.Kind
	// Expects reports whether a status is a success.
	Expects(status int) bool
	// ResultIsBody reports whether the result is only the body of the answer.
	ResultIsBody() bool
}

// outcome is the outcome of one execution of an effect, after all attempts.
type outcome struct {
	// result is the result of the activity.
	result any
	// failed is an answer that is a failure; message is the reason why there is no answer. Without both, the effect
	// resolves.
	failed  *failedFields
	message string
	// ended is the outcome of the called flow, if the node is a subflow.
	ended everhook.Outcome
	// call is the call that ends a wait, as the run sees it; nil if none comes.
	call everhook.Mapping
	// after is how long the call is waited for.
	after time.Duration
}

// outcomeFields are the fields of an outcome. Exactly one is set.
type outcomeFields struct {
	// Result is the result of the node.
	Result *everhook.Value `json:"result"`
	// Failed is an answer whose status is a failure.
	Failed *failedFields `json:"failed"`
	// Error is the reason why there is no answer.
	Error *string `json:"error"`
}

// failedFields are the fields of an answer that is a failure.
type failedFields struct {
	Status  int                             `json:"status" required:"true"`
	Headers map[string]everhook.HeaderValue `json:"headers"`
	Body    everhook.Value                  `json:"body"`
}

// httpResult is the result of an http-request.
type httpResult struct {
	Status  int                             `json:"status"`
	Headers map[string]everhook.HeaderValue `json:"headers"`
	Body    everhook.Value                  `json:"body"`
}

// outcomes reads the outcomes of a test, by node.
func (p *parser) outcomes(fields everhook.Mapping, pointer string) map[string][]outcome {
	outcomes := map[string][]outcome{}
	for _, key := range everhook.SortedKeys(fields) {
		at := strict.Pointer(pointer, key)
		node := p.answered(key, at)
		if node == nil {
			continue
		}
		list, isList := fields[key].([]any)
		if !isList {
			outcomes[key] = []outcome{p.outcome(node, fields[key], at)}
			continue
		}
		if len(list) == 0 {
			p.report(at, "an empty list of outcomes", "write one outcome for each execution; the last repeats")
		}
		for i, v := range list {
			outcomes[key] = append(outcomes[key], p.outcome(node, v, fmt.Sprintf("%s/%d", at, i)))
		}
	}
	return outcomes
}

func (p *parser) outcome(node *compile.Node, v any, pointer string) outcome {
	switch k := node.Kind.(type) {
	case kind.Calling:
		return p.subflowOutcome(v, pointer)
	case trigger.Callback:
		return p.wait(k, v, pointer)
	}
	var fields outcomeFields
	before := len(p.problems)
	strict.Decode(v, &fields, pointer, p.report)
	if len(p.problems) > before {
		return outcome{}
	}
	given := 0
	for _, is := range []bool{fields.Result != nil, fields.Failed != nil, fields.Error != nil} {
		if is {
			given++
		}
	}
	request, isHTTP := node.Kind.(requesting)
	switch {
	case given != 1:
		p.report(pointer, "an outcome is one of result, failed and error",
			"write `{ result: … }`, `{ failed: { status: 402, body: … } }` or `{ error: no answer }`")
	case fields.Error != nil && *fields.Error == "":
		p.report(pointer+"/error", "an empty message", "write why there is no answer, for example `error: connection "+
			"refused`")
	case fields.Error != nil:
		return outcome{message: *fields.Error}
	case fields.Failed != nil:
		p.failed(request, fields.Failed.Status, pointer+"/failed/status")
		return outcome{failed: fields.Failed}
	case isHTTP:
		return outcome{result: p.httpResult(request, fields.Result.V, pointer+"/result")}
	default:
		return outcome{result: fields.Result.V}
	}
	return outcome{}
}

// failed checks that a status is a failure. Request is nil for other kinds.
func (p *parser) failed(request requesting, status int, pointer string) {
	switch {
	case status < 100 || status > 599:
		p.report(pointer, fmt.Sprintf("%d is not an HTTP status", status), "write 100 to 599, for example 503")
	case request != nil && request.Expects(status):
		p.report(pointer, fmt.Sprintf("the node takes %d for success", status),
			fmt.Sprintf("write `{ result: { status: %d, body: … } }`", status))
	}
}

// httpResult makes the result of the activity from the result of the node.
func (p *parser) httpResult(request requesting, result any, pointer string) activities.HTTPRequestResult {
	if request.ResultIsBody() {
		return activities.HTTPRequestResult{Body: everhook.Value{V: result}, Attempts: 1}
	}
	var fields httpResult
	if result != nil {
		strict.Decode(result, &fields, pointer, p.report)
	}
	switch {
	case fields.Status == 0:
		fields.Status = expectedStatus(request)
	case !request.Expects(fields.Status):
		p.report(pointer+"/status", fmt.Sprintf("the node takes %d for a failure", fields.Status),
			fmt.Sprintf("write `{ failed: { status: %d, body: … } }`", fields.Status))
	}
	made := activities.HTTPRequestResult{Status: fields.Status, Body: fields.Body, Attempts: 1}
	made.Headers, made.SetCookie = answered(fields.Headers)
	return made
}

// answered are the headers of an answer as the activity returns them.
func answered(headers map[string]everhook.HeaderValue) (others map[string]string, cookies []string) {
	others = make(map[string]string, len(headers))
	for name, value := range headers {
		if name = strings.ToLower(name); name == "set-cookie" {
			cookies = append(cookies, value...)
		} else {
			others[name] = value.String()
		}
	}
	return others, cookies
}

// expectedStatus returns 200, or the lowest status that is a success.
func expectedStatus(request requesting) int {
	if request.Expects(http.StatusOK) {
		return http.StatusOK
	}
	for status := http.StatusContinue; status <= maxStatus; status++ {
		if request.Expects(status) {
			return status
		}
	}
	return http.StatusOK
}

const maxStatus = 599

func lowerNames(headers map[string]string) map[string]string {
	lower := make(map[string]string, len(headers))
	for name, value := range headers {
		lower[strings.ToLower(name)] = value
	}
	return lower
}

// failure returns the error of the activity, or nil. Sent names the request.
func (o outcome) failure(sent string) *everhook.Error {
	if o.failed == nil && o.message == "" {
		return nil
	}
	if o.failed == nil {
		failure := everhook.Errorf(everhook.TypeConnection, "%s", o.message)
		failure.Attempts = 1
		return failure
	}
	status := o.failed.Status
	failure := everhook.Failuref(everhook.TypeStatus, "%s",
		strings.TrimSpace(fmt.Sprintf("%s answered %d %s", sent, status, http.StatusText(status))))
	var answer activities.HTTPRequestResult
	answer.Headers, answer.SetCookie = answered(o.failed.Headers)
	failure.Attempts = 1
	failure.Response = everhook.Of(map[string]any{"status": status, "headers": answer.HeaderValues(),
		"body": o.failed.Body.V})
	return failure
}
