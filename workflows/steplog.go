package workflows

import (
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
)

// stepLog keeps what the steps of a run did. It lives in the memory of the workflow, costs no history event, and is the same after a replay.
type stepLog struct {
	steps []*everhook.Step
	total int
	// last is where in steps the last kept step of a node stands, once the log is full.
	last map[string]int
	seen map[string]bool
	// bytes of all values kept.
	bytes int
}

// pageBytes bounds one page of a log, below what a query may return.
const pageBytes = 512 << 10

func newStepLog() *stepLog { return &stepLog{last: map[string]int{}, seen: map[string]bool{}} }

// begin adds a step. A full log keeps of each node the first step and the last.
func (l *stepLog) begin(node *nodes.Compiled, iteration string, now time.Time) *everhook.Step {
	l.total++
	step := &everhook.Step{Number: l.total, Node: node.Key, Kind: node.Type, Title: node.Title, Iteration: iteration, Status: everhook.Pending, Started: now.UTC()}
	switch at, full := l.last[node.Key]; {
	case len(l.steps) < everhook.MaxLoggedSteps || !l.seen[node.Key]:
		l.steps = append(l.steps, step)
	case full:
		l.forget(l.steps[at])
		l.steps = append(slices.Delete(l.steps, at, at+1), step)
		for key, position := range l.last {
			if position > at {
				l.last[key] = position - 1
			}
		}
		l.last[node.Key] = len(l.steps) - 1
	default:
		l.steps = append(l.steps, step)
		l.last[node.Key] = len(l.steps) - 1
	}
	l.seen[node.Key] = true
	return step
}

func (l *stepLog) resolve(step *everhook.Step, now time.Time, result any) {
	l.ended(step, now, everhook.Resolved)
	if result != nil {
		step.Result = everhook.Of(l.value(result))
	}
}

func (l *stepLog) fail(step *everhook.Step, now time.Time, failure *everhook.Error) {
	l.ended(step, now, failure.Status)
	kept := *failure
	if failure.Response != nil {
		kept.Response = everhook.Of(l.value(failure.Response.V))
	}
	kept.Message = everhook.Shorten(kept.Message, 2000)
	step.Error = &kept
	step.Attempts = max(step.Attempts, failure.Attempts)
}

func (l *stepLog) end(step *everhook.Step, now time.Time, end *nodes.End, result any) {
	l.resolve(step, now, result)
	step.Status = end.Status
	if end.Status != everhook.Resolved {
		step.Error = &everhook.Error{Status: end.Status, Type: end.Type, Message: everhook.Shorten(end.Error(), 2000), Node: end.Node}
	}
}

func (l *stepLog) ended(step *everhook.Step, now time.Time, status everhook.Status) {
	now = now.UTC()
	step.Ended, step.Status = &now, status
}

func (l *stepLog) field(step *everhook.Step, pointer string, v any) {
	if step.Config == nil {
		step.Config = everhook.Mapping{}
	}
	step.Config[pointer] = l.value(v)
}

func (l *stepLog) line(step *everhook.Step, line string) {
	if len(step.Lines) < everhook.MaxLoggedLines {
		line = everhook.Shorten(line, 2000)
		l.bytes += len(line)
		step.Lines = append(step.Lines, line)
	}
}

// value gives what the log keeps of a value: the value itself, shared, or a text that says why not.
func (l *stepLog) value(v any) any {
	size := everhook.EncodedSize(v, everhook.MaxLoggedValue)
	if size > everhook.MaxLoggedValue {
		return fmt.Sprintf("(%s of more than %s, not kept in the step log)", everhook.TypeName(v), everhook.Size(everhook.MaxLoggedValue))
	}
	if l.bytes+size > everhook.MaxLoggedRun {
		return fmt.Sprintf("(not kept: the step log of this run is larger than %s)", everhook.Size(everhook.MaxLoggedRun))
	}
	l.bytes += size
	return v
}

// forget gives back the bytes of a step that is no longer kept.
func (l *stepLog) forget(step *everhook.Step) {
	for _, v := range step.Config {
		l.bytes -= everhook.EncodedSize(v, everhook.MaxLoggedValue)
	}
	if step.Result != nil {
		l.bytes -= everhook.EncodedSize(step.Result.V, everhook.MaxLoggedValue)
	}
	l.bytes = max(l.bytes, 0)
}

// page gives the steps from a number on, as many as fit.
func (l *stepLog) page(from int) everhook.StepPage {
	page := everhook.StepPage{Steps: []everhook.Step{}, Total: l.total}
	size := 0
	for _, step := range l.steps {
		if step.Number < from {
			continue
		}
		encoded, err := everhook.EncodeJSON(step)
		if err != nil {
			continue
		}
		if size += len(encoded); size > pageBytes && len(page.Steps) > 0 {
			page.Next = step.Number
			return page
		}
		page.Steps = append(page.Steps, *step)
	}
	return page
}
