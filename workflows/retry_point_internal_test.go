package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestValuesThatAnotherRunCouldNotReadAreRefused(t *testing.T) {
	t.Parallel()
	nested := func(depth int) any {
		var v any = 1
		for range depth {
			v = []any{v}
		}
		return v
	}
	at := func(v any) *RetryPoint { return &RetryPoint{Node: "a", Nodes: everhook.Mapping{"v": v}} }
	require.NoError(t, checkRetryPoint(at(nested(everhook.MaxDepth)), 0))
	require.ErrorContains(t, checkRetryPoint(at(nested(everhook.MaxDepth+1)), 0),
		`the values before the node "a" cannot be handed to another run: `)
}
