package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
)

// delays is a flow of that many delays, which have a duration by default.
func delays(count int, defaults everhook.Mapping) *everhook.Definition {
	d := &everhook.Definition{Key: "f", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"},
		Defaults: map[string]everhook.Mapping{"delay": defaults}}
	for i := range count {
		d.Nodes = append(d.Nodes, everhook.Node{Key: fmt.Sprintf("n%d", i), Type: "delay"})
	}
	return d
}

func TestDefaultsLeaveTheDefinitionAsItIs(t *testing.T) {
	t.Parallel()
	d := delays(2, everhook.Mapping{"duration": "1s", "onError": "continue"})
	d.Nodes[1].Config = everhook.Mapping{"duration": "5s"}
	before, err := everhook.EncodeJSON(d)
	require.NoError(t, err)
	flow, problems := compile.Definition(d, nodes.Standard())
	require.Empty(t, problems)
	require.Equal(t, everhook.Mapping{"duration": "1s"}, flow.Node("n0").Config)
	require.Equal(t, everhook.Mapping{"duration": "5s"}, flow.Node("n1").Config)
	require.Equal(t, everhook.OnErrorContinue, flow.Node("n1").OnError)
	after, err := everhook.EncodeJSON(d)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	again, err := compile.ForRun(d, nodes.Standard())
	require.NoError(t, err)
	require.Equal(t, flow.Node("n0").Config, again.Node("n0").Config)
}

func TestDefaultsThatWouldFillTheMemoryAreRefused(t *testing.T) {
	t.Parallel()
	long := "{{ '" + strings.Repeat("a", 2000) + "' }}"
	_, problems := compile.Definition(delays(500, everhook.Mapping{"duration": long}), nodes.Standard())
	require.NoError(t, compile.FirstError(problems))
	_, problems = compile.Definition(delays(600, everhook.Mapping{"duration": long}), nodes.Standard())
	require.ErrorContains(t, compile.FirstError(problems), "the defaults are too large for so many nodes")
	require.Less(t, len(problems), 700)
}
