package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// versioned waits for the partner, and then answers with its version.
func versioned(partner, answer string) string {
	return `nodes:
  - { key: gate, type: http-request, timeout: 50s, config: { url: '` + partner + `' } }
  - { key: a, type: response, config: { body: '` + answer + ` {{ system.flow.version }}' } }
`
}

func TestARunFinishesOnTheVersionItStartedWith(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	f := shared.sync(t, "versions", versioned(gate.URL, "old"))
	require.Equal(t, 1, f.version)
	before := f.postLater(t, "")
	gate.reached(t, 1)
	url := f.url
	f = shared.sync(t, "versions", versioned(gate.URL, "new"))
	require.Equal(t, 2, f.version)
	require.Equal(t, url, f.url, "a flow keeps its URL")
	after := f.postLater(t, "")
	gate.reached(t, 2)
	gate.open()

	old, fresh := received(t, before), received(t, after)
	require.Equal(t, "old 1", old.body)
	require.Equal(t, "new 2", fresh.body)

	f = shared.sync(t, "versions", versioned(gate.URL, "old"))
	require.Equal(t, 1, f.version, "an old content is its old version")
	back := f.post(t, "")
	require.Equal(t, "old 1", back.body)
	for _, run := range []everhook.RunID{old.run, fresh.run, back.run} {
		require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	}
	require.Equal(t, 2, f.show(t, fresh.run).Version)
	replay(t, f, old.run, fresh.run, back.run)
}
