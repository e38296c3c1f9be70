package flowgen

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

var flows = flag.Int("flows", 300, "how many random flows of each variant are made and compiled")

// variants are the options that tests use.
var variants = map[string]Options{
	"everything":            {Partner: "http://127.0.0.1:1"},
	"pure":                  {Pure: true},
	"comparable":            {Comparable: true, Partner: "http://127.0.0.1:1"},
	"comparable and pure":   {Comparable: true, Pure: true},
	"sequential and deep":   {Sequential: true, MaxNodes: 200, MaxDepth: 12, Partner: "http://127.0.0.1:1"},
	"aborted by a timeout":  {Abort: 1e9, Partner: "http://127.0.0.1:1"},
	"with many iterations":  {MaxIterations: 50, MaxSteps: 3000},
	"without a single loop": {MaxSteps: 1},
}

func TestEveryKindHasAGenerator(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, kind := range nodes.Standard().Kinds() {
		kinds = append(kinds, kind.Spec().Kind)
	}
	require.ElementsMatch(t, kinds, names, "add the kind to the table generators, with a function that makes its nodes")
}

func TestRandomFlowsAreValid(t *testing.T) {
	t.Parallel()
	for name, options := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := nodes.Standard()
			for seed := range uint64(*flows) {
				flow := Generate(seed, options)
				for _, definition := range append(flow.Companions, flow.Definition) {
					_, problems := compile.Definition(definition, registry)
					for _, problem := range problems {
						require.True(t, problem.Warning, "%v\n%s", problem, flow)
					}
				}
			}
		})
	}
}

func TestRandomFlowsAreFlowFiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*flows / 3) {
		flow := Generate(seed, variants["everything"])
		for _, definition := range append(flow.Companions, flow.Definition) {
			text, err := everhook.EncodeJSON(definition)
			require.NoError(t, err)
			read, problems := flowfile.Load("random.json", text, nodes.Standard())
			require.Empty(t, problems.Errors(), "%s", flow)
			again, err := everhook.EncodeJSON(read.Definition)
			require.NoError(t, err)
			require.Equal(t, string(text), string(again))
		}
	}
}

func TestASeedAlwaysMakesTheSameFlow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		require.Equal(t, Generate(seed, variants["everything"]), Generate(seed, variants["everything"]))
	}
	require.NotEqual(t, Generate(1, Options{Key: "a"}), Generate(2, Options{Key: "a"}))
}

// TestEveryKindStandsInEveryPosition checks that the random flows cover all kinds and positions; the other tests rely
// on it.
func TestEveryKindStandsInEveryPosition(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(3000) {
		Walk(Generate(seed, variants["everything"]).Definition, func(position string, node *everhook.Node) {
			seen[fmt.Sprintf("%s in %s", node.Type, position)]++
		})
	}
	for _, kind := range names {
		for _, position := range Positions() {
			require.NotZero(t, seen[fmt.Sprintf("%s in %s", kind, position)], "%s in %s", kind, position)
		}
	}
}

func TestOptionsLeaveKindsOut(t *testing.T) {
	t.Parallel()
	kinds := func(options Options) map[string]bool {
		seen := map[string]bool{}
		for seed := range uint64(300) {
			Walk(Generate(seed, options).Definition, func(_ string, node *everhook.Node) { seen[node.Type] = true })
		}
		return seen
	}
	pure := kinds(Options{Pure: true, Partner: "http://127.0.0.1:1", Abort: 1e9})
	for _, kind := range []string{"delay", "json-query", "http-request", "subflow", "wait-for-call"} {
		require.False(t, pure[kind], kind)
	}
	require.True(t, pure["parallel"])
	require.False(t, kinds(Options{Sequential: true})["parallel"])
	require.False(t, kinds(Options{})["http-request"])
}

func TestWaitsAreThoseOfTheFlowAndOfItsCompanions(t *testing.T) {
	t.Parallel()
	inLoops, inCompanions := 0, 0
	for seed := range uint64(300) {
		flow := Generate(seed, variants["everything"])
		count := 0
		for _, definition := range append(flow.Companions, flow.Definition) {
			Walk(definition, func(position string, node *everhook.Node) {
				if node.Type != "wait-for-call" || position == "after a caught error" {
					return
				}
				count++
				wait, ok := flow.WaitOf(definition.Key, node.Key)
				require.True(t, ok)
				if len(wait.Loops) > 0 {
					inLoops++
				}
				if definition != flow.Definition {
					inCompanions++
				}
			})
		}
		require.Len(t, flow.Waits, count)
	}
	require.NotZero(t, inLoops)
	require.NotZero(t, inCompanions)
	require.Equal(t, "a[0].b[0]", Wait{Loops: []string{"a", "b"}}.First())
	require.Empty(t, Wait{}.First())
}

func TestTheFlowOfAllFunctionsIsValid(t *testing.T) {
	t.Parallel()
	flow, problems := compile.Definition(FunctionFlow("functions"), nodes.Standard())
	require.NotNil(t, flow, "%v", problems)
	require.NotEmpty(t, FunctionResults())
}
