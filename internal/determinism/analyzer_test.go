package determinism_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/everhook/everhook/internal/determinism"
)

// The packages in testdata replace kinds and the engine. (analysistest cannot run workflowcheck: it refuses facts that
// are mappings.)
func TestCodeThatAReplayCouldChangeIsReported(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("testdata")
	require.NoError(t, err)
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax, Dir: folder,
		Env: append(os.Environ(), "GOPATH="+folder, "GO111MODULE=off", "GOFLAGS=")},
		"kinds", "github.com/everhook/everhook/internal/engine")
	require.NoError(t, err)
	require.Zero(t, packages.PrintErrors(loaded))
	graph, err := checker.Analyze([]*analysis.Analyzer{determinism.NewAnalyzer()}, loaded, nil)
	require.NoError(t, err)

	var found []string
	for _, action := range graph.Roots {
		require.NoError(t, action.Err)
		for _, diagnostic := range action.Diagnostics {
			found = append(found, strings.Join(strings.Fields(diagnostic.Message), " "))
		}
	}
	slices.Sort(found)
	require.Equal(t, []string{
		"(*kinds.Clock).Execute is non-deterministic, reason: calls non-deterministic function kinds.now " +
			"kinds.now is non-deterministic, reason: calls non-deterministic function time.Now " +
			"time.Now is non-deterministic, reason: declared non-deterministic",
		"(*kinds.Ranging).Iterate is non-deterministic, reason: iterates over map",
		"github.com/everhook/everhook/internal/engine.walk is non-deterministic, reason: calls non-deterministic " +
			"function time.Now time.Now is non-deterministic, reason: declared non-deterministic",
	}, found)
}
