package expression

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// repetitions is the number of evaluations of each expression. Go ranges over a map in another order each time.
const repetitions = 100

// TestEveryFunctionGivesTheSameForTheSame evaluates every function many times, with valid and invalid arguments. The
// mappings are built in another order each time. The value or the message, and the units, must be the same.
func TestEveryFunctionGivesTheSameForTheSame(t *testing.T) {
	t.Parallel()
	for _, f := range Functions() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			evaluated, values := 0, testScope(t).Values
			for _, source := range append(applications(f.Name), f.Example) {
				program, err := Compile(source, testEnvironment())
				if err != nil {
					continue
				}
				evaluated++
				first := outcomeOf(program, shuffledScope(t, values))
				for range repetitions {
					if again := outcomeOf(program, shuffledScope(t, values)); again != first {
						require.Equal(t, first, again, source)
					}
				}
			}
			require.NotZero(t, evaluated)
		})
	}
}

// applications returns calls of a function with arguments of all types. Callers skip those that do not compile.
func applications(name string) []string {
	mapping, list, text := "trigger.body.wide", "trigger.body.records", "trigger.body.text"
	arguments := []string{
		"", mapping, list, text, mapping + ", " + mapping, list + ", " + list, list + ", " + mapping, mapping + ", " +
			list, mapping + `, "k7"`, mapping + ", " + text, list + `, "k7"`,
		text + `, "r"`, text + `, "r", "x"`, text + ", 2", list + ", 2", list + ", .k7", list + ", .k7 > 3", list +
			", .k0 == .k1", list + ", # == " + mapping, list + ", toJSON(#)", list + ", keys(#)",
		list + ", [.k3, .k4]", list + ", #acc + len(#), 0", "values(" + mapping + ")", "toPairs(" + mapping + ")",
		"toPairs(" + mapping + "), #[1] > 3", "[" + mapping + ", " + mapping + "]", "7", "7.5, 2", "7, 2",
		`"2030-01-31"`, `"90m"`,
	}
	sources := make([]string, len(arguments))
	for i, argument := range arguments {
		sources[i] = name + "(" + argument + ")"
	}
	return sources
}

// outcomeOf returns the value as JSON or the message, with the spent units.
func outcomeOf(program *Program, scope *Scope) string {
	v, err := program.Eval(scope)
	if err != nil {
		return fmt.Sprintf("%v; %d units", err, scope.Spent)
	}
	encoded, err := everhook.EncodeJSON(v)
	return fmt.Sprintf("%s %v; %d units", encoded, err, scope.Spent)
}

// shuffledScope returns the scope of the tests, with large mappings whose keys are inserted in a random order.
func shuffledScope(t *testing.T, values map[string]any) *Scope {
	scope := Scope{Values: values, Now: func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
		Seed: t.Name(), ResumeURL: func(key string) (string, error) { return "https://hooks.example/" + key, nil }}
	body := values["trigger"].(map[string]any)["body"].(map[string]any)
	body["wide"] = shuffled(0)
	body["records"] = []any{shuffled(0), shuffled(3), shuffled(0)}
	return &scope
}

func shuffled(from int) map[string]any {
	mapping := map[string]any{}
	for _, i := range rand.Perm(12) {
		mapping[fmt.Sprintf("k%d", i)] = from + i%5
	}
	return mapping
}

func TestTheApplicationsReachTheFunctionsThatTakeMappings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keys", "values", "toPairs", "toJSON", "groupBy", "uniq", "sortBy", "len", "get",
		"concat", "reduce", "fromPairs"} {
		reached := slices.ContainsFunc(applications(name), func(source string) bool {
			program, err := Compile(source, testEnvironment())
			if err != nil || !strings.Contains(source, "trigger.body.") {
				return false
			}
			_, err = program.Eval(shuffledScope(t, testScope(t).Values))
			return err == nil
		})
		require.True(t, reached, name)
	}
}
