package assist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/assist"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

const flow = `key: orders
mode: sync
trigger:
  type: webhook
  request: { headers: [X-Request-Id], body: [{ path: order.id, alias: Order ID }, order.items.price] }
nodes:
  - { key: ask, type: http-request, title: Ask, config: { url: 'https://a.example/{{ env.PART }}' } }
  - key: paid
    type: condition
    config: { expression: 'x' }
    branches:
      then:
        - { key: yes, type: response, config: { body: 'x' } }
      else:
        - { key: no, type: response }
  - key: each
    type: loop
    config: { items: '{{ trigger.body.order.items }}' }
    branches:
      body:
        - { key: inner, type: calculation, config: { expression: 'x' } }
  - { key: broken, type: no-such-kind }
`

func place(t *testing.T, pointer string) compile.Place {
	t.Helper()
	document, problems := flowfile.ParseDocument("flow.yaml", []byte(flow))
	require.Empty(t, problems)
	return compile.NamesAt(document.Definition(), nodes.Standard(), pointer)
}

// complete completes at the | of a text, and returns the names that can be used, and the others with their reason.
func complete(t *testing.T, pointer, text string, whole bool) (usable []string, hidden map[string]string) {
	t.Helper()
	at := strings.IndexByte(text, '|')
	text = strings.Replace(text, "|", "", 1)
	hidden = map[string]string{}
	for _, p := range assist.Complete(text, whole, at, place(t, pointer)).Proposals {
		if p.Hidden != "" {
			hidden[p.Name] = p.Hidden
		} else if p.Sort != assist.Function {
			usable = append(usable, p.Name)
		}
	}
	return usable, hidden
}

func TestNamesThatCanComeNext(t *testing.T) {
	t.Parallel()
	const condition, answer = "/nodes/1/config/expression", "/nodes/1/branches/then/0/config/body"
	for _, test := range []struct {
		pointer, text string
		whole         bool
		want          []string
	}{
		{condition, "|", true, []string{"env", "errors", "nodes", "system", "trigger"}},
		{condition, "tri|", true, []string{"trigger"}},
		{condition, "trigger.|", true, []string{"body", "headers", "id", "query", "receivedAt"}},
		{condition, "trigger?.body.order.|", true, []string{"id", "items"}},
		{condition, `trigger.headers["x-id"] == "a" and trigger.body["order"].|`, true, []string{"id", "items"}},
		{condition, "sum(trigger.body.order.items ?? [], .|)", true, []string{"price"}},
		{condition, "trigger.body.order.items[0].|", true, []string{"price"}},
		{condition, "nodes.a|", true, []string{"ask"}},
		{condition, "nodes.ask.|", true, []string{"body", "headers", "status"}},
		{condition, "env.|", true, []string{"PART"}},
		{condition, `"trigger.|"`, true, nil},
		{condition, "1 + 2|", true, nil},
		{condition, "foo().|", true, nil},
		{answer, "trigger.|", false, nil},
		{answer, "{{ 1 }} trigger.| {{ 2 }}", false, nil},
		{answer, "id {{ trigger.body.order.i| }}", false, []string{"id", "items"}},
		{answer, `{{ "}}" + trigger.body.o|`, false, []string{"order"}},
		{"/nodes/2/branches/body/0/config/expression", "loop.|", true, []string{"index", "item", "length", "sequence"}},
		{"/nodes/0/config/body", "{{ se|", false, []string{"secret"}},
		{"/nodes/0/config/headers/X", "{{ trigger.bo|", false, []string{"body"}},
	} {
		usable, _ := complete(t, test.pointer, test.text, test.whole)
		require.Equal(t, test.want, usable, test.text)
	}
}

func TestNamesOutOfReachHaveTheirReason(t *testing.T) {
	t.Parallel()
	usable, hidden := complete(t, "/nodes/1/branches/then/0/config/body", "{{ nodes.|", false)
	require.Equal(t, []string{"ask"}, usable)
	require.Equal(t, `it stands in branch "else" of "paid", and this node in branch "then"`, hidden["no"])
	require.Equal(t, "it runs later", hidden["each"])
	require.Contains(t, hidden["yes"], "this node itself")
	_, hidden = complete(t, "/nodes/1/config/expression", "lo|", true)
	require.Equal(t, "it exists only inside a loop", hidden["loop"])
}

func TestAProposalReplacesTheWholeName(t *testing.T) {
	t.Parallel()
	const text = "é trigger.body.order"
	completion := assist.Complete(text, true, len("é trigger.bo"), place(t, "/nodes/1/config/expression"))
	require.Equal(t, "body", text[completion.From:completion.To])
	require.Equal(t, []assist.Proposal{{Name: "body", Sort: assist.Member}}, completion.Proposals)
}

func TestFunctionsArePartOfTheProposals(t *testing.T) {
	t.Parallel()
	found := assist.Complete("upp", true, 3, place(t, "/nodes/1/config/expression")).Proposals
	require.True(t, slices.ContainsFunc(found, func(p assist.Proposal) bool {
		return p.Name == "upper" && p.Sort == assist.Function && p.Help != ""
	}))
}

func TestANodeThatCannotBeCompiledStillHasNames(t *testing.T) {
	t.Parallel()
	usable, _ := complete(t, "/nodes/3/config/anything", "{{ nodes.|", false)
	require.Equal(t, []string{"ask", "each", "no", "paid", "yes"}, sorted(usable))
}

func sorted(names []string) []string { slices.Sort(names); return names }

func TestHoverSaysWhatANameIs(t *testing.T) {
	t.Parallel()
	at := place(t, "/nodes/1/branches/then/0/config/body")
	about, ok := assist.Hover("{{ trigger.body.order.id }}", false, len("{{ trigger.body.order.i"), at)
	require.True(t, ok)
	require.Equal(t, "Order ID", about.Title)
	about, ok = assist.Hover("{{ nodes.no }}", false, len("{{ nodes.n"), at)
	require.True(t, ok)
	require.NotEmpty(t, about.Hidden)
	_, ok = assist.Hover("{{ nodes.no }}", false, 0, at)
	require.False(t, ok)
}

func TestNamesAreListedByWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	at := place(t, "/nodes/1/branches/then/0/config/body")
	all := map[string]assist.Name{}
	var groups []string
	for _, group := range assist.Names(at) {
		groups = append(groups, group.Name)
		for _, v := range group.Names {
			all[v.Text] = v
		}
	}
	require.Equal(t, []string{"call", "results", "system", "settings"}, groups)
	require.Equal(t, "Order ID", all["trigger.body.order.id"].Title)
	require.Contains(t, all, `trigger.headers["x-request-id"]`)
	require.Equal(t, "Ask › body", all["nodes.ask.body"].Title)
	require.Contains(t, all["nodes.no"].Hidden, "branch")
	require.NotContains(t, all, "nodes.yes")
	require.Empty(t, assist.Names(place(t, "/title")))
}
