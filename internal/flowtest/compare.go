package flowtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Failure is one reason why a test failed.
type Failure struct {
	// Field is the differing field of want, as a JSON pointer (RFC 6901) below it: "/answer/body". It is empty if the
	// test itself could not run.
	Field string `json:"field,omitempty"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Want and Got are set if there are values to compare; nil means no value.
	Want *everhook.Value `json:"want,omitempty"`
	Got  *everhook.Value `json:"got,omitempty"`
}

// Diff shows Want and Got line by line; empty without values.
func (f Failure) Diff() string {
	if f.Want == nil && f.Got == nil {
		return ""
	}
	return diff(linesOf(f.Want), linesOf(f.Got))
}

// observed is everything that a test can compare.
type observed struct {
	// answer is nil for a run without a webhook and without a caller that waits.
	answer *reply
	// ran is false if the call was refused or skipped.
	ran     bool
	skipped bool
	outcome everhook.Outcome
	steps   []everhook.Step
	// total counts all steps, also those that the step log dropped.
	total int
	calls map[string][]any
}

// compare returns every difference between the expected and the observed run.
func compare(want wantFields, got *observed) []Failure {
	c := comparison{got: got}
	c.answer(want.Answer)
	if want.Skipped != nil && *want.Skipped != got.skipped {
		message := "the delivery started a run"
		if !got.ran {
			message = "there is no run: " + got.noRun()
		}
		c.add("/skipped", message, *want.Skipped, got.skipped)
	}
	if !got.ran {
		c.refused(want)
		return c.failures
	}
	if want.Status != "" && want.Status != got.outcome.Status {
		c.add("/status", "the run ended otherwise", string(want.Status), string(got.outcome.Status))
		c.explain()
	}
	c.steps(want.Steps)
	if want.Output != nil && !everhook.Equal(want.Output.V, got.output()) {
		c.add("/output", "the output differs", want.Output.V, got.output())
	}
	if wanted, given := want.wantedError(); given {
		c.error(wanted, want.Error)
	}
	for _, node := range everhook.SortedKeys(want.Calls) {
		c.calls(node, want.Calls[node])
	}
	return c.failures
}

// noRun says why there is no run.
func (o *observed) noRun() string {
	if o.skipped {
		return "the trigger's `when` is false"
	}
	return "the call was refused"
}

type comparison struct {
	got      *observed
	failures []Failure
}

func (c *comparison) add(field, message string, want, got any) {
	c.failures = append(c.failures, Failure{Field: field, Message: message, Want: everhook.Of(want),
		Got: everhook.Of(got)})
}

// refused adds failures for expectations about a run that was never started.
func (c *comparison) refused(want wantFields) {
	for _, field := range []struct {
		name   string
		wanted bool
	}{{"status", want.Status != ""}, {"steps", want.Steps != nil}, {"output", want.Output != nil},
		{"error", want.Error != nil}, {"calls", want.Calls != nil}} {
		if field.wanted {
			c.failures = append(c.failures,
				Failure{Field: "/" + field.name, Message: c.got.noRun() + ", so there is no run and no " + field.name})
		}
	}
}

// lack is add for a value that is missing.
func (c *comparison) lack(field, message string, want any) {
	c.failures = append(c.failures, Failure{Field: field, Message: message, Want: everhook.Of(want)})
}

// explain adds the outcome of the run to the last failure.
func (c *comparison) explain() {
	if failure := c.got.outcome.Error; failure != nil {
		c.failures[len(c.failures)-1].Message += ": " + failure.Error()
	}
}

func (o *observed) output() any {
	if o.outcome.Output == nil {
		return nil
	}
	return o.outcome.Output.V
}

func (c *comparison) answer(want *answerFields) {
	got := c.got.answer
	switch {
	case want == nil:
		return
	case got == nil:
		c.failures = append(c.failures,
			Failure{Message: "this flow has no caller that waits for an answer; remove `want.answer`"})
		return
	}
	if want.Status != 0 && want.Status != got.status {
		c.add("/answer/status", "the answer has another status", want.Status, got.status)
		c.explain()
	}
	for _, name := range everhook.SortedKeys(want.Headers) {
		if value, ok := got.header(name); !ok {
			c.lack(strict.Pointer("/answer/headers", name), "the answer lacks the header "+name,
				shownHeader(want.Headers[name]))
		} else if !slices.Equal(value, want.Headers[name]) && value.String() != want.Headers[name].String() {
			c.add(strict.Pointer("/answer/headers", name), "the answer has another header "+name,
				shownHeader(want.Headers[name]), shownHeader(value))
		}
	}
	if want.Body != nil && !everhook.Equal(want.Body.V, got.body) {
		c.add("/answer/body", "the answer has another body", want.Body.V, got.body)
	}
}

// shownHeader returns a header as a test names it: a text, or a list of texts.
func shownHeader(value everhook.HeaderValue) any {
	if len(value) == 1 {
		return value[0]
	}
	return []string(value)
}

func (c *comparison) steps(want *[]string) {
	if want == nil {
		return
	}
	same := len(*want) == c.got.total
	for i, step := range c.got.steps {
		same = same && i < len(*want) && isStep((*want)[i], step)
	}
	if same {
		return
	}
	if c.got.total > len(c.got.steps) {
		// No list could match, so the failure has no field to update.
		c.failures = append(c.failures,
			Failure{Message: fmt.Sprintf("the run took %d steps, of which the step log keeps %d: leave `want.steps` "+
				"out", c.got.total, len(c.got.steps))})
		return
	}
	wanted := make([]any, len(*want))
	for i, step := range *want {
		wanted[i] = step
	}
	c.add("/steps", "the run took other steps", wanted, stepNames(c.got.steps, *want))
}

// isStep compares a step with its key, or with its key and its iteration: "stock[lines[0]]", or "stock[0]" for the
// innermost loop alone.
func isStep(want string, step everhook.Step) bool {
	key, place, placed := strings.Cut(want, "[")
	if key != step.Node {
		return false
	}
	place, closed := strings.CutSuffix(place, "]")
	return !placed || closed && (place == step.Iteration || strings.HasSuffix(step.Iteration, "["+place+"]"))
}

// stepNames writes each step in the form that the test uses at its position, if it is the same step.
func stepNames(steps []everhook.Step, want []string) []any {
	placed := false
	for _, step := range want {
		placed = placed || strings.Contains(step, "[")
	}
	names := make([]any, len(steps))
	for i, step := range steps {
		switch {
		case i < len(want) && isStep(want[i], step):
			names[i] = want[i]
		case placed:
			names[i] = stepName(step)
		default:
			names[i] = step.Node
		}
	}
	return names
}

func (c *comparison) error(want errorFields, wanted any) {
	got := c.got.outcome.Error
	switch {
	case got == nil:
		c.lack("/error", "the run resolved", wanted)
		return
	case !strings.Contains(got.Message, want.Message):
		field := "/error"
		if _, isText := wanted.(string); !isText {
			field += "/message"
		}
		c.add(field, "the run ended with another message", want.Message, got.Message)
	}
	if want.Node != "" && want.Node != got.Node {
		c.add("/error/node", "the run ended at another node", want.Node, got.Node)
	}
	if want.Type != "" && want.Type != got.Type {
		c.add("/error/type", "the run ended with an error of another type", want.Type, got.Type)
	}
}

func (c *comparison) calls(node string, want []map[string]any) {
	got := c.got.calls[node]
	field := strict.Pointer("/calls", node)
	if len(want) != len(got) {
		wanted, sent := make([]any, len(want)), make([]any, len(got))
		for i := range want {
			wanted[i] = want[i]
		}
		for i := range got {
			like := map[string]any{}
			if i < len(want) {
				like = want[i]
			}
			sent[i] = partOf(got[i], like)
		}
		c.add(field, fmt.Sprintf("%s was executed %d times, not %d", node, len(got), len(want)), wanted, sent)
		return
	}
	for i := range want {
		c.call(fmt.Sprintf("execution %d of %s", i+1, node), strict.Pointer(field, strconv.Itoa(i)), want[i], got[i])
	}
}

// call compares the fields that the test names; of headers and query, only the names that it gives.
func (c *comparison) call(which, field string, want map[string]any, got any) {
	sent, _ := got.(map[string]any)
	for _, name := range everhook.SortedKeys(want) {
		at := strict.Pointer(field, name)
		wanted, isMapping := want[name].(map[string]any)
		if !isMapping || name != "headers" && name != "query" {
			if !everhook.Equal(want[name], sent[name]) {
				c.add(at, fmt.Sprintf("%s would send another %s", which, name), want[name], sent[name])
			}
			continue
		}
		for _, key := range everhook.SortedKeys(wanted) {
			value := sentValue(sent, name, key)
			switch {
			case sameText(wanted[key], value):
			case value == nil:
				c.lack(strict.Pointer(at, key), fmt.Sprintf("%s would send no %s in its %s", which, key, name),
					wanted[key])
			default:
				c.add(strict.Pointer(at, key), fmt.Sprintf("%s would send another %s in its %s", which, key, name),
					wanted[key], value)
			}
		}
	}
}

// sameText compares headers and parameters, where a number equals its text.
func sameText(a, b any) bool {
	if a == nil || b == nil || everhook.Equal(a, b) {
		return everhook.Equal(a, b)
	}
	return scalarText(a) != "" && scalarText(a) == scalarText(b)
}

// scalarText returns the text of a scalar; empty for lists and mappings.
func scalarText(v any) string {
	switch v.(type) {
	case []any, map[string]any:
		return ""
	default:
		return plainText(v)
	}
}

// plainText returns the text of a scalar, with numbers as in JSON.
func plainText(v any) string {
	if number, ok := v.(float64); ok {
		if text, err := everhook.EncodeJSON(number); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}

// sentValue returns one header, by its name in any case, or one parameter of the query.
func sentValue(sent map[string]any, field, key string) any {
	mapping, _ := sent[field].(map[string]any)
	if value, ok := mapping[key]; ok || field != "headers" {
		return value
	}
	for _, name := range everhook.SortedKeys(mapping) {
		if strings.EqualFold(name, key) {
			return mapping[name]
		}
	}
	return nil
}

// httpCall has the fields of an http-request that a test can name.
type httpCall struct {
	Method         any `json:"method"`
	URL            any `json:"url"`
	Headers        any `json:"headers"`
	Query          any `json:"query"`
	ContentType    any `json:"contentType"`
	Body           any `json:"body"`
	Auth           any `json:"auth"`
	IdempotencyKey any `json:"idempotencyKey"`
}

// usualFields are the most informative fields of a call.
var usualFields = []string{"method", "url", "headers", "query", "body", "flow", "input"}

// partOf returns the fields of a call that a test with the fields of like compares. Without like, it returns the usual
// fields, or all fields if there are no usual ones.
func partOf(call any, like map[string]any) any {
	sent, ok := call.(map[string]any)
	if !ok {
		return call
	}
	fields := everhook.SortedKeys(like)
	if len(fields) == 0 {
		fields = usualFields
	}
	part := map[string]any{}
	for _, name := range fields {
		if value, ok := sent[name]; ok {
			part[name] = value
		}
	}
	if len(part) == 0 {
		return sent
	}
	return part
}
