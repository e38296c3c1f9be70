package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestARunSeesWhatItsTriggerKeeps(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, `key: kept
mode: sync
trigger:
  type: webhook
  request:
    headers: [X-Request-Id]
    query: ['filter[0].name', page, tags]
    body: [{ path: order.id, alias: Order ID }, order.lines.sku, missing]
nodes:
  - { key: a, type: response, config: { body: { headers: '{{ trigger.headers }}', query: '{{ trigger.query }}', body: '{{ trigger.body }}', run: '{{ trigger.id == system.runId }}' } } }
`)
	f.url += "?filter[0][name]=a+b&filter[0][other]=x&page=2&tags[]=1&tags[]=2&more=1"
	got := f.post(t, `{"order":{"id":9007199254740993,"secret":1,"lines":[{"sku":"tea","price":1},{"sku":"cup"}]}}`,
		header("X-Request-Id", "r1"), header("X-Other", "o"), header("Cookie", "c"))
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"headers":{"x-request-id":"r1"},"query":{"filter":[{"name":"a b"}],"page":"2","tags":["1","2"]},
		"body":{"order":{"id":9007199254740993,"lines":[{"sku":"tea"},{"sku":"cup"}]}},"run":true}`, got.body)
	require.Contains(t, got.body, "9007199254740993", "every digit of a number comes back")
	replay(t, f, got.run)
	record(t, f, got.run, "kept")
}

func TestSettingsOfARunAreThoseOfItsStart(t *testing.T) {
	t.Parallel()
	p := start(t, config{environ: []string{"EVERHOOK_ENV_CURRENCY=EUR"}})
	f := p.sync(t, "settings", "nodes: [{ key: a, type: response, config: { body: '{{ env.CURRENCY }} {{ env.UNSET "+
		"?? \"none\" }} {{ env.EVERHOOK_URL }}' } }]")
	require.Equal(t, "EUR none "+p.BaseURL(), f.post(t, "").body)
	require.NoError(t, p.replayAll(t.Context()))
}

func TestAFlowWithoutItsSecretIsNotServed(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	definition := load(t, `key: lacking
mode: sync
trigger: { type: webhook, token: lacking-token-of-26-characters, auth: { basic: { username: u, password: { secret: LACKING } } } }
nodes: []
`)
	_, err := p.Catalog().Apply(t.Context(), definition, "test")
	require.NoError(t, err)
	known := p.Catalog().Flows()[0]
	require.False(t, known.Served)
	require.Contains(t, known.Note, "LACKING")
	f := flow{product: p, key: "lacking", url: p.HookURL("lacking-token-of-26-characters")}
	f.post(t, "").problem(t, 404, everhook.ProblemNotFound)
	require.Len(t, p.logs.lines("ERROR"), 1)
	require.Contains(t, p.logs.lines("ERROR")[0], "LACKING")
}
