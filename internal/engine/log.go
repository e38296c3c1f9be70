package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Log keeps the steps of a run, within everhook.MaxLoggedRun bytes. It is only in memory: a replay builds it again, and
// it costs no event.
type Log struct {
	// records are kept for good: all up to MaxLoggedSteps, then the first of each node.
	records []*Record
	// latest is the last record of each node that has more of them. The next one replaces it.
	latest map[string]*Record
	seen   map[string]bool
	// total counts all steps, bytes what the kept ones take.
	total, bytes int
	// elsewhere is how many records other executions of the run keep.
	elsewhere int
	// handedOver are the executions that continued loops of this one.
	handedOver []everhook.HandedOver
}

// Record is one step in the log.
type Record struct {
	everhook.Step
	// bytes is what the log counts for it. dropped is set if there was no room for it.
	bytes   int
	dropped bool
}

// LogState is how full a log is. What the executions of a run keep counts towards the same bounds. It is stored in
// histories.
type LogState struct {
	Total int `json:"total"`
	Kept  int `json:"kept"`
	Bytes int `json:"bytes"`
	// Seen are the nodes of the loop that have a step.
	Seen []string `json:"seen,omitempty"`
}

// Shares of everhook.MaxLoggedRun. Values, lines and long messages must leave room for the notes that replace them, and
// those for the records of later steps.
const (
	maxLoggedValues = everhook.MaxLoggedRun / 8 * 6
	maxLoggedNotes  = everhook.MaxLoggedRun / 8 * 7
)

const (
	// bytesOfRecord is the size of a record without its texts and values.
	bytesOfRecord = 300
	// maxLoggedText bounds a line or the message of an error, maxLoggedName a title or an iteration, maxShortText a
	// message when there is no room for a longer one.
	maxLoggedText = 2000
	maxLoggedName = 500
	maxShortText  = 200
	// pageBytes bounds one page of a log, below what a query may return.
	pageBytes = 512 << 10
)

func newLog(given LogState) *Log {
	l := &Log{latest: map[string]*Record{}, seen: map[string]bool{}, total: given.Total, bytes: given.Bytes,
		elsewhere: given.Kept}
	for _, key := range given.Seen {
		l.seen[key] = true
	}
	return l
}

// Total counts all steps of the run so far.
func (l *Log) Total() int { return l.total }

// state is what another execution must know that continues a loop of these nodes, or that handed one over.
func (l *Log) state(nodes []string) LogState {
	state := LogState{Total: l.total, Kept: l.elsewhere + len(l.records), Bytes: l.bytes}
	for _, key := range nodes {
		if l.seen[key] {
			state.Seen = append(state.Seen, key)
		}
	}
	return state
}

// join counts what another execution did since it was given the state.
func (l *Log) join(given, then LogState) {
	l.total += then.Total - given.Total
	l.elsewhere += then.Kept - given.Kept
	l.bytes += then.Bytes - given.Bytes
	for _, key := range then.Seen {
		l.seen[key] = true
	}
}

// HandedOver notes which execution has the next steps of a loop.
func (l *Log) HandedOver(loop *Record, first everhook.Execution) {
	l.handedOver = append(l.handedOver, everhook.HandedOver{Step: loop.Number, Execution: first})
}

// begin adds a step. A full log keeps the first step of each node and the last.
func (l *Log) begin(node *compile.Node, iteration string, now time.Time) *Record {
	l.total++
	record := &Record{Step: everhook.Step{Number: l.total, Node: node.Key, Kind: node.Type,
		Title: everhook.Shorten(node.Title, maxLoggedName), Iteration: everhook.Shorten(iteration, maxLoggedName),
		Status: everhook.Pending, Started: now.UTC()}}
	full := l.elsewhere+len(l.records) >= everhook.MaxLoggedSteps && l.seen[node.Key]
	if full {
		l.forget(l.latest[node.Key])
		delete(l.latest, node.Key)
	}
	size := bytesOfRecord + len(record.Node) + len(record.Kind) + len(record.Title) + len(record.Iteration)
	if !l.take(record, size, everhook.MaxLoggedRun) {
		record.dropped = true
		return record
	}
	l.seen[node.Key] = true
	if full {
		l.latest[node.Key] = record
	} else {
		l.records = append(l.records, record)
	}
	return record
}

// take counts bytes for a record if the log then has at most that many. A dropped record takes none.
func (l *Log) take(record *Record, bytes, most int) bool {
	if record.dropped || l.bytes+bytes > most {
		return false
	}
	l.bytes += bytes
	record.bytes += bytes
	return true
}

// forget gives back the bytes of a record that is no longer kept, if there is one.
func (l *Log) forget(record *Record) {
	if record != nil {
		l.bytes -= record.bytes
	}
}

// Steps are the steps that are kept, in the order of their numbers. Page has them with their values.
func (l *Log) Steps() []*Record {
	if len(l.latest) == 0 {
		return l.records
	}
	kept := slices.Clone(l.records)
	for _, key := range everhook.SortedKeys(l.latest) {
		kept = append(kept, l.latest[key])
	}
	slices.SortFunc(kept, func(a, b *Record) int { return cmp.Compare(a.Number, b.Number) })
	return kept
}

func (l *Log) resolve(record *Record, now time.Time, result any) {
	record.end(now, everhook.Resolved)
	if result != nil {
		if v, ok := l.value(record, result); ok {
			record.Result = everhook.Of(v)
		}
	}
}

func (l *Log) fail(record *Record, now time.Time, failure *everhook.Error) {
	record.end(now, failure.Status)
	kept := *failure
	kept.Response = nil
	if failure.Response != nil {
		if v, ok := l.value(record, failure.Response.V); ok {
			kept.Response = everhook.Of(v)
		}
	}
	kept.Message = l.message(record, kept.Message)
	record.Error = &kept
	record.Attempts = max(record.Attempts, failure.Attempts)
}

func (l *Log) end(record *Record, now time.Time, end *kind.End, result any) {
	l.resolve(record, now, result)
	record.Status = end.Status
	if end.Status == everhook.Resolved {
		return
	}
	if end.Status == everhook.Pending { // the run waits here, see WouldWait
		record.Ended = nil
		return
	}
	record.Error = &everhook.Error{Status: end.Status, Type: end.Type, Message: l.message(record, end.Error()),
		Node: end.Node}
}

func (r *Record) end(now time.Time, status everhook.Status) {
	now = now.UTC()
	r.Ended, r.Status = &now, status
}

// field keeps an evaluated field. A field that is evaluated again replaces what was kept.
func (l *Log) field(record *Record, pointer string, v any) {
	if earlier, ok := record.Config[pointer]; ok {
		size := len(pointer) + loggedSize(earlier)
		l.bytes -= size
		record.bytes -= size
		delete(record.Config, pointer)
	}
	if !l.take(record, len(pointer), maxLoggedNotes) {
		return
	}
	kept, ok := l.value(record, v)
	if !ok {
		l.bytes -= len(pointer)
		record.bytes -= len(pointer)
		return
	}
	if record.Config == nil {
		record.Config = everhook.Mapping{}
	}
	record.Config[pointer] = kept
}

// notKept stands for what a full log does not keep.
var notKept = fmt.Sprintf("(not kept: the step log of this run is larger than %s)",
	everhook.Size(everhook.MaxLoggedRun))

func (l *Log) line(record *Record, line string) {
	if len(record.Lines) >= everhook.MaxLoggedLines {
		return
	}
	line = everhook.Shorten(line, maxLoggedText)
	if l.take(record, len(line), maxLoggedValues) {
		record.Lines = append(record.Lines, line)
		return
	}
	if n := len(record.Lines); (n == 0 || record.Lines[n-1] != notKept) &&
		l.take(record, len(notKept), maxLoggedNotes) {
		record.Lines = append(record.Lines, notKept)
	}
}

// message gives what the log keeps of the message of an error.
func (l *Log) message(record *Record, text string) string {
	text = everhook.Shorten(text, maxLoggedText)
	if l.take(record, len(text), maxLoggedValues) {
		return text
	}
	text = everhook.Shorten(text, maxShortText)
	if l.take(record, len(text), everhook.MaxLoggedRun) {
		return text
	}
	return ""
}

// value returns the form of a value in the log, or a note that says why it is not kept; false for neither.
func (l *Log) value(record *Record, v any) (any, bool) {
	size := loggedSize(v)
	if size > everhook.MaxLoggedValue {
		v = fmt.Sprintf("(%s of more than %s, not kept in the step log)", everhook.TypeName(v),
			everhook.Size(everhook.MaxLoggedValue))
		size = loggedSize(v)
	}
	if l.take(record, size, maxLoggedValues) {
		return asText(v, size), true
	}
	return notKept, l.take(record, loggedSize(notKept), maxLoggedNotes)
}

// loggedText is a list or mapping in the log. As JSON it takes far less memory for as long as the run waits.
type loggedText struct {
	json.RawMessage
	// size is what loggedSize says of the value: what the log counts is in histories.
	size int
}

// smallLogged is the size in bytes up to which values stay as they are in the log: encoding them costs more than it
// saves.
const smallLogged = 512

func asText(v any, size int) any {
	if size <= smallLogged {
		return v
	}
	switch v.(type) {
	case []any, map[string]any:
		if encoded, err := everhook.EncodeJSON(v); err == nil {
			return loggedText{encoded, size}
		}
	}
	return v
}

// read gives the value that asText was given.
func read(v any) any {
	if text, ok := v.(loggedText); ok {
		v, _ = everhook.ParseJSON(text.RawMessage)
	}
	return v
}

func loggedSize(v any) int {
	if text, ok := v.(loggedText); ok {
		return text.size
	}
	return everhook.EncodedSize(v, everhook.MaxLoggedValue)
}

// Page gives the steps from a number on, as many as fit into one page.
func (l *Log) Page(from int) everhook.StepPage {
	page := everhook.StepPage{Steps: []everhook.Step{}, Total: l.total, HandedOver: l.handedOver}
	size := 0
	for _, record := range l.Steps() {
		if record.Number < from {
			continue
		}
		encoded, err := everhook.EncodeJSON(&record.Step)
		if err != nil {
			continue
		}
		if size += len(encoded); size > pageBytes && len(page.Steps) > 0 {
			page.Next = record.Number
			return page
		}
		page.Steps = append(page.Steps, record.step())
	}
	return page
}

// step gives the step with its values as they were.
func (r *Record) step() everhook.Step {
	step := r.Step
	if step.Config != nil {
		step.Config = everhook.Mapping{}
		for _, pointer := range everhook.SortedKeys(r.Config) {
			step.Config[pointer] = read(r.Config[pointer])
		}
	}
	if step.Result != nil {
		step.Result = everhook.Of(read(step.Result.V))
	}
	if step.Error != nil && step.Error.Response != nil {
		failure := *step.Error
		failure.Response = everhook.Of(read(failure.Response.V))
		step.Error = &failure
	}
	return step
}
