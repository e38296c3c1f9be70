package integration

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowgen"
)

const (
	killedLoopToken = "killed-loop-token-of-26-characters"
	killedLoopSum   = 7_199_940_000
)

// killedLoopFlows returns two flows with effects. One waits for a call, runs a loop above the budget of one execution,
// and calls the other.
func killedLoopFlows(partner string) map[string]string {
	effect := func(key, body string) string {
		return `{ key: ` + key +
			`, type: http-request, timeout: 4s, retry: { maxAttempts: 20, initialInterval: 100ms, backoff: 1, on: ` +
			`[connect, timeout] }, config: { method: POST, url: '` + partner + `/200/a', body: ` + body + ` } }`
	}
	return map[string]string{
		"called.yaml": `key: killed-called
mode: async
trigger: { type: call }
nodes:
  - { key: pause, type: delay, config: { duration: 300ms } }
  - ` + effect("tell", "{ at: called, sum: '{{ trigger.input }}' }") + `
  - { key: out, type: output, config: { value: '{{ trigger.input + 1 }}' } }
`,
		"loop.yaml": `key: killed-loop
mode: async
trigger: { type: webhook, token: ` + killedLoopToken + `, response: { body: '{{ resumeUrl("go") }}' } }
nodes:
  - ` + effect("before", "{ at: before }") + `
  - { key: go, type: wait-for-call }
  - { key: sum, type: variable, config: { value: '{{ nodes.go.body.start }}' } }
  - key: each
    type: loop
    config: { over: 120000 }
    branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } } ] }
  - { key: sub, type: subflow, config: { flow: killed-called, input: '{{ nodes.sum }}' } }
  - ` + effect("after", "{ at: after, sum: '{{ nodes.sub }}' }") + `
  - { key: out, type: output, config: { value: '{{ [nodes.sum, nodes.sub] }}' } }
`,
	}
}

// told returns the bodies that a partner received, one for each Idempotency-Key.
func (p *partner) told() []string {
	seen, bodies := map[string]bool{}, []string(nil)
	for _, call := range p.received() {
		if key := call.header.Get("Idempotency-Key"); !seen[key] {
			seen[key] = true
			bodies = append(bodies, call.body)
		}
	}
	slices.Sort(bodies)
	return bodies
}

// TestALongLoopEndsTheSameWhereverTheProcessIsKilled kills a process while its run waits for a call, and twice at
// random points of a handed-over loop or after it. Outcome, steps and the requests to the partner must be those of an
// undisturbed run.
func TestALongLoopEndsTheSameWhereverTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	calm, disturbed := randomPartner(t), randomPartner(t)
	for _, file := range killedLoopFlows(calm.URL) {
		shared.apply(t, file)
	}
	undisturbed := flow{product: shared, key: "killed-loop", url: shared.HookURL(killedLoopToken)}
	started := undisturbed.post(t, "{}")
	require.Equal(t, http.StatusOK, callBack(t, started.body, `{"start":0}`).status)

	dir, data := writeFlows(t, killedLoopFlows(disturbed.URL)), t.TempDir()
	p := spawn(t, dir, data)
	interrupted, err := call(t.Context(), http.MethodPost, p.url(killedLoopToken), nil)
	require.NoError(t, err)
	path, found := strings.CutPrefix(interrupted.body, p.base)
	require.True(t, found, interrupted.body)
	p.kill()
	p = spawn(t, dir, data)
	require.Eventually(t, func() bool {
		reply, err := call(t.Context(), http.MethodPost, p.base+path, []byte(`{"start":0}`))
		return err == nil && reply.status == http.StatusOK
	}, patience, 50*time.Millisecond, "a caller who is told to come again does")
	for kill := range 2 {
		if kill > 0 {
			p = spawn(t, dir, data)
		}
		after := rand.N(2 * time.Second)
		t.Logf("killed after %s", after)
		time.Sleep(after) // where the process stands then is what the test is about
		p.kill()
	}
	last := flow{product: start(t, config{dir: data}), key: "killed-loop"}
	got := last.ended(t, interrupted.run)
	require.Equal(t, everhook.Of([]any{killedLoopSum, killedLoopSum + 1}), got.Output)
	require.Equal(t, flowgen.CanonicalOutcome(undisturbed.ended(t, started.run)), flowgen.CanonicalOutcome(got))
	require.Equal(t, calm.told(), disturbed.told())
	require.Len(t, calm.told(), 3)
	require.GreaterOrEqual(t, len(last.loopExecutions(t, interrupted.run)), 2, "the loop was handed over")
	whole, shown := undisturbed.show(t, started.run), last.show(t, interrupted.run)
	require.Equal(t, whole.Total, shown.Total)
	require.Equal(t, outsideLoops(whole.Steps), outsideLoops(shown.Steps))
	require.NoError(t, last.product.replayAll(t.Context()))
}

// outsideLoops returns the steps outside of loops.
func outsideLoops(steps []everhook.Step) []flowgen.Step {
	return slices.DeleteFunc(flowgen.CanonicalSteps(steps),
		func(step flowgen.Step) bool { return step.Iteration != "" })
}
