package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// Tokens of the flows that run in separate processes.
const (
	crashAsync = "crash-async-token-of-26-characters"
	crashSync  = "crash-sync-token-of-26-characters"
)

// crashFlows wait, and then call the partner: one accepts at once, the other answers when it is done.
func crashFlows(partner string) map[string]string {
	return map[string]string{
		"async.yaml": `key: crash-async
mode: async
trigger: { type: webhook, token: ` + crashAsync + ` }
nodes:
  - { key: pause, type: delay, config: { duration: '{{ trigger.body.pause }}' } }
  - key: effect
    type: http-request
    timeout: 3s
    retry: { maxAttempts: 20, initialInterval: 100ms, maxInterval: 1s, on: [connect, timeout] }
    config: { method: POST, url: '` + partner + `', body: { run: '{{ system.runId }}', block: '{{ trigger.body.block }}' } }
  - { key: done, type: output, config: { value: '{{ nodes.effect.body.first }}' } }
`,
		"sync.yaml": `key: crash-sync
mode: sync
trigger: { type: webhook, token: ` + crashSync + ` }
nodes:
  - key: effect
    type: http-request
    timeout: 3s
    retry: { maxAttempts: 20, initialInterval: 100ms, maxInterval: 1s, on: [connect, timeout] }
    config: { method: POST, url: '` + partner + `', body: { run: '{{ system.runId }}', block: false } }
  - { key: answer, type: response, config: { body: { run: '{{ system.runId }}' } } }
`,
	}
}

// ledger is a partner that performs each Idempotency-Key once, and never answers the first request of some runs.
type ledger struct {
	*partner
	mutex   sync.Mutex
	blocked int
	// keys are the received keys, by run.
	keys map[string]map[string]bool
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{keys: map[string]map[string]bool{}}
	l.partner = newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Run   string `json:"run"`
			Block bool   `json:"block"`
		}
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if first := l.note(body.Run, r.Header.Get("Idempotency-Key"), body.Block); first && body.Block {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"first":true}`))
	})
	return l
}

// note records a key, and reports whether it is new.
func (l *ledger) note(run, key string, block bool) (first bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.keys[run] == nil {
		l.keys[run] = map[string]bool{}
	}
	first = !l.keys[run][key]
	l.keys[run][key] = true
	if first && block {
		l.blocked++
	}
	return first
}

// waiting counts the unanswered requests.
func (l *ledger) waiting() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.blocked
}

// effects counts the effects of a run.
func (l *ledger) effects(run everhook.RunID) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.keys[string(run)])
}

// acknowledged are the deliveries that got a 2xx, by the flow's key.
type acknowledged struct {
	mutex sync.Mutex
	runs  map[string][]everhook.RunID
}

// send sends a delivery, and records it if it is acknowledged. A call that is cut off does not count.
func (a *acknowledged) send(ctx context.Context, p *process, key, token, body string,
	changes ...change) bool {
	got, err := call(ctx, http.MethodPost, p.url(token), []byte(body), changes...)
	if err != nil || got.status/100 != 2 {
		return false
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.runs[key] = append(a.runs[key], got.run)
	return true
}

func (a *acknowledged) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	count := 0
	for _, runs := range a.runs {
		count += len(runs)
	}
	return count
}

func TestWhatWasAcknowledgedSurvivesKilledProcesses(t *testing.T) {
	t.Parallel()
	partner := newLedger(t)
	flows, data := writeFlows(t, crashFlows(partner.URL)), t.TempDir()
	acks := &acknowledged{runs: map[string][]everhook.RunID{}}
	for _, round := range []struct {
		name, body string
		// until reports when to kill the process.
		until func() bool
	}{
		{"while runs wait", `{"pause":"3s","block":false}`, func() bool { return acks.count() >= 15 }},
		{"while requests are under way", `{"pause":"0s","block":true}`, func() bool { return partner.waiting() >= 5 }},
		{"in the middle of everything", `{"pause":"0s","block":false}`, func() bool { return acks.count() >= 150 }},
	} {
		p := spawn(t, flows, data)
		ctx, stop := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil && !p.hasExited() {
					acks.send(ctx, p, "crash-async", crashAsync, round.body)
					acks.send(ctx, p, "crash-sync", crashSync, `{}`)
				}
			})
		}
		require.Eventually(t, round.until, patience, time.Millisecond, round.name)
		p.kill()
		stop()
		callers.Wait()
	}

	last := start(t, config{dir: data})
	t.Logf("%d deliveries were acknowledged", acks.count())
	for key, runs := range acks.runs {
		f := flow{product: last, key: key}
		for _, run := range runs {
			require.Equal(t, everhook.Resolved, f.ended(t, run).Status, "%s/%s", key, run)
			require.Equal(t, 1, partner.effects(run), "one key for all attempts of a step")
		}
	}
	last.ranOnce(t)
	require.NoError(t, last.replayAll(t.Context()))
}

// ranOnce checks that no run has two executions.
func (p *product) ranOnce(t *testing.T) {
	t.Helper()
	ids, err := p.executions(t.Context())
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, id := range ids {
		require.False(t, seen[id], "%s was run twice", id)
		seen[id] = true
	}
}

func TestADataDirectoryBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := spawn(t, writeFlows(t, crashFlows("http://127.0.0.1:1")), data)
	_, err := launch(t.Context(), config{dir: data})
	require.ErrorContains(t, err, fmt.Sprintf("is in use by process %d", p.cmd.Process.Pid))
	acks := &acknowledged{runs: map[string][]everhook.RunID{}}
	require.True(t, acks.send(t.Context(), p, "crash-async", crashAsync, `{"pause":"1h","block":false}`),
		"the first goes on undisturbed")
}

func TestAProcessThatIsToldToStopLetsItsCallersGo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	gate := newGate(t)
	p := spawn(t, writeFlows(t, map[string]string{
		"held.yaml": "key: held\nmode: sync\ntrigger: { type: webhook, token: " + crashSync + " }\nnodes: [" +
			longWait + "]\n",
		"asks.yaml": "key: asks\nmode: async\ntrigger: { type: webhook, token: " + crashAsync +
			" }\nnodes: [{ key: ask, type: http-request, timeout: 1m, config: { method: POST, url: '" + gate.URL +
			"', body: 1 } }]\n",
	}), data)
	asking, err := call(t.Context(), http.MethodPost, p.url(crashAsync), nil)
	require.NoError(t, err)
	gate.reached(t, 1)
	type held struct {
		reply
		err error
	}
	caller := make(chan held, 1)
	go func() {
		got, err := call(t.Context(), http.MethodPost, p.url(crashSync), nil)
		caller <- held{got, err}
	}()
	require.Eventually(t, func() bool { return p.pending(t, "held") }, patience, 20*time.Millisecond)
	began := time.Now()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	got := <-caller
	require.NoError(t, got.err)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	<-p.exited
	require.Less(t, time.Since(began), 10*time.Second)
	require.Equal(t, 0, p.cmd.ProcessState.ExitCode(), "%s", p.out)
	require.NotContains(t, p.out.String(), "level=ERROR")

	again := start(t, config{dir: data})
	f := flow{product: again, key: "held"}
	f.running(t, got.run, "long")
	replay(t, f, got.run)

	// The request that was cut off is repeated.
	gate.open()
	asks := flow{product: again, key: "asks"}
	require.Equal(t, everhook.Resolved, asks.ended(t, asking.run).Status)
	replay(t, asks, asking.run)
}
