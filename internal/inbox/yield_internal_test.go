package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// storm drives a yield in virtual time.
type storm struct {
	*yield
	now time.Time
	// capacity is how many rows can be started in a second.
	capacity float64
}

func newStorm(capacity float64) *storm {
	s := &storm{now: time.Unix(1_700_000_000, 0), capacity: capacity}
	s.yield = newYield(func() time.Time { return s.now })
	return s
}

// pass lets a second pass, in which so many deliveries are stored, each in that time. It returns how many rows were
// started.
func (s *storm) pass(stored int, took time.Duration) (started int) {
	const steps = 1000
	for step := range steps {
		s.now = s.now.Add(time.Second / steps)
		if step*stored/steps != (step+1)*stored/steps {
			s.addStored(took)
		}
		if step*int(s.capacity)/steps == (step+1)*int(s.capacity)/steps {
			s.addFull()
		} else if s.wait() == 0 {
			s.take()
			s.addStarted()
			started++
		}
	}
	return started
}

func TestTheDrainGivesWayToAStorm(t *testing.T) {
	t.Parallel()
	s := newStorm(200)
	for range 3 {
		require.EqualValues(t, 200, s.pass(450, 20*time.Millisecond), "few come")
	}
	s.pass(1000, 20*time.Millisecond)
	require.InDelta(t, 200*yieldFloor, s.pass(1000, 20*time.Millisecond), 5, "a storm, and storing is slow")
	require.Greater(t, s.pass(1000, time.Millisecond), 32, "storing is quick again")
	for range 5 {
		s.pass(1000, time.Millisecond)
	}
	require.Greater(t, s.pass(1000, time.Millisecond), 180)
	s.pass(1000, 20*time.Millisecond)
	s.pass(0, 0)
	require.EqualValues(t, 200, s.pass(0, 0), "the storm is over")
}

// TestAStormAtTheBeginningIsDrainedToo: nothing is known of Temporal yet.
func TestAStormAtTheBeginningIsDrainedToo(t *testing.T) {
	t.Parallel()
	s := newStorm(200)
	s.pass(1000, 20*time.Millisecond)
	s.pass(1000, 20*time.Millisecond)
	require.InDelta(t, 200*yieldFloor, s.pass(1000, 20*time.Millisecond), 5)
}

// TestASlowerEngineIsLearnt: the part that is kept follows what can be started.
func TestASlowerEngineIsLearnt(t *testing.T) {
	t.Parallel()
	s := newStorm(400)
	s.pass(500, time.Millisecond)
	s.capacity = 100
	for range 10 {
		s.pass(150, time.Millisecond)
	}
	s.pass(1000, 20*time.Millisecond)
	require.InDelta(t, 100*yieldFloor, s.pass(1000, 20*time.Millisecond), 5)
}
