package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

func nodeOf(key string) *compile.Node {
	return &compile.Node{Node: &everhook.Node{Key: key, Type: "calculation"}}
}

func numbers(l *Log) (list []int) {
	for _, record := range l.Steps() {
		list = append(list, record.Number)
	}
	return list
}

func TestAFullLogKeepsTheFirstAndLastStepOfEachNode(t *testing.T) {
	t.Parallel()
	l := newLog(LogState{})
	var first []int
	for i := range everhook.MaxLoggedSteps {
		l.begin(nodeOf("a"), "", testNow)
		first = append(first, i+1)
	}
	require.Equal(t, first, numbers(l))
	full := l.bytes
	for range 3 {
		l.begin(nodeOf("a"), "", testNow)
		l.begin(nodeOf("b"), "", testNow)
	}
	require.Equal(t, append(first, 1002, 1005, 1006), numbers(l))
	require.Equal(t, everhook.MaxLoggedSteps+6, l.Total())
	require.Equal(t, full+3*full/everhook.MaxLoggedSteps, l.bytes, "a step that is replaced counts no longer")

	// Another execution of the run continues, and ends.
	given := l.state([]string{"b", "c"})
	require.Equal(t, LogState{Total: 1006, Kept: 1001, Bytes: l.bytes, Seen: []string{"b"}}, given)
	other := newLog(given)
	for range 2 {
		other.begin(nodeOf("b"), "", testNow)
		other.begin(nodeOf("c"), "", testNow)
	}
	require.Equal(t, []int{1008, 1009, 1010}, numbers(other), "the first of b is kept by the first execution")
	then := other.state([]string{"b", "c"})
	require.Equal(t, 1002, then.Kept)
	require.Equal(t, []string{"b", "c"}, then.Seen)
	l.join(given, then)
	require.Equal(t, 1010, l.Total())
	require.Equal(t, then, l.state([]string{"b", "c"}))
	l.begin(nodeOf("c"), "", testNow)
	require.Equal(t, append(first, 1002, 1005, 1006, 1011), numbers(l))
}

// TestWhatTheLogCounts has numbers that are in histories.
func TestWhatTheLogCounts(t *testing.T) {
	t.Parallel()
	l := newLog(LogState{})
	counted := func(do func()) int {
		before := l.bytes
		do()
		return l.bytes - before
	}
	var r *Record
	titled := &compile.Node{Node: &everhook.Node{Key: "abc", Type: "loop", Title: strings.Repeat("x", 600)}}
	require.Equal(t, 300+3+4+503+4, counted(func() { r = l.begin(titled, "a[1]", testNow) }))
	require.Equal(t, 4+5, counted(func() { l.field(r, "/url", "abc") }))
	require.Equal(t, 2, counted(func() { l.field(r, "/url", "abcde") }), "the field is evaluated again")
	require.Equal(t, everhook.Mapping{"/url": "abcde"}, r.Config)
	require.Equal(t, 5, counted(func() { l.line(r, "hello") }))
	require.Equal(t, 2003, counted(func() { l.line(r, strings.Repeat("x", 3000)) }))
	require.Equal(t, 15, counted(func() { l.resolve(r, testNow, map[string]any{"a": 1}) }))
	require.Equal(t, 4+2003, counted(func() {
		l.fail(r, testNow, &everhook.Error{Status: everhook.Failed, Message: strings.Repeat("x", 3000),
			Response: everhook.Of("no")})
	}))
	require.Equal(t, everhook.Of("no"), r.Error.Response)
	require.Zero(t, counted(func() { l.end(r, testNow, &kind.End{Status: everhook.Resolved}, nil) }))
	require.Equal(t, 6, counted(func() {
		l.end(r, testNow, &kind.End{Status: everhook.Failed, Message: "enough"}, nil)
	}))
	for range 2 * everhook.MaxLoggedLines {
		l.line(r, "x")
	}
	require.Len(t, r.Lines, everhook.MaxLoggedLines)
	require.Equal(t, r.bytes, l.bytes)
}

// TestAValueInTheLog checks that large values are noted, and that lists and mappings come back as they were.
func TestAValueInTheLog(t *testing.T) {
	t.Parallel()
	text := func(size int) string { return strings.Repeat("x", size-2) }
	const limit = everhook.MaxLoggedValue
	for name, test := range map[string]struct {
		given, want any
		isText      bool
	}{
		"small":            {map[string]any{"a": text(505)}, map[string]any{"a": text(505)}, false},
		"a mapping":        {map[string]any{"a": text(506)}, map[string]any{"a": text(506)}, true},
		"a list":           {[]any{1, text(600)}, []any{1, text(600)}, true},
		"a long text":      {text(limit), text(limit), false},
		"too long":         {text(limit + 1), "(text of more than 16KiB, not kept in the step log)", false},
		"a list too long":  {[]any{text(limit)}, "(a list of more than 16KiB, not kept in the step log)", false},
		"nil of a mapping": {map[string]any{"a": nil, "b": text(600)}, map[string]any{"a": nil, "b": text(600)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(LogState{})
			r := l.begin(nodeOf("a"), "", testNow)
			l.resolve(r, testNow, test.given)
			l.field(r, "/a", test.given)
			l.field(r, "/a", test.given)
			failed := l.begin(nodeOf("b"), "", testNow)
			l.fail(failed, testNow, &everhook.Error{Status: everhook.Failed, Response: everhook.Of(test.given)})
			_, isText := r.Result.V.(loggedText)
			require.Equal(t, test.isText, isText)
			page := l.Page(0)
			require.Equal(t, test.want, page.Steps[0].Result.V)
			require.Equal(t, test.want, page.Steps[0].Config["/a"])
			require.Equal(t, test.want, page.Steps[1].Error.Response.V)
			require.Equal(t, 2*(300+1+len("calculation"))+3*everhook.EncodedSize(test.want, limit)+len("/a"), l.bytes)
		})
	}
}

// TestTheLogLeavesRoomForLaterSteps fills it: values end first, then notes in their place, then steps.
func TestTheLogLeavesRoomForLaterSteps(t *testing.T) {
	t.Parallel()
	l := newLog(LogState{})
	value := strings.Repeat("x", 10_000)
	noted, values := 0, 0
	for i := range 3 * everhook.MaxLoggedSteps {
		r := l.begin(nodeOf(fmt.Sprint("node", i)), "", testNow)
		l.line(r, "a line")
		l.line(r, "another")
		l.field(r, "/a", value)
		switch {
		case i == 0:
			l.resolve(r, testNow, value)
		case l.bytes > maxLoggedNotes:
			l.fail(r, testNow, &everhook.Error{Status: everhook.Failed, Message: value})
			require.LessOrEqual(t, len(r.Error.Message), maxShortText+len("…"))
		default:
			l.resolve(r, testNow, value)
			switch {
			case r.Result == nil:
			case r.Result.V == notKept:
				noted++
			default:
				values++
			}
		}
		require.LessOrEqual(t, l.bytes, everhook.MaxLoggedRun)
		if r.dropped {
			require.Empty(t, r.Lines)
			require.Empty(t, r.Config)
		}
	}
	require.Greater(t, values, 20)
	require.Greater(t, noted, 100)
	steps := l.Steps()
	require.Greater(t, l.bytes, everhook.MaxLoggedRun-1000, "it is full of steps")
	require.Less(t, len(steps), l.Total())
	bytes, lines := 0, map[string]int{}
	for _, r := range steps {
		bytes += r.bytes
		lines[strings.Join(r.Lines, "|")]++
	}
	require.Equal(t, bytes, l.bytes)
	require.Greater(t, lines[notKept], 100, "one note for all lines of a step")
	require.Len(t, lines, 3)
}

func TestTheLogTakesWhatFitsExactly(t *testing.T) {
	t.Parallel()
	l := newLog(LogState{Bytes: everhook.MaxLoggedRun - 400})
	r := l.begin(nodeOf(strings.Repeat("x", 400-bytesOfRecord-len("calculation"))), "", testNow)
	require.False(t, r.dropped)
	require.Equal(t, everhook.MaxLoggedRun, l.bytes)
	require.True(t, l.begin(nodeOf("a"), "", testNow).dropped)
}

// TestPagesHaveEveryStepOnce reads a log as a client does, from page to page.
func TestPagesHaveEveryStepOnce(t *testing.T) {
	t.Parallel()
	l := newLog(LogState{})
	loop := l.begin(nodeOf("loop"), "", testNow)
	first := everhook.Execution{WorkflowID: "w", RunID: "r"}
	l.HandedOver(loop, first)
	for range 300 { // of which 256 make a full page
		r := l.begin(nodeOf("a"), "", testNow)
		l.resolve(r, testNow, "")
		encoded, err := everhook.EncodeJSON(&r.Step)
		require.NoError(t, err)
		l.resolve(r, testNow, strings.Repeat("x", 2048-len(encoded)))
	}
	var got []int
	for from, pages := 2, 1; ; pages++ {
		page := l.Page(from)
		require.Equal(t, 301, page.Total)
		require.Equal(t, []everhook.HandedOver{{Step: 1, Execution: first}}, page.HandedOver)
		size := 0
		for _, step := range page.Steps {
			encoded, err := everhook.EncodeJSON(&step)
			require.NoError(t, err)
			size += len(encoded)
			got = append(got, step.Number)
		}
		require.LessOrEqual(t, size, 512<<10)
		if page.Next == 0 {
			require.Equal(t, 2, pages)
			break
		}
		require.Equal(t, 512<<10, size)
		from = page.Next
	}
	require.Equal(t, numbers(l)[1:], got)
	require.Empty(t, l.Page(302).Steps)

	l.resolve(l.begin(nodeOf("odd"), "", testNow), testNow, func() {})
	last := l.begin(nodeOf("b"), "", testNow)
	require.Equal(t, last.Number, l.Page(last.Number - 1).Steps[0].Number, "a step that cannot be shown is left out")
}
