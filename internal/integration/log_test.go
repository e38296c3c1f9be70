package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

func TestWhatIsNoTroubleIsNotLoggedAsSuch(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	f := p.sync(t, "no-trouble", "options: { wait: 6s }\nnodes: ["+longWait+"]\n")
	got := f.post(t, "")
	require.Equal(t, 202, got.status)
	require.Equal(t, 202, f.answer(t, got.run, "1s").status)
	require.NoError(t, runs.NewOperator(p.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key, got.run))
	require.Equal(t, 503, f.answer(t, got.run, "20s").status)
	require.Empty(t, p.logs.lines("WARN", "ERROR"))
	delivery := p.logs.lines("INFO")
	require.Len(t, delivery, 3, "one line for each call")
	require.Contains(t, delivery[0], `"outcome":"waiting"`)
	require.Contains(t, delivery[0], string(got.run))
}
