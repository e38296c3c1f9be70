package flowtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowtest"
)

const filtered = `key: tested
mode: sync
trigger:
  type: webhook
  when: 'headers["x-event"] == "paid" && body.amount > 3 && query.test == nil'
  skipped: { status: 202, headers: { X-Why: '{{ env.WHY }}' }, body: { skipped: '{{ trigger.body.id }}' } }
  request: { body: [id] }
nodes:
  - { key: out, type: output, config: { value: '{{ trigger.body }}' } }
onFailure:
  - { key: told, type: output, config: { value: '{{ failure.node }}' } }
`

func TestATestSaysThatADeliveryIsSkipped(t *testing.T) {
	t.Parallel()
	tests := `env: { WHY: not paid }
tests:
  - name: skipped
    request: { headers: { X-Event: open }, body: { id: 7, amount: 5 } }
    want: { skipped: true, answer: { status: 202, headers: { X-Why: not paid, Everhook-Skipped: 'true' }, body: { skipped: 7 } } }
  - name: the whole delivery decides, not only what the run keeps
    request: { headers: { X-Event: paid }, query: { test: 1 }, body: { id: 7, amount: 5 } }
    want: { skipped: true }
  - name: taken
    request: { headers: { X-Event: paid }, body: { id: 7, amount: 5 } }
    want: { skipped: false, status: resolved, answer: { status: 200, body: { id: 7 } } }
  - name: what cannot be judged starts a run that ends in error
    request: { headers: { X-Event: paid }, body: { id: 7, amount: much } }
    want:
      skipped: false
      status: error
      answer: { status: 500 }
      error: { node: trigger, type: expression, message: body.amount }
      output: trigger
`
	for _, result := range run(t, filtered, tests) {
		require.Empty(t, told(result), result.Name)
		require.Equal(t, result.Name != "skipped" && result.Name[:3] != "the", len(result.Steps) > 0, result.Name)
	}
}

func TestWhatATestSaysWronglyOfASkippedDelivery(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string][]string{
		"request: { body: {} }\nwant: { skipped: false, steps: [out], status: resolved }": {
			"/skipped: there is no run: the trigger's `when` is false",
			"/status: the trigger's `when` is false, so there is no run and no status",
			"/steps: the trigger's `when` is false, so there is no run and no steps",
		},
		"request: { headers: { X-Event: paid }, body: { amount: 4 } }\nwant: { skipped: true }": {
			"/skipped: the delivery started a run",
		},
		"request: { headers: { Content-Type: text/csv }, body: x }\nwant: { skipped: true, status: resolved }": {
			"/skipped: there is no run: the call was refused",
			"/status: the call was refused, so there is no run and no status",
		},
	} {
		require.Equal(t, want, told(one(t, filtered, fields)), fields)
	}
}

func TestASkippedDeliveryIsWrittenIntoATest(t *testing.T) {
	t.Parallel()
	s := suite(t, filtered, "tests:\n  - name: it\n    request: { body: {} }\n    want: {}\n")
	results, err := s.Run(t.Context(), flowtest.Options{})
	require.NoError(t, err)
	text, changed, err := s.Update(results)
	require.NoError(t, err)
	require.Equal(t, 1, changed)
	require.Contains(t, string(text), "skipped: true")
	for _, result := range run(t, filtered, string(text)) {
		require.Empty(t, told(result))
	}
}

func TestACallThatIsSkippedStartsNoRun(t *testing.T) {
	t.Parallel()
	flow := `key: tested
mode: async
trigger: { type: call, when: 'input.n > 3' }
nodes: [ { key: out, type: output, config: { value: '{{ trigger.input.n }}' } } ]
`
	for fields, want := range map[string][]string{
		"trigger: { input: { n: 3 } }\nwant: { skipped: true }":                           nil,
		"trigger: { input: { n: 4 } }\nwant: { skipped: false, output: 4 }":               nil,
		"trigger: { input: { n: x } }\nwant: { status: error, error: { node: trigger } }": nil,
		"trigger: { input: { n: 3 } }\nwant: { output: 3 }": {
			"/output: the trigger's `when` is false, so there is no run and no output"},
	} {
		require.Equal(t, want, told(one(t, flow, fields)), fields)
	}
}

func TestATestSaysWhenACallComes(t *testing.T) {
	t.Parallel()
	flow := async + `
  - key: first
    type: parallel
    config: { mode: race }
    branches:
      called:
        - { key: done, type: wait-for-call, config: { deadline: 3d } }
      reminders:
        - key: again
          type: loop
          config: { over: 10 }
          branches:
            do:
              - { key: pause, type: delay, config: { duration: 1d } }
              - { key: mail, type: http-request, timeout: 5s, config: { url: 'https://mail.example/', query: { link: '{{ resumeUrl("done") }}' } } }
        - { key: rest, type: delay, config: { duration: 1000d } }
  - { key: out, type: output, config: { value: '{{ nodes.done.receivedAt }}' } }
`
	for after, want := range map[string]string{
		"20m": "want: { output: '2026-01-01T00:20:00Z', calls: { mail: [] } }",
		"49h": "want: { output: '2026-01-03T01:00:00Z', calls: { mail: [ {}, {} ] } }",
		"73h": "want: { status: failed, error: { type: deadline, node: done } }",
	} {
		result := one(t, flow, "nodes: { mail: { result: {} }, done: { call: { body: 1 }, after: "+after+" } }\n"+want)
		require.Empty(t, told(result), after)
	}
}
