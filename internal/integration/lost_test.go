package integration

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// withCharge returns the standard kinds, and one whose effect must not be repeated.
func withCharge() *kind.Registry {
	r := nodes.Standard()
	kind.Add[charge](r)
	kind.AddEffect(r, effect.New(effect.Spec[string, string]{Name: "test.charge", Once: true,
		Build: func(d activities.Dependencies) effect.Function[string, string] { return chargeBy(d.HTTP) }}))
	return r
}

// charge charges by a system without idempotency keys.
type charge struct {
	// URL is called to charge.
	URL expression.Template[string] `json:"url" required:"true"`
}

func (*charge) Spec() kind.Spec {
	return kind.Spec{Kind: "charge", Group: kind.Effects, Summary: "Charges.", Result: "The receipt.",
		Failures: "Error when it is not known whether it charged.",
		Effect:   &kind.EffectSpec{Timeout: 2 * time.Second, MaxAttempts: 3}}
}

func (*charge) Validate(*kind.Validation) {}

func (c *charge) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	url, err := c.URL.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	var receipt string
	if err := run.Activity(ctx, "test.charge", url, &receipt); err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: receipt}, nil
}

func chargeBy(web *http.Client) effect.Function[string, string] {
	return func(ctx context.Context, url string) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("charge"))
		if err != nil {
			return "", err
		}
		response, err := web.Do(request)
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		receipt, err := io.ReadAll(io.LimitReader(response.Body, 100))
		return string(receipt), err
	}
}

// goesOnWithin bounds the time from a restart to the next attempt of an effect.
const goesOnWithin = 5 * time.Second

// TestLostWorkersUseUpNoAttempts kills the process three times during a request, whose node allows only one more
// attempt. Each time the request is repeated soon after the restart.
func TestLostWorkersUseUpNoAttempts(t *testing.T) {
	t.Parallel()
	const crashes = 3
	var calls atomic.Int32
	partner := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := calls.Add(1); {
		case n <= crashes:
			<-r.Context().Done()
		case n == crashes+1:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	data := t.TempDir()
	flows := writeFlows(t, map[string]string{"lost.yaml": `key: lost-workers
mode: async
trigger: { type: webhook, token: ` + crashAsync + ` }
nodes:
  - { key: ask, type: http-request, timeout: 4s, retry: { maxAttempts: 2, initialInterval: 50ms }, config: { method: POST, url: '` + partner.URL + `', body: 1 } }
`})
	var run everhook.RunID
	for crash := 1; crash <= crashes; crash++ {
		p := spawn(t, flows, data)
		began := time.Now()
		if crash == 1 {
			started, err := call(t.Context(), http.MethodPost, p.url(crashAsync), nil)
			require.NoError(t, err)
			run = started.run
		}
		require.Eventually(t, func() bool { return int(calls.Load()) >= crash }, patience, time.Millisecond)
		t.Logf("the request of crash %d came %v after the start", crash, time.Since(began))
		require.Less(t, time.Since(began), goesOnWithin)
		p.kill()
	}
	last := flow{product: start(t, config{dir: data}), key: "lost-workers"}
	require.Equal(t, everhook.Resolved, last.ended(t, run).Status)
	require.Equal(t, crashes+2, len(partner.received()))
	require.Equal(t, crashes+2, last.show(t, run).Steps[0].Attempts)
	replay(t, last, run)
}

// TestAnEffectThatMustNotBeRepeatedIsNot kills the process in the middle of a charge.
func TestAnEffectThatMustNotBeRepeatedIsNot(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	data := t.TempDir()
	p := spawn(t, writeFlows(t, map[string]string{"charge.yaml": `key: charges
mode: async
trigger: { type: webhook, token: ` + crashAsync + ` }
nodes: [{ key: pay, type: charge, config: { url: '` + gate.URL + `' } }]
`}), data)
	started, err := call(t.Context(), http.MethodPost, p.url(crashAsync), nil)
	require.NoError(t, err)
	gate.reached(t, 1)
	p.kill()
	again := flow{product: start(t, config{dir: data, registry: withCharge()}), key: "charges"}
	outcome := again.ended(t, started.run)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeOutcomeUnknown, outcome.Error.Type)
	require.Contains(t, outcome.Error.Message, "retry the run from this node if it did not")
	require.Len(t, gate.received(), 1)
	require.Equal(t, 1, again.show(t, started.run).Steps[0].Attempts)
}
