package expression

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// doubling is `let v0 = first; let v1 = step of v0; …; last of vn`.
func doubling(first, step, last string, n int) string {
	var source strings.Builder
	fmt.Fprintf(&source, "let v0 = %s; ", first)
	for i := range n {
		fmt.Fprintf(&source, "let v%d = %s; ", i+1, strings.ReplaceAll(step, "v", fmt.Sprintf("v%d", i)))
	}
	return source.String() + strings.ReplaceAll(last, "v", fmt.Sprintf("v%d", n))
}

func hostileExpressions() map[string]string {
	return map[string]string{
		"a text repeated":                  `repeat("a", 100000000)`,
		"a text repeated by a huge number": `repeat("ab", 9223372036854775807)`,
		"text doubled":                     doubling(`"ab"`, `v + v`, `len(v)`, 40),
		"a text made by reduce":            `reduce(1..100000, #acc + "0123456789", "")`,
		"a huge range":                     `1..1000000`,
		"the hugest range":                 `(-9223372036854775807)..9223372036854775807`,
		"nested predicates":                `map(1..1000, map(1..1000, map(1..1000, #)))`,
		"nested counts":                    `count(1..100000, count(1..100000, true) > 0)`,
		"lists doubled, compared":          doubling(`[1]`, `[v, v]`, `[v] == [v]`, 40),
		"lists doubled, as the result":     doubling(`[1]`, `[v, v]`, `v`, 40),
		"lists doubled, as JSON":           doubling(`[1]`, `[v, v]`, `toJSON(v)`, 40),
		"lists doubled, as text":           doubling(`[1]`, `[v, v]`, `string(v)`, 40),
		"lists doubled, flattened":         doubling(`[1]`, `[v, v]`, `flatten(v)`, 40),
		"lists doubled, made unique":       doubling(`[1]`, `[v, v]`, `uniq(v)`, 40),
		"lists doubled, searched":          doubling(`[1]`, `[v, v]`, `[v, 0] in [[v, 1]]`, 40),
		"mappings doubled":                 doubling(`{a: 1}`, `{a: v, b: v}`, `v`, 40),
		"mappings doubled, compared":       doubling(`{a: 1}`, `{a: v, b: v}`, `{c: v} == {c: v}`, 40),
		"lists doubled, by a path":         doubling(`{a: 1}`, `[v, v]`, `get(v, "a")`, 40),
		"concatenation doubled":            doubling(`[1]`, `concat(v, v)`, `len(v)`, 40),
		"replacing makes text long":        `replace(repeat("a", 4000), "a", repeat("b", 4000))`,
		"replacing nothing":                `replace(repeat("a", 4000000), "", repeat("b", 4000000))`,
		"joining with a long delimiter":    `join(map(1..100000, ""), repeat("a", 100000))`,
		"splitting into characters":        `split(repeat("a", 4000000), "")`,
		"a heavy regular expression":       `repeat("a", 1000000) matches "(a{1,30}){1,30}$"`,
		"many dynamic regular expressions": `all(1..100000, "x" matches ("[a-z]{1," + string(# % 900 + 1) + "}"))`,
		"sorting":                          `sort(map(1..300000, -#))`,
		"sorting long texts":               doubling(`[repeat("a", 100000)]`, `concat(v, v)`, `sort(v)`, 12),
		"sorting by":                       `sortBy(1..300000, -#)`,
		"unique texts":                     `uniq(map(1..300000, string(#)))`,
		"grouping":                         `groupBy(1..300000, #)`,
		"median of many":                   `median(1..300000) + median(1..300000)`,
		"membership":                       `filter(1..10000, # in 1..10000)`,
		"deep recursion over lists":        `flatten(reduce(1..50000, [#acc], [1]))`,
		"deep recursion over lists, compared": `let a = reduce(1..50000, [#acc], [1]); let b = reduce(1..50000, ` +
			`[#acc], [1]); a == b`,
		"deep recursion over lists, as result": `reduce(1..50000, [#acc], [1])`,
		"deep recursion over lists, as JSON":   `toJSON(reduce(1..50000, [#acc], [1]))`,
		"deep recursion over a path":           `get(reduce(1..50000, [#acc], [1]), "a")`,
		"indexing long text":                   `let s = repeat("a", 1000000); map(1..100000, s[#])`,
		"slicing long text":                    `let s = repeat("ä", 1000000); map(1..100000, s[#:])`,
		"searching long text":                  `let s = repeat("a", 1000000); map(1..100000, s contains "b")`,
		"comparing long texts": `let s = repeat("a", 1000000); let u = repeat("a", 1000000); ` +
			`map(1..100000, s == u)`,
		"digests":                  `let s = repeat("a", 1000000); map(1..100000, sha256(s))`,
		"parsing JSON":             `let s = "[" + repeat("0,", 1000000) + "0]"; len(fromJSON(s))`,
		"many time zones":          `map(1..100000, date("2030", "YYYY", #index > -1 ? "Europe/Zurich" : "UTC"))`,
		"many long layouts":        `let s = repeat("MMMM ", 40); map(1..100000, now().Format(s))`,
		"trimming with a long set": `let s = repeat("a", 1000000); trim(s, repeat("b", 1000000) + "a")`,
		"powers":                   `all(1..300000, 3 ** 39 > 0)`,
		"a long path":              `let p = repeat("a.", 90) + "a"; map(1..100000, get({a: 1}, p))`,
	}
}

func TestHostileExpressionsEndAtALimitAndSoon(t *testing.T) {
	t.Parallel()
	for name, source := range hostileExpressions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Compile(source, testEnvironment())
			require.NoError(t, err)
			var spent [2]int
			var messages [2]string
			for i := range spent {
				scope := testScope(t)
				started := time.Now()
				_, err := p.Eval(scope)
				assert.Less(t, time.Since(started), soon)
				require.Error(t, err)
				failed := everhook.AsError(err)
				assert.Equal(t, everhook.TypeLimit, failed.Type, failed.Message)
				spent[i], messages[i] = scope.Spent, failed.Message
				assert.LessOrEqual(t, scope.Spent, MaxUnits+1)
			}
			assert.Equal(t, spent[0], spent[1])
			assert.Equal(t, messages[0], messages[1])
		})
	}
}

func TestLimitsSayWhatToDo(t *testing.T) {
	t.Parallel()
	require.Equal(t, "error: evaluating takes more than 1000000 units of work; work on less data, or spread it over "+
		"several nodes", evaluate(t, `count(1..100000, all(1..100, true))`))
	require.Equal(t, "error: evaluating makes more than 8MiB of data; work on less data",
		evaluate(t, `repeat("a", 9000000)`))
	require.Equal(t, "error: the value is larger than 8MiB",
		evaluate(t, `let s = repeat("a", 1000000); [s, s, s, s, s, s, s, s, s]`))
	require.Equal(t, "error: the value is nested deeper than 100", evaluate(t, `reduce(1..200, [#acc], 1)`))
	require.Equal(t, "error: a value is nested deeper than 100", evaluate(t, `flatten(reduce(1..200, [#acc], 1))`))
	require.Equal(t, "error: a value is nested deeper than 100", evaluate(t, `reduce(1..200, ({a: #acc}), 1) == `+
		`reduce(1..200, ({a: #acc}), 1)`))
}

func TestSpentIsTheSameOnEveryEvaluationAndGrows(t *testing.T) {
	t.Parallel()
	p, err := Compile(`sortBy(filter(trigger.body.order.items, .price > 1), .sku) | map(.sku) | join("-")`,
		testEnvironment())
	require.NoError(t, err)
	scope := testScope(t)
	_, err = p.Eval(scope)
	require.NoError(t, err)
	once := scope.Spent
	require.Positive(t, once)
	for range 20 {
		_, err = p.Eval(scope)
		require.NoError(t, err)
	}
	require.Equal(t, 21*once, scope.Spent)
}

func TestATemplateHasOneBudgetForAllItsExpressions(t *testing.T) {
	t.Parallel()
	var field Template[any]
	require.NoError(t, field.Decode([]any{`{{ count(1..100000, true) }}`, `{{ count(1..100000, true) }}`,
		`{{ count(1..100000, true) }}`, `{{ count(1..100000, true) }}`}))
	require.Empty(t, field.Compile("/value", testEnvironment()))
	_, err := field.Eval(testScope(t))
	require.Equal(t, everhook.TypeLimit, everhook.AsError(err).Type)
}

func TestSourcesThatNestDeeplyCompile(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		strings.Repeat("1 + ", 4900) + "1", strings.Repeat("true ? 1 : ", 2500) + "2", strings.Repeat("-", 9000) + "1",
		strings.Repeat("1 ** ", 4900) + "0", "nil" + strings.Repeat(" ?? nil", 4900),
		doubling("1", "v", "v", 2400), "trigger.body" + strings.Repeat(".a", 4900),
		strings.Repeat("[", 190) + strings.Repeat("]", 190),
	} {
		started := time.Now()
		p, err := Compile(source, testEnvironment())
		require.NoError(t, err, source[:20])
		_, _ = p.Eval(testScope(t))
		require.Less(t, time.Since(started), soon, source[:20])
	}
}
