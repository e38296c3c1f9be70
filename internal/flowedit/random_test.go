package flowedit_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowedit"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes"
)

const commented = `# The file.

# The key.
key: a # of the flow
mode: sync
trigger:
  type: webhook
  request:
    headers: [X-Request-Id,
      Date] # two
options: { wait: 30s, }
nodes:
# first node
# in two lines
- key: start
  # its type
  type: condition

  config: # what it asks
    # the question
    expression: 'trigger.body.ok == true'
  branches:
    then:
      - { key: yes_it_is, type: variable, config: { value: '{{ trigger.body }}' } } # flow style
      # a loop
      -   key: each
          type: loop
          config:
            over: trigger.body.items
          branches:
            do:

            # inside
            - key: log_it
              type: variable
              config:
                value: |
                  {{ loops.each.item }}

                    and {{ nodes.yes_it_is.x }}
            - # a dash alone
              key: other
              type: variable
              config: { value: "{{ nodes.log_it }}: \"text\"",
                # within a flow mapping
                }
    else: []
# last node

- key: done
  type: response
  config:
    status: 200
    body:
      text: >-
        two
        lines
      ok: true   # yes
onFailure: [ { key: failed, type: variable, config: { value: "{{ failure.message }}" } },
  # tells
  { key: told, type: variable, config: { value: '{{ nodes.failed }}' } } ]
`

// corpus are the texts that are edited, by name.
func corpus(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{"commented.yaml": commented, "crlf.yaml": strings.ReplaceAll(commented, "\n", "\r\n"),
		"cut.yaml": strings.TrimSuffix(commented, "\n"), "bom.yaml": "\ufeff" + commented}
	require.NoError(t, filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		document, problems := flowfile.ParseDocument(path, data)
		if mapping, ok := document.Value.(map[string]any); ok && len(problems) == 0 && mapping["trigger"] != nil {
			texts[path] = string(data)
			indented, err := everhook.EncodeJSON(mapping)
			require.NoError(t, err)
			texts[path+".json"] = pretty(string(indented))
		}
		return nil
	}))
	require.Greater(t, len(texts), 10)
	return texts
}

// TestRandomEditsKeepTheRest makes random edits. Apply itself compares the values; here it must always succeed, and
// keep all comments of what is not removed.
func TestRandomEditsKeepTheRest(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	names := everhook.SortedKeys(texts)
	for seed := range uint64(*edits / perSeed) {
		random := rand.New(rand.NewPCG(seed, 1))
		name := names[random.IntN(len(names))]
		text := texts[name]
		for range perSeed {
			text = randomEdit(t, random, fmt.Sprintf("seed %d", seed), name, text)
		}
	}
}

var edits = flag.Int("edits", 2000, "how many random edits")

const perSeed = 20

func randomEdit(t *testing.T, random *rand.Rand, seed, name, text string) string {
	t.Helper()
	document, problems := flowfile.ParseDocument(name, []byte(text))
	require.Empty(t, problems, "%s:\n%s", seed, text)
	o, keeps := randomOperation(random, document.Value)
	edited, err := flowedit.Apply(t.Context(), name, []byte(text), nodes.Standard(), o)
	var refused *flowedit.Error
	if errors.As(err, &refused) && !strings.Contains(refused.Message, "by an operation") {
		require.Nil(t, edited)
		return text // for example a node that would be moved into itself
	}
	require.NoError(t, err, "%s %s: %+v\n%s", seed, name, o, text)
	again, problems := flowfile.ParseDocument(name, edited)
	require.Empty(t, problems, "%s %s: %+v\n%s\n=>\n%s", seed, name, o, text, edited)
	if keeps {
		require.Equal(t, comments(text), comments(string(edited)), "%s %s: %+v\n%s\n=>\n%s", seed, name, o, text,
			edited)
	}
	if o.Op == flowedit.Rename {
		require.NotEqual(t, document.Value, again.Value)
		requireCompiles(t, name, text, string(edited))
	}
	require.Equal(t, strings.Count(text, "\r") > 0, strings.Count(string(edited), "\r") > 0)
	require.NotContains(t, strings.ReplaceAll(string(edited), "\r\n", ""), "\r")
	return string(edited)
}

// requireCompiles requires that a rename breaks nothing.
func requireCompiles(t *testing.T, name, text, edited string) {
	t.Helper()
	_, before := flowfile.Load(name, []byte(text), nodes.Standard())
	if len(before.Errors()) == 0 {
		_, after := flowfile.Load(name, []byte(edited), nodes.Standard())
		require.Empty(t, after.Errors(), "%s\n=>\n%s", text, edited)
	}
}

var comment = regexp.MustCompile(`(?m)(?:^|[ \t])(#[^\n\r'"]*)\r?$`)

// comments are the comments of a text, sorted: a move changes their order.
func comments(text string) []string {
	var all []string
	for _, found := range comment.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.TrimSpace(found[1]))
	}
	slices.Sort(all)
	return all
}

// randomOperation chooses an operation. Keeps is set if it keeps all comments.
func randomOperation(random *rand.Rand, root any) (o flowedit.Operation, keeps bool) {
	var all, lists, elements, scalars []string
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		all = append(all, pointer)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range everhook.SortedKeys(v) {
				walk(strict.Pointer(pointer, name), v[name])
			}
		case []any:
			isNodes := len(v) == 0 || isNode(v[0])
			if isNodes {
				lists = append(lists, pointer)
			}
			for i, below := range v {
				at := fmt.Sprintf("%s/%d", pointer, i)
				if isNode(below) {
					elements = append(elements, at)
				}
				walk(at, below)
			}
		case nil:
		default:
			scalars = append(scalars, pointer)
		}
	}
	walk("", root)
	pick := func(from []string) string {
		if len(from) == 0 {
			return "/nodes"
		}
		return from[random.IntN(len(from))]
	}
	index := func(list string) *int {
		if random.IntN(3) == 0 {
			return nil
		}
		i := random.IntN(4)
		return &i
	}
	switch list := pick(lists); random.IntN(8) {
	case 0, 1:
		return flowedit.Operation{Op: flowedit.Set, Pointer: pick(scalars), Value: randomScalar(random)}, false
	case 2:
		names := []string{"title", "timeout", "a b", "é", "x/y~z", "note", "'q'", "- x", "true", "1", "{"}
		return flowedit.Operation{Op: flowedit.Set, Pointer: strict.Pointer(pick(all), names[random.IntN(len(names))]),
			Value: randomValue(random, 3)}, false
	case 3:
		return flowedit.Operation{Op: flowedit.Remove, Pointer: pick(all)}, false
	case 4:
		texts := []string{"{ key: new, type: variable, config: { value: 1 } }",
			"# note\n- key: new # tail\n  type: variable\n  config:\n    value: |\n      a\n\n" +
				"       b {{ nodes.new }}\n- key: start\n  type: variable\n",
			"  key: start\n  # inner\n  type: loop\n  branches:\n    do:\n    - { key: log_it, type: delay }\n",
			"[ { key: a, type: x },\n{ \"key\": \"b\", \"type\": \"y\" } ]"}
		return flowedit.Operation{Op: flowedit.Insert, Pointer: list, Text: texts[random.IntN(len(texts))],
			Index: index(list)}, false
	case 5:
		// Between the brackets of a mapping in flow style there is no place for comments.
		return flowedit.Operation{Op: flowedit.Move, Pointer: pick(elements), To: list, Index: index(list)}, false
	case 6:
		return flowedit.Operation{Op: flowedit.Copy, Pointer: pick(elements), To: list, Index: index(list)}, false
	default:
		return flowedit.Operation{Op: flowedit.Rename, Pointer: pick(elements),
			Key: fmt.Sprintf("renamed_%d", random.IntN(1_000_000))}, true
	}
}

func isNode(v any) bool {
	mapping, ok := v.(map[string]any)
	return ok && mapping["type"] != nil
}

func randomScalar(random *rand.Rand) any {
	all := []any{"plain", "two words", "", " ", "a: b", "a #b", "- x", "{{ trigger.body.id }}", "it's",
		`"quoted"`, "a\nb", "a\n\n  b\n", "\n", "a\n ", " a\nb", "tab\t", "\u0085\u2028", "😀", "null", "true",
		"yes", "1", "1.5e3", "0x1f", "10s", "2026-07-30", "@x", "*x", "&x", "!x", "%x", "`x`", "|", ">", "?",
		"? x", "x:", ":x", "[", "a, b", "#x", "<<", "~", "---", "...", "\x7f", 1, -3, 2.5, true, false, nil,
		strings.Repeat("long ", 40), "key: value\nother: 1\n"}
	return all[random.IntN(len(all))]
}

func randomValue(random *rand.Rand, depth int) any {
	switch n := random.IntN(6); {
	case depth == 0 || n < 3:
		return randomScalar(random)
	case n == 3:
		return []any{}
	case n == 4:
		list := []any{}
		for range random.IntN(4) {
			list = append(list, randomValue(random, depth-1))
		}
		return list
	default:
		mapping := map[string]any{}
		for range random.IntN(4) {
			mapping[fmt.Sprint(randomScalar(random))] = randomValue(random, depth-1)
		}
		return mapping
	}
}

// pretty indents JSON: some lists and mappings get lines of their own.
func pretty(text string) string {
	text = strings.ReplaceAll(text, `[{"`, "[\n    {\"")
	return strings.ReplaceAll(text, `},{`, "},\n    {")
}
