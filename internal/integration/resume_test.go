package integration

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/workflows"
)

// resumeURL returns the result of resumeUrl in a run of the flow.
func (f flow) resumeURL(t *testing.T, run everhook.RunID, node, iteration string) string {
	t.Helper()
	base, secret, err := f.product.Catalog().ResumeBase(f.key)
	require.NoError(t, err)
	return everhook.NewResume(base, secret, run).URL(run, node, iteration)
}

// callBack calls a resume URL with a JSON body.
func callBack(t *testing.T, url, body string, changes ...change) reply {
	t.Helper()
	r, err := call(t.Context(), http.MethodPost, url, []byte(body), changes...)
	require.NoError(t, err)
	return r
}

const callbackFlow = `nodes:
  - key: done
    type: wait-for-call
    config:
      request: { headers: [X-Kept], body: [total, nothing] }
      response: { status: 202, headers: { X-Run: '{{ system.runId }}' }, body: { got: '{{ call.body.total }}' } }
  - { key: other, type: wait-for-call, config: { deadline: 10ms, onDeadline: continue } }
  - { key: out, type: output, config: { value: { call: '{{ nodes.done }}', other: '{{ nodes.other }}' } } }
`

func TestACallResumesTheRunThatWaitsForIt(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, "key: callback\nmode: async\ntrigger: { type: webhook, response: { body: '{{ "+
		"resumeUrl(\"done\") }}' } }\n"+callbackFlow)
	started := f.post(t, "{}")
	url := started.body
	require.Equal(t, f.resumeURL(t, started.run, "done", ""), url, "the caller of an async flow can be told the URL")
	f.running(t, started.run, "done")
	require.Eventually(t, func() bool {
		n, err := shared.count(t.Context(), fmt.Sprintf("%s = '%s' AND %s = 'call:done'",
			workflows.AttributeRun.GetName(), started.run, workflows.AttributeWaiting.GetName()))
		return err == nil && n == 1
	}, patience, 50*time.Millisecond, "the run is not found by what it waits for")

	first := callBack(t, url+"&a=1", `{"total":5,"dropped":true}`, header("X-Kept", "yes"),
		header("Authorization", "no"))

	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.Equal(t, started.run, first.run)
	require.Equal(t, string(started.run), first.header.Get("X-Run"))
	require.Equal(t, map[string]any{"got": 5}, first.value(t))
	require.False(t, first.duplicate())
	outcome := f.ended(t, started.run)
	require.Equal(t, everhook.Resolved, outcome.Status)
	output := outcome.Output.V.(map[string]any)
	require.Nil(t, output["other"])
	kept := output["call"].(map[string]any)
	require.NotEmpty(t, kept["receivedAt"])
	delete(kept, "receivedAt")
	require.Equal(t, map[string]any{"headers": map[string]any{"x-kept": "yes"}, "query": map[string]any{"a": "1"},
		"body": map[string]any{"total": 5}}, kept, "the ticket is no part of the call")

	again := callBack(t, url, `{"total":6}`)
	require.Equal(t, first.status, again.status)
	require.Equal(t, first.body, again.body, "a repeat gets the first answer, also when the run has ended")
	require.True(t, again.duplicate())
	callBack(t, f.resumeURL(t, started.run, "other", ""), "{}").problem(t, http.StatusGone, everhook.ProblemRunEnded)
	require.NotContains(t, shared.logs.String(), first.body)
	require.Contains(t, shared.logs.String(), `"node":"done"`)
	replay(t, f, started.run)
	record(t, f, started.run, "callback")
}

func TestEarlyAndConcurrentCallsAreOneCallWithOneAnswer(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-early", `nodes:
  - { key: gate, type: wait-for-call }
  - { key: done, type: wait-for-call, config: { response: { body: '{{ call.body.n }}' } } }
  - { key: out, type: output, config: { value: '{{ nodes.done.body.n }}' } }
`)
	run := f.post(t, "").run
	url := f.resumeURL(t, run, "done", "")
	replies := make([]reply, 8)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = callBack(t, url, fmt.Sprintf(`{"n":%d}`, i)) })
	}
	all.Wait()
	firsts := 0
	for _, r := range replies {
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.Equal(t, replies[0].body, r.body)
		if !r.duplicate() {
			firsts++
		}
	}
	require.LessOrEqual(t, firsts, 1)
	require.Equal(t, http.StatusOK, callBack(t, f.resumeURL(t, run, "gate", ""), "").status)
	outcome := f.ended(t, run)
	require.Equal(t, replies[0].body, fmt.Sprint(outcome.Output.V))
	replay(t, f, run)
}

func TestManyWaitsOfARunAreCalledAtOnce(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-crowd", `nodes:
  - { key: each, type: loop, config: { over: 100, concurrency: 100, collect: nodes.one.body }, branches: { do: [ { key: one, type: wait-for-call } ] } }
  - { key: out, type: output, config: { value: '{{ sum(nodes.each.items) }}' } }
`)
	run := f.post(t, "").run
	f.running(t, run, "one")
	replies := make([]reply, 100)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() {
			url := f.resumeURL(t, run, "one", fmt.Sprintf("each[%d]", i))
			replies[i] = callBack(t, url, strconv.Itoa(i))
			// On a busy machine they are repeated, as partners do. That does not help if the calls delay each other.
			for until := time.Now().Add(patience); replies[i].status == http.StatusServiceUnavailable &&
				time.Now().Before(until); {
				replies[i] = callBack(t, url, strconv.Itoa(i))
			}
		})
	}
	all.Wait()
	for _, r := range replies {
		require.Equal(t, http.StatusOK, r.status, r.body)
	}
	require.Equal(t, 99*100/2, f.ended(t, run).Output.V)
	replay(t, f, run)
}

func TestWhoIsTooLateIsTold(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-late", `nodes:
  - { key: done, type: wait-for-call, config: { deadline: 10ms, onDeadline: continue } }
  - { key: gate, type: wait-for-call }
  - { key: strict, type: wait-for-call, config: { deadline: 10ms } }
`)
	run := f.post(t, "").run
	f.running(t, run, "gate")
	for range 2 {
		late := callBack(t, f.resumeURL(t, run, "done", ""), "{}")
		late.problem(t, http.StatusGone, everhook.ProblemWaitOver)
		require.Equal(t, run, late.run)
	}
	require.Equal(t, http.StatusOK, callBack(t, f.resumeURL(t, run, "gate", ""), "").status)
	outcome := f.ended(t, run)
	require.Equal(t, everhook.Failed, outcome.Status)
	require.Equal(t, everhook.TypeDeadline, outcome.Error.Type)
	require.Equal(t, "strict", outcome.Error.Node)
	callBack(t, f.resumeURL(t, run, "strict", ""), "{}").problem(t, http.StatusGone, everhook.ProblemRunEnded)
	replay(t, f, run)
}

func TestWhoDoesNotKnowTheURLFindsNothing(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-forged", "nodes: [ { key: done, type: wait-for-call }, { key: other, type: "+
		"wait-for-call } ]")
	run := f.post(t, "").run
	url, other := f.resumeURL(t, run, "done", ""), f.resumeURL(t, run, "other", "")
	path, ticket, _ := strings.Cut(url, "?")
	_, foreign, _ := strings.Cut(other, "?")
	require.NotContains(t, url, f.token)
	unknown := callBack(t, strings.Replace(url, "/api/webhook:resume/", "/api/webhook:resume/unknown", 1), "{}")
	for name, forged := range map[string]string{
		"no ticket": path, "another ticket": path + "?ticket=" + strings.Repeat("a", 26), "that of another node": path +
			"?" + foreign,
		"another iteration": url + "&iteration=x%5B0%5D", "no run": strings.Replace(url, string(run), "abc", 1),
		"another run":  strings.Replace(url, string(run), string(everhook.NewRunID()), 1),
		"another node": strings.Replace(url, "/done?", "/nodes?", 1), "no node": path[:len(path)-len("/done")] + "?" +
			ticket, "more path": path + "/more?" + ticket,
	} {
		got := callBack(t, forged, "{}")
		got.problem(t, http.StatusNotFound, everhook.ProblemNotFound)
		require.Empty(t, got.run, name)
		require.Equal(t, unknown.body, got.body, "%s: nobody learns what is wrong", name)
	}
	require.Equal(t, http.StatusMethodNotAllowed, get(t, url).status)
	require.Equal(t, http.StatusOK, callBack(t, url, "{}").status)
	require.Equal(t, http.StatusOK, callBack(t, other, "{}").status)
	require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
}

func TestANodeChecksItsCallersAsATriggerDoes(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-signed", `nodes:
  - key: done
    type: wait-for-call
    config:
      maxBody: 3MiB
      auth: { bearer: { tokens: tok-of-the-partner } }
      signature: { preset: github, secrets: sig-of-the-partner }
      schema: { type: object, required: [ok] }
`)
	run := f.post(t, "").run
	url := f.resumeURL(t, run, "done", "")
	signed := func(body string) []change {
		preset, _ := signature.Find("github")
		signed, err := preset.Sign(signature.Delivery{ID: "1", SentAt: time.Now(), Body: []byte(body)},
			"sig-of-the-partner")
		require.NoError(t, err)
		changes := []change{header("Authorization", "Bearer tok-of-the-partner")}
		for name, value := range signed.Headers {
			changes = append(changes, header(name, value))
		}
		return changes
	}
	refused := callBack(t, url, `{"ok":true}`)
	refused.problem(t, http.StatusUnauthorized, everhook.ProblemUnauthorized)
	require.Equal(t, run, refused.run)
	callBack(t, url, `{"ok":true}`, signed("other")...).problem(t, http.StatusUnauthorized,
		everhook.ProblemUnauthorized)
	callBack(t, url, `{}`, signed(`{}`)...).problem(t, http.StatusUnprocessableEntity, everhook.ProblemInvalidBody)
	large := `{"ok":"` + noise(2_900_000) + `"}`
	require.Equal(t, http.StatusOK, callBack(t, url, large, signed(large)...).status,
		"it is kept outside of the history")
	require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	replay(t, f, run)
}

// noise returns text that does not compress well.
func noise(length int) string {
	bytes := make([]byte, length)
	rand.Read(bytes)
	return base64.StdEncoding.EncodeToString(bytes)[:length]
}

func TestLoopsAndBranchesWaitForCallsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "callback-many", `nodes:
  - key: each
    type: loop
    config: { over: 2, collect: nodes.one.body }
    branches: { do: [ { key: one, type: wait-for-call } ] }
  - key: both
    type: parallel
    branches:
      left: [ { key: l, type: wait-for-call } ]
      right: [ { key: r, type: wait-for-call } ]
  - { key: out, type: output, config: { value: [ '{{ nodes.each.items }}', '{{ nodes.l.body }}', '{{ nodes.r.body }}' ] } }
`)
	run := f.post(t, "").run
	f.running(t, run, "one")
	for _, wait := range []struct{ node, iteration, body string }{{"one", "each[1]", "1"}, {"one", "each[0]", "0"},
		{"r", "", `"right"`}, {"l", "", `"left"`}} {
		require.Equal(t, http.StatusOK, callBack(t, f.resumeURL(t, run, wait.node, wait.iteration), wait.body).status)
	}
	require.Equal(t, []any{[]any{0, 1}, "left", "right"}, f.ended(t, run).Output.V)
	replay(t, f, run)
}

func TestARunIsCalledBackInItsOwnVersionThoughTheFlowIsDisabled(t *testing.T) {
	t.Parallel()
	version := func(answer string) string {
		return "nodes: [ { key: done, type: wait-for-call, config: { response: { body: " + answer +
			" } } }, { key: out, type: output, config: { value: " + answer + " } } ]"
	}
	f := shared.async(t, "callback-version", version("first"))
	run := f.post(t, "").run
	second := shared.async(t, "callback-version", "nodes: [ { key: other, type: calculation, config: { expression: "+
		"'1' } } ]")
	require.Greater(t, second.version, f.version)
	require.NoError(t, shared.Catalog().Disable(t.Context(), f.key))
	got := callBack(t, f.resumeURL(t, run, "done", ""), "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "first", got.body)
	require.Equal(t, "first", f.ended(t, run).Output.V)
	replay(t, f, run)
}

func TestAWaitSurvivesAKilledProcess(t *testing.T) {
	t.Parallel()
	const token = "callback-crash-token-of-26-chars"
	flows := writeFlows(t, map[string]string{"callback.yaml": `key: callback-crash
mode: async
trigger: { type: webhook, token: ` + token + `, response: { body: '{{ resumeUrl("done") }}' } }
nodes:
  - { key: gate, type: wait-for-call }
  - { key: done, type: wait-for-call, config: { response: { body: '{{ call.body }}' } } }
`})
	data := t.TempDir()
	p := spawn(t, flows, data)
	started, err := call(t.Context(), http.MethodPost, p.url(token), nil)
	require.NoError(t, err)
	path, found := strings.CutPrefix(started.body, p.base)
	require.True(t, found, started.body)
	require.Equal(t, `early`, callBack(t, p.base+path, `"early"`).body)
	p.kill()
	p = spawn(t, flows, data)
	require.True(t, p.pending(t, "callback-crash"))
	require.Equal(t, `early`, callBack(t, p.base+path, `"again"`).body, "what was acknowledged is kept")
}
