//go:build !noembedded

package embedded

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVisibilityKeepsTheIndexesOfLists(t *testing.T) {
	t.Parallel()
	_, s := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	before := names(t, s)
	require.Greater(t, len(before), 50)

	require.NoError(t, s.trimIndexes(t.Context(), []string{"Keyword01", "Keyword02", "KeywordList01"}))
	kept := names(t, s)
	require.ElementsMatch(t, []string{
		"default_idx", "by_execution_time", "by_workflow_id", "by_workflow_type", "by_status", "by_task_queue",
		"by_parent_workflow_id", "by_root_workflow_id", "by_temporal_scheduled_by_id", "by_temporal_namespace_division",
		"by_keyword_01", "by_keyword_02",
	}, kept)
	require.Subset(t, before, kept, "the names are those of the server's schema")

	definition := func(name string) string {
		return query(t, s, "SELECT sql FROM sqlite_master WHERE name = '"+name+"'")
	}
	before03 := strings.ReplaceAll(definition("by_keyword_02"), "02", "03")
	require.NoError(t, s.trimIndexes(t.Context(), []string{"Keyword01", "Keyword03"}))
	require.NotContains(t, names(t, s), "by_keyword_02")
	fields := func(text string) []string { return strings.Fields(strings.ReplaceAll(text, `"`, "")) }
	require.Equal(t, fields(before03), fields(definition("by_keyword_03")), "an index that is missing is created again")
}

func names(t *testing.T, s store) []string {
	t.Helper()
	return strings.Split(query(t, s, `SELECT group_concat(name) FROM sqlite_master
		WHERE type = 'index' AND tbl_name = 'executions_visibility' AND sql IS NOT NULL`), ",")
}
