package docs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
	"github.com/everhook/everhook/nodes"
)

// TestEveryContractTestInThePagesPasses runs the blocks of contract tests, each with the flow above it on its page.
func TestEveryContractTestInThePagesPasses(t *testing.T) {
	t.Parallel()
	flows := map[string]string{}
	tests := 0
	for _, b := range blocks(t, "yaml") {
		page, _, _ := strings.Cut(b.place, ":")
		if b.meaning == "" {
			flows[page] = b.text
		}
		if b.meaning != "test" {
			continue
		}
		tests++
		flowText := flows[page]
		t.Run(b.place, func(t *testing.T) {
			t.Parallel()
			flow, problems := flowfile.Load("flow.yaml", []byte(flowText), nodes.Standard())
			require.NoError(t, problems.Err())
			suite, problems := flowtest.New(b.place, []byte(b.text), flow, nodes.Standard())
			require.NoError(t, problems.Err())
			results, err := suite.Run(t.Context(), flowtest.Options{})
			require.NoError(t, err)
			for _, result := range results {
				for _, failure := range result.Failures {
					t.Errorf("%s: %s: %s\n%s", result.Name, failure.Field, failure.Message, failure.Diff())
				}
			}
		})
	}
	require.Positive(t, tests)
}
