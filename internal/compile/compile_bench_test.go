package compile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
)

// wideFlow has n nodes, each of which names nodes before it.
func wideFlow(n int) *everhook.Definition {
	d := &everhook.Definition{Key: "wide", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"}}
	for i := range n {
		d.Nodes = append(d.Nodes, everhook.Node{Key: fmt.Sprintf("n%d", i), Type: "calculation",
			Config: everhook.Mapping{
				"expression": fmt.Sprintf("(nodes.n%d ?? 0) + (nodes.n%d ?? 0) + trigger.body.amount * 2", i-1, i/2-1),
			}})
	}
	d.Nodes[0].Config["expression"] = "1"
	if n > 1 {
		d.Nodes[1].Config["expression"] = "nodes.n0"
	}
	return d
}

func TestTheLargestFlowCompilesFast(t *testing.T) {
	d := wideFlow(compile.MaxNodes)
	began := time.Now()
	flow, problems := compile.Definition(d, nodes.Standard())
	took := time.Since(began)
	require.Empty(t, problems)
	require.NotNil(t, flow)
	t.Logf("%d nodes compiled in %s", compile.MaxNodes, took)
	require.Less(t, took, 2*time.Second, "it takes about 50 ms on an idle machine")
}

func TestAFlowThatIsWrongThroughoutIsRefusedFast(t *testing.T) {
	d := wideFlow(compile.MaxNodes)
	for i := range d.Nodes {
		d.Nodes[i].Config["expression"] = fmt.Sprintf("nodes.nobody%d", i)
	}
	began := time.Now()
	flow, problems := compile.Definition(d, nodes.Standard())
	took := time.Since(began)
	require.Nil(t, flow)
	require.Len(t, problems, 200)
	t.Logf("refused in %s", took)
	require.Less(t, took, 5*time.Second, "it takes about 50 ms on an idle machine")
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, compile.MaxNodes} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			d := wideFlow(n)
			for b.Loop() {
				if flow, problems := compile.Definition(d, nodes.Standard()); flow == nil {
					b.Fatal(problems)
				}
			}
		})
	}
}
