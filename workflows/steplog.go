package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// stepLog keeps what the steps of a run did. It lives in the memory of the workflow, costs no history event, and is the
// same after a replay.
type stepLog struct {
	// steps are those that are kept for good: all up to MaxLoggedSteps, then the first of each node.
	steps []*everhook.Step
	// latest is the last step of each node that has more; a later one takes its place.
	latest map[string]*everhook.Step
	seen   map[string]bool
	total  int
	// bytes of all values and lines kept.
	bytes int
	// elsewhere is how many steps other executions of the run keep; handed are those that went on with its loops.
	elsewhere int
	handed    []everhook.HandedOver
}

// logState is how full a step log is: what another execution that goes on with a loop keeps counts towards the same
// bounds.
type logState struct {
	Total int `json:"total"`
	Kept  int `json:"kept"`
	Bytes int `json:"bytes"`
	// Seen are the nodes of the loop that have a step.
	Seen []string `json:"seen,omitempty"`
}

// pageBytes bounds one page of a log, below what a query may return.
const pageBytes = 512 << 10

func newStepLog(given logState) *stepLog {
	l := &stepLog{latest: map[string]*everhook.Step{}, seen: map[string]bool{}, total: given.Total, bytes: given.Bytes,
		elsewhere: given.Kept}
	for _, key := range given.Seen {
		l.seen[key] = true
	}
	return l
}

// state is what an execution needs to know that goes on with a loop of these nodes, or one that had it go on.
func (l *stepLog) state(nodes []string) logState {
	state := logState{Total: l.total, Kept: l.elsewhere + len(l.steps), Bytes: l.bytes}
	for _, key := range nodes {
		if l.seen[key] {
			state.Seen = append(state.Seen, key)
		}
	}
	return state
}

// join counts what another execution did since it was given the state.
func (l *stepLog) join(given, then logState) {
	l.total += then.Total - given.Total
	l.elsewhere += then.Kept - given.Kept
	l.bytes += then.Bytes - given.Bytes
	for _, key := range then.Seen {
		l.seen[key] = true
	}
}

// handedOver notes where the steps of a loop are.
func (l *stepLog) handedOver(loop *everhook.Step, first everhook.Execution) {
	l.handed = append(l.handed, everhook.HandedOver{Step: loop.Number, Execution: first})
}

// begin adds a step. A full log keeps of each node the first step and the last.
func (l *stepLog) begin(node *compile.Node, iteration string, now time.Time) *everhook.Step {
	l.total++
	step := &everhook.Step{Number: l.total, Node: node.Key, Kind: node.Type, Title: node.Title, Iteration: iteration,
		Status: everhook.Pending, Started: now.UTC()}
	if l.elsewhere+len(l.steps) < everhook.MaxLoggedSteps || !l.seen[node.Key] {
		l.seen[node.Key] = true
		l.steps = append(l.steps, step)
		return step
	}
	l.forget(l.latest[node.Key])
	l.latest[node.Key] = step
	return step
}

// kept are the steps in the order of their numbers.
func (l *stepLog) kept() []*everhook.Step {
	if len(l.latest) == 0 {
		return l.steps
	}
	kept := slices.Clone(l.steps)
	for _, key := range everhook.SortedKeys(l.latest) {
		kept = append(kept, l.latest[key])
	}
	slices.SortFunc(kept, func(a, b *everhook.Step) int { return cmp.Compare(a.Number, b.Number) })
	return kept
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

func (l *stepLog) end(step *everhook.Step, now time.Time, end *kind.End, result any) {
	l.resolve(step, now, result)
	step.Status = end.Status
	if end.Status != everhook.Resolved {
		step.Error = &everhook.Error{Status: end.Status, Type: end.Type, Message: everhook.Shorten(end.Error(), 2000),
			Node: end.Node}
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
	if earlier, ok := step.Config[pointer]; ok {
		l.bytes -= loggedSize(earlier)
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
	size := loggedSize(v)
	switch {
	case size > everhook.MaxLoggedValue:
		v = fmt.Sprintf("(%s of more than %s, not kept in the step log)", everhook.TypeName(v),
			everhook.Size(everhook.MaxLoggedValue))
	case l.bytes+size > everhook.MaxLoggedRun:
		v = fmt.Sprintf("(not kept: the step log of this run is larger than %s)", everhook.Size(everhook.MaxLoggedRun))
	default:
		l.bytes += size
		return v
	}
	l.bytes += loggedSize(v)
	return v
}

func loggedSize(v any) int { return everhook.EncodedSize(v, everhook.MaxLoggedValue) }

// forget gives back the bytes of a step that is no longer kept, if there is one.
func (l *stepLog) forget(step *everhook.Step) {
	if step == nil {
		return
	}
	//workflowcheck:ignore a sum; its order does not show
	for _, v := range step.Config {
		l.bytes -= loggedSize(v)
	}
	if step.Result != nil {
		l.bytes -= loggedSize(step.Result.V)
	}
	if step.Error != nil && step.Error.Response != nil {
		l.bytes -= loggedSize(step.Error.Response.V)
	}
	for _, line := range step.Lines {
		l.bytes -= len(line)
	}
}

// page gives the steps from a number on, as many as fit.
func (l *stepLog) page(from int) everhook.StepPage {
	page := everhook.StepPage{Steps: []everhook.Step{}, Total: l.total, HandedOver: l.handed}
	size := 0
	for _, step := range l.kept() {
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
