package runs

import (
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

// Lag measures how long workflow tasks wait for the workers of this process: by how much Temporal and the workers are
// behind with runs that were started already. Those are work that a start adds later, so starts alone do not show it.
type Lag struct {
	mutex sync.Mutex
	clock func() time.Time
	// current are the tasks of the period that began at since, last are those of the period before.
	since         time.Time
	current, last struct {
		sum   time.Duration
		tasks int
	}
}

// lagPeriod is how long a task counts at least; it counts twice as long at most.
const lagPeriod = 500 * time.Millisecond

// NewLag makes one.
func NewLag() *Lag { return &Lag{clock: time.Now} }

// Recent is the average wait of recent tasks; 0 if there were none.
func (l *Lag) Recent() time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.turn()
	tasks := l.current.tasks + l.last.tasks
	if tasks == 0 {
		return 0
	}
	return (l.current.sum + l.last.sum) / time.Duration(tasks)
}

func (l *Lag) add(wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.turn()
	l.current.sum += wait
	l.current.tasks++
}

func (l *Lag) turn() {
	now := l.clock()
	passed := now.Sub(l.since)
	if passed < lagPeriod {
		return
	}
	l.last = l.current
	l.current.sum, l.current.tasks = 0, 0
	if passed >= 2*lagPeriod {
		l.last = l.current
	}
	l.since = now
}

// Metrics makes a handler that also measures.
func (l *Lag) Metrics(next client.MetricsHandler) client.MetricsHandler { return lagMetrics{next, l} }

type lagMetrics struct {
	client.MetricsHandler
	lag *Lag
}

// waitTimer is the metric of the SDK for the time that a workflow task waits for a worker.
const waitTimer = "temporal_workflow_task_schedule_to_start_latency"

func (m lagMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	return lagMetrics{m.MetricsHandler.WithTags(tags), m.lag}
}

func (m lagMetrics) Timer(name string) client.MetricsTimer {
	timer := m.MetricsHandler.Timer(name)
	if name != waitTimer {
		return timer
	}
	return lagTimer{timer, m.lag}
}

type lagTimer struct {
	client.MetricsTimer
	lag *Lag
}

func (t lagTimer) Record(wait time.Duration) {
	t.lag.add(wait)
	t.MetricsTimer.Record(wait)
}
