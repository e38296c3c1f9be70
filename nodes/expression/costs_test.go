package expression

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/units.txt again")

// costly are sources besides the examples of functions, with what they cost.
var costly = []string{
	`toJSON(trigger.body.text + "\"\\")`, `toJSON(trigger.body)`, `repeat(trigger.body.text, 1000)`,
	`chunk(trigger.body.records, 3)`, `trigger.body.wide == trigger.body.wide`, `trigger.body.text matches "^a.c$"`,
	`trigger.body.text[1:3]`, `trigger.body.records[1:]`, `trigger.body.text + "x"`, `chunk(1..120, 1)`,
	`toJSON(repeat(trigger.body.text + "\"", 100))`, `fromJSON(toJSON(trigger.body))`,
	`fromJSON(repeat("[", 40) + trigger.body.text[0:0] + repeat("]", 40))`, `1..1000`, `map(1..100, # * 2)`,
	`filter(1..100, # % 2 == 0)`,
	`reduce(1..50, #acc + #)`, `now() + duration("1h")`, `1.5 * 2 + 3 ** 2`, `trigger.body ?? "none"`,
	`regexReplace(trigger.body.text, "(.)", "$1-$1-$1")`, `trim(repeat(trigger.body.text, 100), " .,;:-")`,
	`toCSV(trigger.body.records)`, `sortBy(1..64, -#)`, `fromCSV(toCSV(trigger.body.records))`,
	`trigger.body.text matches "a{0}"`, `trigger.body.text matches "a{1}b{2,}"`,
	`trigger.body.text matches "(a{3,70}){2}"`, `trigger.body.text matches "x{"`,
	`trigger.body.text matches "[^]a]+(b|c*)?"`,
	`trigger.body.text matches "(?i)[a-z]{2,5}x?y+z*"`, `trigger.body.text matches "\\pL{3}"`,
	`get(trigger.body.records, "k1")`, `get(trigger.body, "records.0.k1")`, `get(trigger.body.list, 1)`,
	`divide(trigger.body.number, 7, 30)`, `trigger.body.number ** 5`, `uniq(1..100)`, `flatten([[1, [2]], [3]])`,
	`markdown(repeat("[a](b) ", 200))`, `{a: 1, b: 2, c: 3, d: 4, e: 5, f: trigger.body.number}`,
	`toJSON("\u2028\u2029\u2029" + trigger.body.text)`, `split(trigger.body.text, "", 0)`,
	`join(trigger.body.words, repeat("x", 1000))`, `toCSV([[repeat("x", 1000)], [trigger.body.text]])`,
}

// TestUnitsAreAsRecorded pins the cost of every function. Units decide where workflow tasks are broken, and the breaks
// are in histories: a cost that changes needs a new engine level.
func TestUnitsAreAsRecorded(t *testing.T) {
	t.Parallel()
	sources, values := costly, testScope(t).Values
	for _, f := range Functions() {
		sources = append(sources, append(applications(f.Name), f.Example)...)
	}
	var lines strings.Builder
	for _, source := range sources {
		program, err := Compile(source, testEnvironment())
		if err != nil {
			continue
		}
		scope := shuffledScope(t, values)
		_, err = program.Eval(scope)
		fmt.Fprintf(&lines, "%d\t%v\t%s\n", scope.Spent, err == nil, source)
	}
	file := filepath.Join("testdata", "units.txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), lines.String())
}

func TestSizesThatOverflowAreAboveEveryLimit(t *testing.T) {
	t.Parallel()
	for _, b := range []int{MaxBytes, 3 * MaxBytes, math.MaxInt} {
		for _, a := range []int{3, MaxBytes, math.MaxInt} {
			require.GreaterOrEqual(t, times(a, b), 2*MaxBytes, "%d times %d", a, b)
		}
	}
	require.Equal(t, 12, times(3, 4))
	require.Equal(t, 2*MaxBytes, times(2, MaxBytes))
	require.Equal(t, 2*MaxBytes-1, times(3, 2*MaxBytes/3))
	require.Zero(t, times(0, math.MaxInt))
}

func TestDurationsBeyond64BitsAreErrors(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`duration("80000h") * 40`, `duration("80000h") * -40`,
		`duration("80000h") * 1000`, `duration("80000h") * -1000`} {
		require.Contains(t, evaluate(t, source), "longer than a duration can be", source)
	}
	require.Equal(t, `"PT1H30M"`, evaluate(t, `duration("1h") * 1.5`))
}

func TestABodyIsAloneIfItIsOneTemplate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{{ trigger.body }}": "trigger.body", "x {{ trigger.body }}": "", "plain": "", "{{ secret.KEY }}": "",
		"{{ raw(trigger.body) }}": "", "{{ trigger.body }}{{ trigger.body }}": "",
	} {
		var body Body
		require.NoError(t, body.Decode(text), text)
		source, ok := body.Alone()
		require.Equal(t, want, source, text)
		require.Equal(t, want != "", ok, text)
	}
	var body Body
	require.NoError(t, body.Decode(map[string]any{"a": "{{ trigger.body }}"}))
	_, ok := body.Alone()
	require.False(t, ok)
}

func TestAShapeOfTextHasNoMembers(t *testing.T) {
	t.Parallel()
	_, problem := (&Shape{Type: Text}).member(func() string { return "trigger.body" }, "id")
	require.NotNil(t, problem)
	below, problem := (&Shape{Type: Mapping, Fields: map[string]*Shape{"id": {Type: Text}}}).member(func() string { return "trigger.body" },
		"id")
	require.Nil(t, problem)
	require.Equal(t, &Shape{Type: Text}, below)
}
