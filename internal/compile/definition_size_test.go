package compile_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
)

func TestADefinitionMayHave256KiBCompressed(t *testing.T) {
	t.Parallel()
	noise := func(n int) string {
		source, text := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
		for i := range text {
			text[i] = "abcdefghijklmnopqrstuvwxyz234567"[source.IntN(32)]
		}
		return string(text)
	}
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"a text that compresses well":         {strings.Repeat("a", 2<<20), true},
		"less than the limit":                 {noise(350 << 10), true},
		"more than the limit, however packed": {noise(500 << 10), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &everhook.Definition{
				Key: "large", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"},
				Nodes: []everhook.Node{{Key: "text", Type: "variable", Config: everhook.Mapping{"value": test.text}}},
			}
			flow, problems := compile.Definition(d, nodes.Standard())
			for _, problem := range problems {
				if problem.Pointer == "/nodes" {
					require.False(t, test.want)
					require.Contains(t, problem.Message, "the definition is larger than 256KiB")
					require.Nil(t, flow)
				}
			}
			require.Equal(t, test.want, flow != nil, "%v", problems)
			_, err := compile.ForRun(d, nodes.Standard())
			require.NoError(t, err, "a run that was started with it goes on")
		})
	}
}
