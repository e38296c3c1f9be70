package expression

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unitsOf evaluates a source with the given trigger.body, and returns the spent units.
func unitsOf(t *testing.T, source string, body any) int {
	env := &Environment{Roots: map[string]*Shape{"trigger": {}}}
	program, err := Compile(source, env)
	require.NoError(t, err, source)
	scope := &Scope{Values: map[string]any{"trigger": map[string]any{"body": body}}}
	_, err = program.Eval(scope)
	require.NoError(t, err, source)
	return scope.Spent
}

func TestSortingCostsTheSameInWhateverOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, source := range []string{`sort(trigger.body)`, `sort(trigger.body, "desc")`, `sortBy(trigger.body, #)`} {
		list := make([]any, 500)
		for i := range list {
			list[i] = strings.Repeat("a", i) + fmt.Sprint(i)
		}
		want := unitsOf(t, source, append([]any(nil), list...))
		for range 20 {
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			require.Equal(t, want, unitsOf(t, source, append([]any(nil), list...)), source)
		}
	}
}

// TestEqualityOfMappingsCostsTheSame compares mappings that differ in several keys, whose values have different costs.
// So the units show which difference was found first.
func TestEqualityOfMappingsCostsTheSame(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`trigger.body[0] == trigger.body[1]`, `trigger.body[0] in [trigger.body[1]]`} {
		want := -1
		for range repetitions {
			a, b := map[string]any{}, map[string]any{}
			for _, i := range rand.Perm(12) {
				key := fmt.Sprintf("k%02d", i)
				a[key], b[key] = strings.Repeat("a", 100*i), strings.Repeat("a", 100*i)
				if i >= 3 {
					b[key] = strings.Repeat("b", 100*i)
				}
			}
			spent := unitsOf(t, source, []any{a, b})
			if want < 0 {
				want = spent
			}
			require.Equal(t, want, spent, source)
		}
	}
}

// TestUnitsArePinned fails if a change of this package, of expr or of Go changes the cost of an evaluation. The units
// affect every history: they determine where a workflow task ends. Change a number here only together with the engine
// level.
func TestUnitsArePinned(t *testing.T) {
	t.Parallel()
	list := []any{"b", "a", "ccccccccccccccccccccccccccccccccc", "d"}
	for source, want := range map[string]int{
		`trigger.body`:                                 2,
		`trigger.body[0] + "x"`:                        7,
		`sort(trigger.body)`:                           29,
		`trigger.body[0] matches "^(a|b{1,20})+[a-z]"`: 12,
		`upper(trigger.body[2])`:                       10,
		`toJSON(trigger.body)`:                         13,
		`uniq(trigger.body)`:                           23,
		`trigger.body[0] < trigger.body[1]`:            9,
	} {
		assert.Equal(t, want, unitsOf(t, source, list), source)
	}
}

// TestTheUnicodeTablesArePinned fails if a Go release has other tables: upper, lower and classes such as \p{L} would
// then return other values on a replay. Handle that by the engine level.
func TestTheUnicodeTablesArePinned(t *testing.T) {
	t.Parallel()
	require.Equal(t, "15.0.0", unicode.Version)
}

func TestThePatternSizeIsAboutTheInstructions(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `a`, `abc`, `a|b|c`, `(a|b)*c`, `a{1,30}`, `(a{1,30}){1,30}$`, `((ab){2,10}){3}`, `[a-z]{1,900}`, `[]a]{5}`,
		`[^]a]{5}x`, `[[:alpha:]]{7}`, `\d{3}-\d{4}`, `(?i)straße`, `\p{L}+\x{10FFFF}`, `a{,5}`, `a{b}`, `(?:a(b)c)+?`,
		`(((((a{10}){10}){10}))) `, `\Qa{5}\E`, `^.*$`, `(a?){100}`,
	} {
		parsed, err := syntax.Parse(text, syntax.Perl)
		require.NoError(t, err, text)
		program, err := syntax.Compile(parsed.Simplify())
		require.NoError(t, err, text)
		size := patternSize(text)
		assert.GreaterOrEqual(t, 8+3*size, len(program.Inst), text)
		assert.LessOrEqual(t, size, 8+8*len(program.Inst), text)
	}
}

func TestAnUnfinishedPatternHasASize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"[": 1, "[^": 1, "[]": 1, "[^]": 1, "[abcdefgh": 3, "\\": 2, "(a": 3, ")a": 1,
		"{": 1, "x{2": 3, "x{2}": 4} {
		require.Equal(t, want, patternSize(text), text)
	}
}

func FuzzPatternSize(f *testing.F) {
	f.Add(`(a{1,30}[b-c]|\d)*`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxPattern {
			return
		}
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			_ = patternSize(text)
			return
		}
		program, err := syntax.Compile(parsed.Simplify())
		require.NoError(t, err)
		require.GreaterOrEqual(t, 16+8*patternSize(text), len(program.Inst), text)
	})
}

// TestTheFirstOfSeveralFaultsIsAlwaysTheSame uses mappings with several entries that are refused for different reasons.
func TestTheFirstOfSeveralFaultsIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	var headers Template[map[string]string]
	require.NoError(t, headers.Decode(`{{ trigger.body.nested_faults }}`))
	require.Empty(t, headers.Compile("/headers", testEnvironment()))
	for range repetitions {
		faults := map[string]any{}
		for _, i := range rand.Perm(8) {
			faults[fmt.Sprintf("k%d", i)] = []any{i}
		}
		scope := testScope(t)
		scope.Values["trigger"].(map[string]any)["body"].(map[string]any)["nested_faults"] = faults
		_, err := headers.Eval(scope)
		require.EqualError(t, err, "headers: k0: a list where text is needed")
		require.Equal(t, "error: the value is nested deeper than 100",
			evaluate(t, `{z: timezone("UTC"), a: reduce(1..200, [#acc], 1), y: timezone("UTC"), x: timezone("UTC")}`))
	}
}
