package flowedit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowedit"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

func number(i int) *int { return &i }

func edit(t *testing.T, text string, operations ...flowedit.Operation) string {
	t.Helper()
	edited, err := flowedit.Apply(t.Context(), "flow.yaml", []byte(text), nodes.Standard(), operations...)
	require.NoError(t, err)
	return string(edited)
}

const small = `key: a
nodes:
  # asks
  - key: ask   # here
    type: condition
    config: { expression: nodes.got.ok }
    branches:
      then:
        - { key: got, type: variable } # one

  - key: last
    type: variable
`

func TestEditsChangeTheirPartAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o            flowedit.Operation
		before, then string
	}{
		"a scalar keeps the comment after it": {flowedit.Operation{Op: flowedit.Set, Pointer: "/nodes/0/key", Value: "x y"},
			"key: ask   # here", "key: x y   # here"},
		"text that YAML would misread gets quotes": {flowedit.Operation{Op: flowedit.Set, Pointer: "/nodes/0/key",
			Value: "no"}, "key: ask", "key: 'no'"},
		"text of several lines is a literal": {flowedit.Operation{Op: flowedit.Set, Pointer: "/nodes/0/title",
			Value: "a\nb\n"}, "    config", "    title: |\n      a\n      b\n    config"},
		"a field of a flow mapping": {flowedit.Operation{Op: flowedit.Set, Pointer: "/nodes/0/branches/then/0/config/value",
			Value: "{{ x }}"}, "type: variable } # one", "type: variable, config: { value: '{{ x }}' } } # one"},
		"a missing field comes at its usual place": {flowedit.Operation{Op: flowedit.Set, Pointer: "/nodes/0/timeout",
			Value: "10s"}, "    config", "    timeout: 10s\n    config"},
		"an emptied list": {flowedit.Operation{Op: flowedit.Remove, Pointer: "/nodes/0/branches/then/0"},
			"then:\n        - { key: got, type: variable } # one", "then: []"},
		"comments above go with a node": {flowedit.Operation{Op: flowedit.Remove, Pointer: "/nodes/0"},
			small[strings.Index(small, "  # asks"):strings.Index(small, "\n  - key: last")], ""},
		"a node moves out of a branch": {flowedit.Operation{Op: flowedit.Move, Pointer: "/nodes/0/branches/then/0",
			To: "/nodes", Index: number(1)}, "then:\n        - { key: got, type: variable } # one\n",
			"then: []\n\n  - { key: got, type: variable } # one\n"},
		"a missing list is made": {flowedit.Operation{Op: flowedit.Move, Pointer: "/nodes/1", To: "/nodes/0/branches/else"},
			"# one\n\n  - key: last\n    type: variable\n",
			"# one\n      else:\n        - key: last\n          type: variable\n\n"},
		"a copy has keys and references of its own": {flowedit.Operation{Op: flowedit.Copy, Pointer: "/nodes/0", To: "/nodes",
			Index: number(0)}, "nodes:\n", "nodes:\n" + strings.NewReplacer("ask ", "ask_2 ", "got", "got_2").
			Replace(small[strings.Index(small, "  # asks"):strings.Index(small, "\n  - key: last")])},
		"inserted nodes get free keys": {flowedit.Operation{Op: flowedit.Insert, Pointer: "/nodes", Index: number(1),
			Text: "key: last\n# what\ntype: delay\n"}, "# one\n",
			"# one\n\n  - key: last_2\n    # what\n    type: delay\n"},
		"a rename rewrites references": {flowedit.Operation{Op: flowedit.Rename, Pointer: "/nodes/0/branches/then/0",
			Key: "given"}, "nodes.got.ok }\n    branches:\n      then:\n        - { key: got,",
			"nodes.given.ok }\n    branches:\n      then:\n        - { key: given,"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, 1, strings.Count(small, c.before))
			require.Equal(t, strings.Replace(small, c.before, c.then, 1), edit(t, small, c.o))
		})
	}
}

func TestImpossibleEditsSayWhy(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]flowedit.Operation{
		`: "fly" is no operation`:                        {Op: "fly"},
		"/nodes/7: the flow has nothing there":           {Op: flowedit.Remove, Pointer: "/nodes/7"},
		"nodes: a JSON pointer begins with /":            {Op: flowedit.Remove, Pointer: "nodes"},
		"/key: a scalar has nothing below it":            {Op: flowedit.Set, Pointer: "/key/x/y", Value: 1},
		"/nodes/5: the list has 2 elements":              {Op: flowedit.Set, Pointer: "/nodes/5", Value: 1},
		"/nodes: the list has 2 elements":                {Op: flowedit.Insert, Pointer: "/nodes", Text: "type: x", Index: number(3)},
		"/0: this is not a node":                         {Op: flowedit.Insert, Pointer: "/nodes", Text: "a: 1"},
		"the text has no nodes":                          {Op: flowedit.Insert, Pointer: "/nodes", Text: "text"},
		"nodes.yaml:1:":                                  {Op: flowedit.Insert, Pointer: "/nodes", Text: "{"},
		"/nodes/0/branches/then: a node cannot be moved": {Op: flowedit.Move, Pointer: "/nodes/0", To: "/nodes/0/branches/then"},
		"/key: it is not an element of a list":           {Op: flowedit.Copy, Pointer: "/key", To: "/nodes"},
		"/key: it is not a list of nodes":                {Op: flowedit.Move, Pointer: "/nodes/0", To: "/key"},
		`/nodes/0/key: another node has the key "last"`:  {Op: flowedit.Rename, Pointer: "/nodes/0", Key: "last"},
		`/nodes/0/key: "a b" is not a node key`:          {Op: flowedit.Rename, Pointer: "/nodes/0", Key: "a b"},
		"/nodes: it is not a node with a key":            {Op: flowedit.Rename, Pointer: "/nodes", Key: "x"},
		": the whole flow cannot be removed":             {Op: flowedit.Remove},
	} {
		edited, err := flowedit.Apply(t.Context(), "flow.yaml", []byte(small), nodes.Standard(), o)
		require.ErrorContains(t, err, want)
		require.Nil(t, edited)
	}
	_, err := flowedit.Apply(t.Context(), "flow.yaml", []byte("key: {"), nodes.Standard())
	var problems flowfile.Problems
	require.ErrorAs(t, err, &problems)
}

func TestAllOperationsHappenOrNone(t *testing.T) {
	t.Parallel()
	good := flowedit.Operation{Op: flowedit.Set, Pointer: "/title", Value: "x"}
	_, err := flowedit.Apply(t.Context(), "flow.yaml", []byte(small), nodes.Standard(), good,
		flowedit.Operation{Op: flowedit.Remove, Pointer: "/none"})
	require.Error(t, err)
	require.Contains(t, edit(t, small, good, flowedit.Operation{Op: flowedit.Set, Pointer: "/title", Value: "y"}),
		"key: a\ntitle: 'y'\n")
}

func TestEditsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	title := flowedit.Operation{Op: flowedit.Set, Pointer: "/title", Value: "x"}
	edited, err := flowedit.Apply(ctx, "flow.yaml", []byte(small), nodes.Standard(), title)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, edited)
}
