package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// limitedHost is a run in place with breaks and limits of its own.
type limitedHost struct {
	inPlace
	onBreak func(Line) error
	usedUp  bool
}

func (h *limitedHost) Break(line Line) error { return h.onBreak(line) }

func (h *limitedHost) UsedUp() bool { return h.usedUp }

func TestWhatIterationsAtTheSameTimeMayAddToAHistory(t *testing.T) {
	t.Parallel()
	run := New(nil, Start{}, nil, nil)
	outer := &Step{run: run, node: &compile.Node{Below: []string{"a", "b", "inner", "c", "d"}}}
	inner := &Step{run: run, node: &compile.Node{Below: []string{"c", "d"}}}
	empty := &Step{run: run, node: &compile.Node{}}
	atOnce := func() []int { return []int{outer.AtOnce(), inner.AtOnce(), empty.AtOnce()} }
	// 4,000 events, of which a step may add 6.
	require.Equal(t, []int{133, 333, 666}, atOnce())
	outer.SetRunning(100)
	require.Equal(t, []int{133, 83, 166}, atOnce(), "the others may add 3,000")
	inner.SetRunning(83)
	require.Equal(t, []int{100, 83, 1}, atOnce())
	outer.SetRunning(1)
	inner.SetRunning(0)
	require.Equal(t, []int{133, 330, 661}, atOnce())
	outer.SetRunning(0)
	require.Zero(t, run.meter.expected)
}

func TestWhenAnExecutionIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		budget       Budget
		steps, units int
		uncharged    int
		place, want  bool
	}{
		"by 50,000 steps":               {steps: 50_000, want: true},
		"not by 49,999":                 {steps: 49_999},
		"by 20 million units":           {units: 20_000_000, want: true},
		"not by fewer":                  {units: 19_999_999},
		"by units not charged yet":      {units: 19_999_990, uncharged: 10, want: true},
		"by the steps that it may have": {budget: Budget{Steps: 3}, steps: 3, want: true},
		"by the units that it may have": {budget: Budget{Units: 9}, units: 9, want: true},
		"by the place":                  {place: true, want: true},
	} {
		run := New(nil, Start{Budget: test.budget}, &limitedHost{usedUp: test.place}, nil)
		run.meter.steps, run.meter.units = test.steps, test.units
		s := &Step{run: run, data: &data{}}
		s.Charge(test.uncharged)
		require.Equal(t, test.want, s.UsedUp(), name)
	}
}

func TestARunThatNoLoopCouldHandOverEnds(t *testing.T) {
	t.Parallel()
	const message = "the run reached the limit of 500000 steps or 200000000 units of evaluation outside of loops; " +
		"let each iteration or delivery do less"
	for name, test := range map[string]struct {
		steps, units int
		failing      bool
		want         string
	}{
		"the last step":      {steps: 499_999},
		"one step more":      {steps: 500_000, want: message},
		"the last unit":      {units: 200_000_000},
		"one unit more":      {units: 200_000_001, want: message},
		"but onFailure runs": {steps: 500_000, units: 300_000_000, failing: true},
	} {
		run := New(nil, Start{}, &limitedHost{onBreak: func(Line) error { return nil }}, nil)
		run.meter.steps, run.meter.units, run.failing = test.steps, test.units, test.failing
		err := run.countStep(&plainLine{scheduler: &plain{}}, nodeOf("a"))
		if test.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, &kind.End{Status: everhook.Errored, Type: everhook.TypeLimit, Message: test.want, Node: "a"},
			err, name)
	}
}

func TestARunInPlaceMayUseAllItsUnits(t *testing.T) {
	t.Parallel()
	flow := compiledNodes(t, `[{"key":"a","type":"calculation","config":{"expression":"1"}},
		{"key":"b","type":"calculation","config":{"expression":"2"}}]`)
	used := 0
	for units := 1; ; units++ {
		report := InPlace(flow, startWith(nil), Options{Now: testNow, MaxUnits: units})
		if report.Wait == nil {
			used = units
			break
		}
		require.Equal(t, everhook.Pending, report.Outcome.Status)
	}
	run, _ := executeChain(t, flow, startWith(nil))
	// The units are looked at when a step begins: those of the first step and its expression.
	require.Equal(t, run.meter.units-stepUnits-1, used)
}

// TestWhereARunMakesBreaks has numbers that histories depend on: a break is an event.
func TestWhereARunMakesBreaks(t *testing.T) {
	t.Parallel()
	body := `{"key":"a","type":"calculation","config":{"expression":"1"}}`
	many := body
	for i := range 49 {
		many += fmt.Sprintf(`,{"key":"n%d","type":"calculation","config":{"expression":"1"}}`, i)
	}
	for name, test := range map[string]struct {
		nodes string
		want  []int
	}{
		"steps": {`[{"key":"each","type":"loop","config":{"over":10000},"branches":{"do":[` + body + `]}}]`,
			[]int{4879, 9757}},
		"results that are cleared": {`[{"key":"each","type":"loop","config":{"over":200},"branches":{"do":[` + many +
			`]}}]`, []int{9328}},
		"copies of the data": {`[` + many + `,{"key":"each","type":"loop","config":{"over":5000,"concurrency":2},
			"branches":{"do":[{"key":"b","type":"calculation","config":{"expression":"1"}}]}}]`, []int{3065}},
		"an output": {`[{"key":"each","type":"loop","config":{"over":50},"branches":{"do":[
			{"key":"a","type":"output","config":{"value":"{{ repeat('x', 100000) }}"}}]}}]`, []int{16, 31, 46}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow := compiledNodes(t, test.nodes)
			var at []int
			host := &limitedHost{}
			now := func() time.Time { return testNow }
			run := New(flow, startWith(nil), host, now)
			host.onBreak = func(Line) error {
				at = append(at, run.meter.steps)
				require.Zero(t, run.meter.stretch)
				return nil
			}
			host.run = run
			scheduler := &plain{now: now}
			defer scheduler.close()
			run.Execute(&plainLine{scheduler: scheduler})
			require.Equal(t, everhook.Resolved, run.Outcome().Status, "%v", run.Outcome().Error)
			require.Equal(t, test.want, at)
		})
	}
}

// TestOthersWaitForTheEndOfABreak lets a break take some turns.
func TestOthersWaitForTheEndOfABreak(t *testing.T) {
	t.Parallel()
	flow := compiledNodes(t, `[{"key":"both","type":"parallel","branches":{
		"a":[{"key":"a1","type":"calculation","config":{"expression":"1"}},
			{"key":"a2","type":"calculation","config":{"expression":"1"}}],
		"b":[{"key":"b1","type":"calculation","config":{"expression":"1"}},
			{"key":"b2","type":"calculation","config":{"expression":"1"}}]}}]`)
	host := &limitedHost{}
	now := func() time.Time { return testNow }
	run := New(flow, startWith(nil), host, now)
	host.run = run
	breaks := 0
	host.onBreak = func(line Line) error {
		breaks++
		before, last := run.log.Total(), false
		line.Go("last", func(Line) { last = true }) // its turn is after those of the others
		err := line.Await(func() bool { return last })
		require.Equal(t, before, run.log.Total(), "no step begins during a break")
		return err
	}
	run.meter.stretch = maxStretch - 2*stepUnits // the first step of a makes it
	scheduler := &plain{now: now}
	defer scheduler.close()
	run.Execute(&plainLine{scheduler: scheduler})
	require.Equal(t, everhook.Resolved, run.Outcome().Status)
	require.Equal(t, 1, breaks)
	require.Equal(t, 5, run.meter.steps)
}

func TestMomentsAreInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	later := testNow.Add(time.Second)
	inOrder := []Moment{{}, {testNow, nil}, {testNow, []int{1}}, {testNow, []int{1, 2}}, {testNow, []int{2}},
		{later, nil}, {later, []int{1}}}
	for i, a := range inOrder {
		for j, b := range inOrder {
			require.Equal(t, i < j, a.before(b), "%v %v", a, b)
		}
	}
	line := Progress{Moment: Moment{Since: testNow, Position: slices.Grow([]int{7}, 5)}}
	first := line.next()
	require.Equal(t, Moment{testNow, []int{7, 1}}, first)
	require.Equal(t, Moment{testNow, []int{7, 2}}, line.next())
	require.Equal(t, []int{7, 1}, first.Position, "moments share no memory")
}

// TestLinesTakeTurns checks the order of lines that wait for each other, and those that end first.
func TestLinesTakeTurns(t *testing.T) {
	t.Parallel()
	scheduler := &plain{now: func() time.Time { return testNow }}
	defer scheduler.close()
	root := &plainLine{scheduler: scheduler}
	group, cancel := root.Cancellable()
	var order []string
	turn := 0
	for i, name := range []string{"a", "b", "c", "d"} {
		group.Go(name, func(line Line) {
			order = append(order, name+" begins")
			if i%2 == 0 {
				return
			}
			require.NoError(t, line.Await(func() bool { return turn == 4-i }))
			order = append(order, name+" ends")
			turn++
		})
	}
	ended := 0
	never := func() bool { return false }
	group.Go("cancelled", func(line Line) {
		require.ErrorIs(t, line.Await(never), ErrCancelled)
		ended++
	})
	detached, _ := group.Detached()
	detached.Go("left", func(line Line) {
		require.ErrorIs(t, line.Await(never), ErrStuck)
		require.ErrorIs(t, line.Await(never), ErrCancelled, "after the end, no line waits")
		ended++
	})
	require.NoError(t, root.Await(func() bool { return len(order) == 4 }))
	turn = 1
	require.NoError(t, root.Await(func() bool { return turn == 3 || len(order) == 5 }))
	turn = 3
	require.NoError(t, root.Await(func() bool { return len(order) == 6 }))
	require.Equal(t, []string{"a begins", "b begins", "c begins", "d begins", "d ends", "b ends"}, order)
	require.ErrorIs(t, root.Await(never), ErrStuck)
	cancel()
	require.ErrorIs(t, group.Err(), ErrCancelled)
	require.NoError(t, root.Err())
	require.NoError(t, root.Await(func() bool { return ended == 1 }))
	require.Len(t, scheduler.lines, 1)
	scheduler.close()
	require.Equal(t, 2, ended)
}
