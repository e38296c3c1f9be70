package flowtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestADiffShowsWhatIsOnOneSideAlone(t *testing.T) {
	t.Parallel()
	long := make([]any, 12)
	for i := range long {
		long[i] = i
	}
	other := append([]any{}, long...)
	other[11] = "x"
	for name, c := range map[string]struct {
		want, got *everhook.Value
		diff      string
	}{
		"nothing to compare": {nil, nil, ""},
		"two values":         {everhook.Of(1), everhook.Of("1"), "- 1\n+ \"1\""},
		"nil is a value":     {everhook.Of(nil), everhook.Of(1), "- null\n+ 1"},
		"one is not there":   {everhook.Of("a"), nil, `- "a"`},
		"fields of a mapping": {
			everhook.Of(map[string]any{"a": 1, "b": 2}), everhook.Of(map[string]any{"a": 1, "b": 3}),
			"  {\n    \"a\": 1,\n-   \"b\": 2\n+   \"b\": 3\n  }",
		},
		"lines that are far from it are left out": {everhook.Of(long), everhook.Of(other),
			"  …\n    8,\n    9,\n    10,\n-   11\n+   \"x\"\n  ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.diff, Failure{Want: c.want, Got: c.got}.Diff())
		})
	}
}

func TestADiffOfLongTextsShowsADifferenceAtTheirEnd(t *testing.T) {
	t.Parallel()
	var long []string
	for i := range 100_000 {
		long = append(long, fmt.Sprint(i))
	}
	other := append([]string{}, long...)
	other[99_990] = "x"
	require.Equal(t, "  …\n  99987\n  99988\n  99989\n- 99990\n+ x\n  99991\n  99992\n  99993\n  …", diff(long, other))
	require.Equal(t, "  …\n  99997\n  99998\n  99999\n+ y", diff(long, append(long, "y")))
}

func TestADiffOfLongTextsEnds(t *testing.T) {
	t.Parallel()
	lines := func(text string) []string {
		var list []string
		for i := range 100_000 {
			list = append(list, fmt.Sprintf("%s %d", text, i))
		}
		return list
	}
	shown := diff(lines("a"), lines("b"))
	require.Equal(t, 2*maxDiffLines+1, len(strings.Split(shown, "\n")))
	require.Contains(t, shown, "  …")
}
