package runs

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/everhook/everhook"
)

// engine is a Temporal that finishes a number of starts per second, one after the other, in virtual time.
type engine struct {
	admission *admission
	now       time.Time
	capacity  float64
	// free is the time at which the last start in progress is finished.
	free time.Time
	// line are the starts under way, each with its end, in order.
	line []lineItem

	finished, refused, late int
	slowest                 time.Duration
}

type lineItem struct {
	start *admitted
	began time.Time
	ends  time.Time
}

func newEngine(capacity float64) *engine {
	e := &engine{now: time.Unix(1e9, 0), capacity: capacity}
	e.admission = newAdmission(func() time.Time { return e.now }, nil, 0)
	return e
}

// offer sends starts at a rate for some time.
func (e *engine) offer(perSecond float64, length time.Duration) {
	e.finished, e.refused, e.late, e.slowest = 0, 0, 0, 0
	gap := time.Duration(float64(time.Second) / perSecond)
	for until := e.now.Add(length); e.now.Before(until); {
		next := e.now.Add(gap)
		e.settle(next)
		e.now = next
		start, err := e.admission.enter()
		if err != nil {
			e.refused++
			continue
		}
		if e.free.Before(e.now) {
			e.free = e.now
		}
		e.free = e.free.Add(time.Duration(float64(time.Second) / e.capacity))
		e.line = append(e.line, lineItem{start, e.now, e.free})
	}
}

// settle ends the starts that are finished by that time. Callers give up after startTimeout, but the work is done
// anyway.
func (e *engine) settle(until time.Time) {
	for len(e.line) > 0 && !e.line[0].ends.After(until) {
		item := e.line[0]
		e.line = e.line[1:]
		e.now = item.ends
		took := item.ends.Sub(item.began)
		if took > startTimeout {
			e.late++
			item.start.failed(errors.New("late"))
			continue
		}
		e.finished++
		e.slowest = max(e.slowest, took)
		item.start.finished()
	}
}

func TestAnOverloadIsServedAtTheCapacity(t *testing.T) {
	t.Parallel()
	for _, capacity := range []float64{10, 60, 150, 1000} {
		e := newEngine(capacity)
		e.offer(capacity/2, 10*time.Second)
		require.Zero(t, e.refused, "at half the capacity")
		e.offer(capacity*2, 30*time.Second)
		e.offer(capacity*2, 30*time.Second)
		require.Zero(t, e.late)
		require.GreaterOrEqual(t, float64(e.finished), 0.95*30*capacity)
		require.Less(t, e.slowest, max(2*admissionTarget, time.Duration(float64(slowLimit+1)/capacity*float64(
			time.Second))))
		e.offer(capacity/3, 5*time.Second)
		require.LessOrEqual(t, e.refused, 1, "an overload is over at once")
	}
}

func TestASlowEngineIsFoundOutQuickly(t *testing.T) {
	t.Parallel()
	e := newEngine(1000)
	e.offer(900, 10*time.Second)
	e.capacity = 20
	e.offer(900, 60*time.Second)
	e.offer(900, 10*time.Second)
	require.Zero(t, e.late)
	require.Less(t, e.slowest, 2*admissionTarget)
	require.GreaterOrEqual(t, e.finished, 190)
	e.capacity = 2
	e.offer(900, 60*time.Second)
	e.offer(900, 60*time.Second)
	require.Less(t, e.late, e.finished/10, "starts are in time although the engine finishes two a second")
	require.GreaterOrEqual(t, e.finished, 100)
}

func TestStartsThatSayNothingLeaveTheLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	a := newAdmission(func() time.Time { return now }, nil, 0)
	for _, end := range []func(*admitted){
		func(s *admitted) { s.durable(everhook.Failuref(everhook.TypeLimit, "too large")) },
		func(s *admitted) { s.confirmed(time.Millisecond, nil) },
		func(s *admitted) { s.left() },
	} {
		start, err := a.enter()
		require.NoError(t, err)
		now = now.Add(time.Minute)
		end(start)
		start.failed(errors.New("an end after the first does nothing"))
	}
	underWay, limit := a.load()
	require.Zero(t, underWay)
	require.Equal(t, firstLimit, limit)
}

func TestStartsBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	a := newAdmission(time.Now, nil, 0)
	for range firstLimit {
		_, err := a.enter()
		require.NoError(t, err)
	}
	_, err := a.enter()
	require.ErrorIs(t, err, everhook.ErrOverloaded)
}

func TestStartsThatFailInARowAreReported(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	s := &Starter{async: newAdmission(clock, nil, 0), sync: newAdmission(clock, nil, 0)}
	fail := func() {
		start, err := s.async.enter()
		require.NoError(t, err)
		start.durable(errors.New("no space left on device"))
	}
	fail()
	fail()
	require.NoError(t, s.Failing())
	fail()
	require.ErrorContains(t, s.Failing(), "the last 3 starts of runs failed, most recently 0s ago: no space left")
	now = now.Add(recentFor + time.Second)
	require.NoError(t, s.Failing(), "the next starts decide")
	fail()
	require.NoError(t, s.Failing())
	fail()
	fail()
	start, err := s.async.enter()
	require.NoError(t, err)
	start.durable(nil)
	require.NoError(t, s.Failing())
}

func TestStartsAreRefusedWhileTheEngineIsBehind(t *testing.T) {
	t.Parallel()
	var lag time.Duration
	a := newAdmission(time.Now, func() time.Duration { return lag }, time.Second)
	for wait, refused := range map[time.Duration]float64{0: 0, time.Second: 0, 1250 * time.Millisecond: 0.25,
		2 * time.Second: 1, time.Minute: 1} {
		lag = wait
		count := 0
		for i := range 100 {
			a.chance = func() float64 { return (float64(i) + 0.5) / 100 }
			start, err := a.enter()
			if err != nil {
				require.ErrorIs(t, err, everhook.ErrOverloaded)
				count++
				continue
			}
			start.left()
		}
		require.InDelta(t, refused*100, count, 1, "%v", wait)
	}
}

func TestTheLagIsThatOfRecentTasks(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	lag := &Lag{clock: func() time.Time { return now }}
	handler := lag.Metrics(client.MetricsNopHandler).WithTags(map[string]string{"queue": "a"})
	require.Zero(t, lag.Recent())
	handler.Timer("another").Record(time.Hour)
	require.Zero(t, lag.Recent())
	handler.Timer(waitTimer).Record(time.Second)
	handler.Timer(waitTimer).Record(3 * time.Second)
	require.Equal(t, 2*time.Second, lag.Recent())
	now = now.Add(lagPeriod)
	handler.Timer(waitTimer).Record(8 * time.Second)
	require.Equal(t, 4*time.Second, lag.Recent())
	now = now.Add(lagPeriod)
	require.Equal(t, 8*time.Second, lag.Recent())
	now = now.Add(lagPeriod)
	require.Zero(t, lag.Recent())
}
