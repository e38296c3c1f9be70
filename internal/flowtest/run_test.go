package flowtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

const (
	sync  = "key: tested\nmode: sync\ntrigger: { type: webhook }\nnodes:\n"
	async = "key: tested\nmode: async\ntrigger: { type: webhook }\nnodes:\n"
	// charging is a flow that returns the answer of another system.
	charging = sync + `
  - key: charge
    type: http-request
    timeout: 5s
    onError: continue
    config:
      method: POST
      url: 'https://pay.example/charges?via=test'
      headers: { Authorization: 'Bearer {{ secret.PAY }}', X-Order: '{{ trigger.body.id }}' }
      query: { amount: 5 }
      body: { order: '{{ trigger.body.id }}' }
  - { key: answer, type: response, config: { body: { result: '{{ nodes.charge }}', error: '{{ errors.charge }}' } } }
`
)

// suite makes a suite that must have no problem.
func suite(t *testing.T, flow, tests string) *flowtest.Suite {
	t.Helper()
	compiled, problems := flowfile.Load("tested.yaml", []byte(flow), registry())
	require.NoError(t, problems.Err())
	s, problems := flowtest.New("tested.test.yaml", []byte(tests), compiled, registry())
	require.NoError(t, problems.Err())
	return s
}

func run(t *testing.T, flow, tests string) []flowtest.Result {
	t.Helper()
	results, err := suite(t, flow, tests).Run(t.Context(), flowtest.Options{})
	require.NoError(t, err)
	return results
}

// told returns the failures of a result, as "field: message".
func told(result flowtest.Result) []string {
	var lines []string
	for _, failure := range result.Failures {
		lines = append(lines, strings.TrimPrefix(failure.Field+": "+failure.Message, ": "))
	}
	return lines
}

// one runs a file whose only test has the given fields.
func one(t *testing.T, flow, fields string) flowtest.Result {
	t.Helper()
	results := run(t, flow, "tests:\n  - name: it\n"+indented(fields))
	require.Len(t, results, 1)
	return results[0]
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

func TestATestThatSaysWhatHappensPasses(t *testing.T) {
	t.Parallel()
	loop := async + `
  - key: all
    type: loop
    config: { over: trigger.body, collect: nodes.ask.body }
    branches:
      do:
        - { key: ask, type: http-request, timeout: 5s, config: { url: 'https://a.example/{{ loop.item }}' } }
  - { key: out, type: output, config: { value: '{{ nodes.all.items }}' } }
`
	for name, c := range map[string]struct{ flow, fields string }{
		"a result is that of the node": {charging, `
request: { body: { id: 7 } }
nodes: { charge: { result: { headers: { X-Id: a }, body: { ok: true } } } }
want:
  answer: { body: { error: null, result: { status: 200, headers: { x-id: a }, body: { ok: true } } } }
  steps: [charge, answer]`},
		"a failure is that of another system": {charging, `
request: { body: { id: 7 } }
nodes: { charge: { failed: { status: 402, headers: { X-Why: limit }, body: { code: declined } } } }
want:
  answer:
    body:
      result: null
      error:
        status: failed
        type: http-status
        message: POST https://pay.example/charges answered 402 Payment Required
        attempts: 1
        response: { status: 402, headers: { x-why: limit }, body: { code: declined } }`},
		"an error is a connection's": {charging, `
nodes: { charge: { error: connection refused } }
want: { answer: { body: { result: null, error: { status: error, type: connection, message: connection refused, attempts: 1, response: null } } } }`},
		"calls show what would be sent, with secrets by name": {charging, `
request: { body: { id: 7 } }
nodes: { charge: { result: null } }
want:
  calls:
    charge:
      - method: POST
        url: 'https://pay.example/charges?via=test'
        headers: { authorization: 'Bearer {{ secret.PAY }}', X-Order: '7' }
        query: { amount: '5' }
        body: { order: 7 }
        contentType: null`},
		"outcomes are for one execution each, and the last repeats": {loop, `
request: { body: [1, 2, 3] }
nodes: { ask: [{ result: { body: a } }, { result: { body: b } }] }
want:
  output: [a, b, b]
  steps: [all, 'ask[0]', 'ask[all[1]]', ask, out]
  calls: { ask: [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }, {}] }`},
		"with only: body the result is the body": {
			sync + `  - { key: ask, type: http-request, timeout: 5s, config: { url: 'https://a.example', only: body } }
  - { key: answer, type: response, config: { body: '{{ nodes.ask.id }}' } }`,
			`nodes: { ask: { result: { id: 7 } } }
want: { answer: { body: 7 } }`,
		},
		"a status may be a success that the node expects": {
			sync + `  - { key: ask, type: http-request, timeout: 5s, config: { url: 'https://a.example', expect: [404] } }
  - { key: answer, type: response, config: { body: '{{ nodes.ask.status }}' } }`,
			`nodes: { ask: { result: { body: null } } }
want: { answer: { body: 404 } }`,
		},
		"ten years are nothing": {async + `  - { key: nap, type: delay, config: { duration: 520w } }`, `
want: { status: resolved, steps: [nap] }`},
		"the clock begins where the test says": {async +
			`  - { key: out, type: output, config: { value: ['{{ system.now }}', '{{ trigger.receivedAt }}', '{{ system.runId }}'] } }`, `
now: 2026-02-28T23:00:00+01:00
want: { output: ['2026-02-28T22:00:00Z', '2026-02-28T22:00:00Z', contracttestcontracttestab] }`},
		"a caller who waits too long gets a 202": {sync + `  - { key: nap, type: delay, config: { duration: 31s } }
  - { key: answer, type: response, config: { status: 201 } }`, `
want: { answer: { status: 202, headers: { Retry-After: '5' }, body: { runId: contracttestcontracttestab, status: pending, location: '/api/webhook:trigger/contract-test' } } }`},
		"a caller waits as long as the flow says": {"options: { wait: 1m }\n" + sync +
			`  - { key: nap, type: delay, config: { duration: 31s } }
  - { key: answer, type: response, config: { status: 201 } }`, `
want: { answer: { status: 201 } }`},
		"settings are those of the test": {sync +
			`  - { key: answer, type: response, config: { body: '{{ env.CURRENCY }} {{ env.OTHER ?? "none" }}' } }`, `
env: { CURRENCY: CHF }
want: { answer: { body: CHF none } }`},
		"the request is kept as the receiver keeps it": {strings.Replace(sync, "{ type: webhook }",
			"{ type: webhook, request: { headers: [x-id, user-agent], query: ['a[0].b'], body: [id] } }", 1) +
			`  - { key: answer, type: response, config: { body: ['{{ trigger.headers }}', '{{ trigger.query }}', '{{ trigger.body }}'] } }`, `
request:
  headers: { X-ID: a, X-Other: b }
  query: { a: [{ b: 1, c: 2 }], d: 3 }
  body: { id: 7, name: x }
want: { answer: { body: [{ x-id: a }, { a: [{ b: '1' }] }, { id: 7 }] } }`},
		"a query may be text": {sync + `  - { key: answer, type: response, config: { body: '{{ trigger.query }}' } }`, `
request: { query: 'a[]=1&a[]=x%20y' }
want: { answer: { body: { a: ['1', x y] } } }`},
		"credentials are not asked for": {strings.Replace(sync, "{ type: webhook }",
			"{ type: webhook, auth: { basic: { username: a, password: { secret: NOT_SET } } } }", 1) +
			`  - { key: answer, type: response }`, `
want: { answer: { status: 200, body: null } }`},
		"a call may be refused": {sync, `
request: { headers: { Content-Type: text/csv }, body: 'a;b' }
want: { answer: { status: 415, headers: { content-type: application/problem+json } } }`},
		"an async flow answers as its trigger says": {strings.Replace(async, "{ type: webhook }",
			"{ type: webhook, response: { status: 202, body: { id: '{{ trigger.body.id }}', run: '{{ system.runId }}', x: '{{ env.X }}' } } }", 1), `
env: { X: y }
request: { body: { id: 7 } }
want: { answer: { status: 202, body: { id: 7, run: contracttestcontracttestab, x: y } }, status: resolved, steps: [] }`},
		"a failed run gives its caller a problem": {sync +
			`  - { key: no, type: condition, config: { expression: 'false', rejectOnFalse: true } }`, `
want:
  answer: { status: 500 }
  status: failed
  error: { node: no, type: condition, message: '' }`},
		"an error may be a part of its message": {async +
			`  - { key: no, type: end, config: { status: rejected, message: not today } }`, `
want: { status: rejected, error: today }`},
		"a kind of somebody else has outcomes too": {sync +
			`  - { key: tell, type: mail, config: { to: ada, password: '{{ secret.MAIL }}' } }
  - { key: answer, type: response, config: { body: '{{ nodes.tell }}' } }`, `
nodes: { tell: { result: { id: m1 } } }
want:
  answer: { body: m1 }
  calls: { tell: [{ from: us, to: [ada], password: '{{ secret.MAIL }}', tags: { run: contracttestcontracttestab }, Plain: 0, left: null, at: '1970-01-01T00:00:00Z', hidden: null }] }`},
		"a flow with another trigger is started with its data": {strings.Replace(async, "webhook", "clock", 1) +
			`  - { key: out, type: output, config: { value: '{{ trigger.at }}' } }`, `
trigger: { at: noon }
want: { output: noon }`},
		"a sync flow with another trigger has an answer too": {strings.Replace(sync, "webhook", "clock", 1) +
			`  - { key: out, type: output, config: { value: '{{ trigger.at }}' } }`, `
trigger: { at: noon }
want: { answer: { status: 200, body: noon } }`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := one(t, c.flow, c.fields)
			if name == "a caller who waits too long gets a 202" {
				// The address of the answer is tested in the receiver.
				require.Equal(t, []string{"/answer/body: the answer has another body"}, told(result))
				require.Contains(t, result.Failures[0].Diff(),
					`"location": "/api/webhook:answer/contract-test/contracttestcontracttestab"`)
				return
			}
			require.Empty(t, told(result))
			require.True(t, result.Passed)
		})
	}
}

func TestADifferenceFailsTheTestAndSaysWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flow, fields string
		want         []string
	}{
		"everything of an answer": {charging, `
nodes: { charge: { result: null } }
want: { answer: { status: 201, headers: { X-A: b, Content-Type: text/plain }, body: { x: 1 } } }`,
			[]string{
				"/answer/status: the answer has another status",
				"/answer/headers/Content-Type: the answer has another header Content-Type",
				"/answer/headers/X-A: the answer lacks the header X-A",
				"/answer/body: the answer has another body",
			}},
		"an answer that nobody waits for": {strings.Replace(async, "webhook", "clock", 1),
			`want: { answer: { status: 200 } }`,
			[]string{"this flow has no caller that waits for an answer; remove `want.answer`"}},
		"a run that fails": {async +
			`  - { key: no, type: condition, config: { expression: 'false', rejectOnFalse: true } }`, `
want: { status: resolved, steps: [no, 'no[0]'], output: 1 }`,
			[]string{
				"/status: the run ended otherwise: no: the condition is false",
				"/steps: the run took other steps",
				"/output: the output differs",
			}},
		"an error that is not there": {async, `want: { error: { node: a } }`, []string{"/error: the run resolved"}},
		"an error that is another one": {async +
			`  - { key: no, type: end, config: { status: failed, message: not today } }`, `
want: { error: { node: yes, type: x, message: tomorrow } }`,
			[]string{
				"/error/message: the run ended with another message",
				"/error/node: the run ended at another node",
				"/error/type: the run ended with an error of another type",
			}},
		"a text of an error": {async + `  - { key: no, type: end, config: { status: failed, message: not today } }`, `
want: { error: tomorrow }`, []string{"/error: the run ended with another message"}},
		"how often a node is executed": {charging, `
nodes: { charge: { result: null } }
want: { calls: { charge: [] } }`, []string{"/calls/charge: charge was executed 1 times, not 0"}},
		"what a node would send": {charging, `
request: { body: { id: 7 } }
nodes: { charge: { result: null } }
want: { calls: { charge: [{ method: GET, headers: { X-Order: 8, X-More: a }, query: { amount: 6 }, body: { order: 8 } }] } }`,
			[]string{
				"/calls/charge/0/body: execution 1 of charge would send another body",
				"/calls/charge/0/headers/X-More: execution 1 of charge would send no X-More in its headers",
				"/calls/charge/0/headers/X-Order: execution 1 of charge would send another X-Order in its headers",
				"/calls/charge/0/method: execution 1 of charge would send another method",
				"/calls/charge/0/query/amount: execution 1 of charge would send another amount in its query",
			}},
		"a run that a refused call does not have": {charging, `
request: { headers: { Content-Type: text/csv }, body: 'a;b' }
want: { answer: { status: 200 }, status: resolved, steps: [], output: 1, error: x, calls: {} }`,
			[]string{
				"/answer/status: the answer has another status",
				"/status: the call was refused, so there is no run and no status",
				"/steps: the call was refused, so there is no run and no steps",
				"/output: the call was refused, so there is no run and no output",
				"/error: the call was refused, so there is no run and no error",
				"/calls: the call was refused, so there is no run and no calls",
			}},
		"an effect without an outcome, although the flow catches it": {charging, `want: { answer: { status: 500 } }`,
			[]string{"node charge has effects, and the test has no outcome for it: it would send POST " +
				"https://pay.example/charges; add `nodes: { charge: { result: … } }`"}},
		"an effect of another kind without an outcome": {async + `  - { key: tell, type: mail, config: { to: ada } }`,
			`want: {}`,
			[]string{"node tell has effects, and the test has no outcome for it: it would send the effect of tell; " +
				"add `nodes: { tell: { result: … } }`"}},
		"a result that the effect cannot have": {async + `  - { key: tell, type: mail, config: { to: ada } }`, `
nodes: { tell: { result: 7 } }
want: { status: resolved }`,
			[]string{"/status: the run ended otherwise: tell: payload item 0: unable to decode: json: cannot " +
				"unmarshal number into Go value of type flowtest_test.mailResult"}},
		"a header that no request can have": {async, `request: { headers: { 'X A': b } }`,
			[]string{`the request cannot be made: Post "http://everhook.test/api/webhook:trigger/contract-test": ` +
				`net/http: invalid header field name "X A"`}},
		"a run that waits for ever": {async + `  - { key: wait, type: stuck }`, `want: { status: resolved }`,
			[]string{"the run never ends: it waits for what does not come in a test, at wait"}},
		"a kind with a defect": {async + `  - { key: bad, type: defective }`, `want: {}`,
			[]string{"the run broke off: a defect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := one(t, c.flow, c.fields)
			require.Equal(t, c.want, told(result))
			require.False(t, result.Passed)
		})
	}
}

func TestAResultSaysWhichTestItIsAndWhatRan(t *testing.T) {
	t.Parallel()
	results := run(t, async+"  - { key: nap, type: delay, config: { duration: 3d } }",
		"tests:\n  - name: first\n  - name: second\n")
	require.Len(t, results, 2)
	second := results[1]
	require.Equal(t, "tested.test.yaml", second.File)
	require.Equal(t, "tested", second.Flow)
	require.Equal(t, "second", second.Name)
	require.Equal(t, 3, second.Line)
	require.Equal(t, 72*time.Hour, second.Elapsed.Std())
	require.Less(t, second.Seconds, 60.0)
	require.Len(t, second.Steps, 1)
	require.Equal(t, everhook.Resolved, second.Steps[0].Status)
}

func TestOnlyThePickedTestsRun(t *testing.T) {
	t.Parallel()
	s := suite(t, async, "tests: [{ name: a }, { name: b }]")
	results, err := s.Run(t.Context(), flowtest.Options{Only: func(name string) bool { return name == "b" }})
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Equal(t, "b", results[0].Name)
}

func TestATestThatNeverEndsIsStopped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ flow, want string }{
		"a sync flow": {sync, "the run did not end within 500ms and was stopped at wait, after PT1H of its own clock"},
		"an async one": {async, "the run did not end within 500ms and was stopped at wait, after PT1H of its own " +
			"clock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := suite(t, c.flow+"  - { key: nap, type: delay, config: { duration: 1h } }\n  - { key: wait, type: "+
				"restless }", "tests: [{ name: a, want: { status: resolved } }, { name: b }]")
			results, err := s.Run(t.Context(), flowtest.Options{Limit: 500 * time.Millisecond})
			require.NoError(t, err)
			require.Len(t, results, 2, "the tests after it run")
			require.Equal(t, []string{c.want}, told(results[0]))
			require.Len(t, results[0].Steps, 2)
		})
	}
	t.Run("one that does not even end when it is cancelled", func(t *testing.T) {
		t.Parallel()
		s := suite(t, async+"  - { key: wait, type: deaf }", "tests: [{ name: a }]")
		results, err := s.Run(t.Context(), flowtest.Options{Limit: 50 * time.Millisecond})
		require.NoError(t, err)
		require.Equal(t, []string{"the run did not end within 50ms and was stopped"}, told(results[0]))
	})
}

func TestAnInterruptedSuiteStops(t *testing.T) {
	t.Parallel()
	s := suite(t, sync+"  - { key: wait, type: announced }", "tests: [{ name: a }, { name: b }]")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	results, err := s.Run(ctx, flowtest.Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, results, 1)
	require.Equal(t, []string{"interrupted at wait, after PT0S of its own clock"}, told(results[0]))
}

func TestParallelBranchesTakeTheirStepsInOneOrder(t *testing.T) {
	t.Parallel()
	var branches, nodes, first []string
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		branches = append(branches, "      "+key+": [{ key: "+key+
			"1, type: http-request, timeout: 5s, config: { url: 'https://"+key+".example' } }, { key: "+key+
			"2, type: calculation, config: { expression: '1' } }]")
		nodes = append(nodes, key+"1: { result: null }")
		first = append(first, key+"1")
	}
	flow := async + "  - key: all\n    type: parallel\n    branches:\n" + strings.Join(branches, "\n")
	for range 20 {
		result := one(t, flow, "nodes: { "+strings.Join(nodes, ", ")+" }\nwant: { steps: [all, "+
			strings.Join(first, ", ")+", a2, b2, c2, d2, e2] }")
		require.Empty(t, told(result), diffOf(result))
	}
}

func diffOf(result flowtest.Result) string {
	if len(result.Failures) == 0 {
		return ""
	}
	return result.Failures[0].Diff()
}
