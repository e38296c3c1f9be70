package flowtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowtest"
	"github.com/everhook/everhook/nodes"
)

const examplesDir = "../../examples"

func TestTheContractTestsOfAllExamplesPass(t *testing.T) {
	t.Parallel()
	files, err := flowtest.Find([]string{examplesDir})
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			suite, problems, err := flowtest.Load(file, nodes.Standard())
			require.NoError(t, err)
			require.Empty(t, problems)
			results, err := suite.Run(t.Context(), flowtest.Options{})
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(results), 2)
			for _, result := range results {
				require.Empty(t, told(result), "%s: %s", result.Name, diffOf(result))
			}
		})
	}
}

func TestEveryExampleHasContractTests(t *testing.T) {
	t.Parallel()
	flows, err := filepath.Glob(filepath.Join(examplesDir, "*", "flow.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, flows)
	for _, flow := range flows {
		_, err := os.Stat(filepath.Join(filepath.Dir(flow), "flow.test.yaml"))
		require.NoError(t, err)
	}
}
