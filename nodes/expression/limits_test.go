package expression

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestValuesAtTheirLimits has results at, and next to, the value at which a function or operator changes what it does.
func TestValuesAtTheirLimits(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`[1, 2, 3][trigger.body.number - 5:2]`:          `[1,2]`,
		`[1, 2, 3][trigger.body.number - 6:]`:           `[3]`,
		`"abc"[trigger.body.number - 5:1]`:              `"a"`,
		`trigger.body.number - 0`:                       `5`,
		`0 - trigger.body.number`:                       `-5`,
		`-9223372036854775807 - 1`:                      `-9223372036854775808`,
		`trigger.body.number..5`:                        `[5]`,
		`trigger.body.number..4`:                        `[]`,
		`trigger.body.number % -1`:                      `0`,
		`trigger.body.number % -2`:                      `1`,
		`(-9223372036854775807 - 1) % -1`:               `0`,
		`0 * -9223372036854775807`:                      `0`,
		`bitshl(trigger.body.number, 0)`:                `5`,
		`fromUnix(253402300799)`:                        `"9999-12-31T23:59:59Z"`,
		`fromUnix(-62167219200)`:                        `"0000-01-01T00:00:00Z"`,
		`date("0001-01-01T00:00:00Z") - duration("1s")`: `"0000-12-31T23:59:59Z"`,
		`date("9999-12-31T23:59:58Z") + duration("1s")`: `"9999-12-31T23:59:59Z"`,
		`trigger.body.number < 9223372036854775808.0`:   `true`,
		`9223372036854775808.0 > trigger.body.number`:   `true`,
		`9223372036854775808.0 < trigger.body.number`:   `false`,
		`get(trigger.body.list, 2)`:                     `2`,
		`get(trigger.body.list, 3)`:                     `null`,
		`get(trigger.body.list, -3)`:                    `3`,
		`get(trigger.body.list, -4)`:                    `null`,
		`get(trigger.body, "list.2")`:                   `2`,
		`get(trigger.body, "list.3")`:                   `null`,
		`toCSV([{a: 1}])`:                               `"a\r\n1\r\n"`,
		`toCSV([{}])`:                                   `"\r\n"`,
		`"" + "{{" + trigger.body.text[0:0]`:            `"{{"`,
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
	for source, want := range map[string]string{
		`fromUnix(253402300800)`:                            "is outside the years 0 to 9999",
		`fromUnix(-62167219201)`:                            "is outside the years 0 to 9999",
		`date("0000-01-01T00:00:00Z") - duration("1s")`:     "is outside the years 0 to 9999",
		`date("9999-12-31T23:59:59Z") + duration("1s")`:     "is outside the years 0 to 9999",
		`bitshl(trigger.body.number, -1)`:                   "shift by 0 or more",
		`trigger.body.number - 6 - 9223372036854775807 - 1`: "does not fit in 64 bits",
	} {
		assert.Contains(t, evaluate(t, source), want, source)
	}
}

func TestBracketsSideBySideAreNotNested(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat("(", depth) + "1" + strings.Repeat(")", depth) }
	require.Equal(t, "1", evaluate(t, nested(MaxNesting)))
	require.Contains(t, evaluate(t, nested(MaxNesting+1)), "brackets are nested deeper than")
	require.Equal(t, "301", evaluate(t, strings.Repeat("(1) + ", MaxNesting+100)+"1"))
}

// An evaluation that spent too much has spent everything, however little it had done before.
func TestABrokenBudgetStaysBroken(t *testing.T) {
	t.Parallel()
	program, err := Compile("count(1..100000, all(1..100, true))", testEnvironment())
	require.NoError(t, err)
	scope := testScope(t)
	_, err = program.Eval(scope)
	require.ErrorContains(t, err, "takes more than")
	require.Equal(t, MaxUnits+1, scope.Spent)
}

// TestWhatEndsWellWasWithinTheBudget finds the source that uses the budget up. At its end are many operations that are
// only counted.
func TestWhatEndsWellWasWithinTheBudget(t *testing.T) {
	t.Parallel()
	tail := strings.Repeat(" + trigger.body.number", 40)
	first := 1000 + sort.Search(100_000, func(n int) bool {
		source := fmt.Sprintf("count(1..%d, trigger.body.map == trigger.body.map)%s", 1000+n, tail)
		program, err := Compile(source, testEnvironment())
		require.NoError(t, err)
		scope := testScope(t)
		if _, err = program.Eval(scope); err == nil {
			require.LessOrEqual(t, scope.Spent, MaxUnits)
		}
		return err != nil
	})
	require.Greater(t, first, 10_000)
}
