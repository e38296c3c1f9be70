//go:build !noembedded

package embedded

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
)

// both opens one history database by the server's plugin and by this one.
func both(t *testing.T, s store) (theirs, ours sqlplugin.DB) {
	t.Helper()
	registerPlugin()
	open := func(name string) sqlplugin.DB {
		cfg := sqlConfig(s.path)
		cfg.PluginName = name
		db, err := persistencesql.NewSQLDB(sqlplugin.DbKindMain, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(),
			metrics.NoopMetricsHandler)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	return open(sqliteplugin.PluginName), open(pluginName)
}

func TestDueTasksAreThoseOfTheServersPlugin(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	theirs, ours := both(t, s)
	start := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	var rows []sqlplugin.HistoryScheduledTasksRow
	for i := range int64(40) {
		rows = append(rows, sqlplugin.HistoryScheduledTasksRow{ShardID: 1, CategoryID: 2, TaskID: i * 7 % 40,
			VisibilityTimestamp: start.Add(time.Duration(i/4) * 123456 * time.Microsecond), Data: []byte{byte(i)},
			DataEncoding: "Proto3"})
	}
	var timers []sqlplugin.TimerTasksRow
	for _, row := range rows {
		timers = append(timers, sqlplugin.TimerTasksRow{ShardID: 1, TaskID: row.TaskID,
			VisibilityTimestamp: row.VisibilityTimestamp, Data: row.Data, DataEncoding: row.DataEncoding})
	}
	_, err := theirs.InsertIntoHistoryScheduledTasks(t.Context(), rows)
	require.NoError(t, err)
	_, err = theirs.InsertIntoTimerTasks(t.Context(), timers)
	require.NoError(t, err)
	for _, from := range []time.Time{{}, start, start.Add(time.Second), rows[20].VisibilityTimestamp} {
		for _, id := range []int64{0, 13, 25, 39} {
			for _, size := range []int{1, 5, 100} {
				filter := sqlplugin.HistoryScheduledTasksRangeFilter{ShardID: 1, CategoryID: 2,
					InclusiveMinTaskID: id, InclusiveMinVisibilityTimestamp: from,
					ExclusiveMaxVisibilityTimestamp: start.Add(1100 * time.Millisecond), PageSize: size}
				want, err := theirs.RangeSelectFromHistoryScheduledTasks(t.Context(), filter)
				require.NoError(t, err)
				got, err := ours.RangeSelectFromHistoryScheduledTasks(t.Context(), filter)
				require.NoError(t, err)
				require.Equal(t, want, got, "from %v, %d, %d", from, id, size)
				timers := sqlplugin.TimerTasksRangeFilter{ShardID: 1, InclusiveMinTaskID: id,
					InclusiveMinVisibilityTimestamp: from, PageSize: size,
					ExclusiveMaxVisibilityTimestamp: filter.ExclusiveMaxVisibilityTimestamp}
				wantTimers, err := theirs.RangeSelectFromTimerTasks(t.Context(), timers)
				require.NoError(t, err)
				gotTimers, err := ours.RangeSelectFromTimerTasks(t.Context(), timers)
				require.NoError(t, err)
				require.Equal(t, wantTimers, gotTimers, "from %v, %d, %d", from, id, size)
			}
		}
	}
}

func TestPagesOfAHistoryAreThoseOfTheServersPlugin(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	theirs, ours := both(t, s)
	tree, branch := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	for node := range int64(6) {
		for txn := range int64(3) {
			_, err := theirs.InsertIntoHistoryNode(t.Context(), &sqlplugin.HistoryNodeRow{ShardID: 1, TreeID: tree,
				BranchID: branch, NodeID: node + 1, TxnID: 100 + txn, PrevTxnID: 99, Data: []byte{byte(node)},
				DataEncoding: "Proto3"})
			require.NoError(t, err)
		}
	}
	for _, filter := range []sqlplugin.HistoryNodeSelectFilter{
		{MinNodeID: 1, MaxNodeID: 100, PageSize: 100}, {MinNodeID: 2, MinTxnID: 101, MaxNodeID: 5, PageSize: 3},
		{MinNodeID: 3, MinTxnID: 100, MaxNodeID: 6, PageSize: 100, MetadataOnly: true},
		{MinNodeID: 1, MaxNodeID: 4, MaxTxnID: 101, PageSize: 100, ReverseOrder: true},
	} {
		filter.ShardID, filter.TreeID, filter.BranchID = 1, tree, branch
		want, err := theirs.RangeSelectFromHistoryNode(t.Context(), filter)
		require.NoError(t, err)
		require.NotEmpty(t, want)
		got, err := ours.RangeSelectFromHistoryNode(t.Context(), filter)
		require.NoError(t, err)
		for i := range want {
			want[i].Data, got[i].Data = append([]byte{}, want[i].Data...), append([]byte{}, got[i].Data...)
		}
		require.Equal(t, want, got, "%+v", filter)
	}
}

// TestQueriesSearchAnIndexByTheirBounds reads SQLite's plan: a lower and an upper bound of the position.
func TestQueriesSearchAnIndexByTheirBounds(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	for statement, want := range map[string]string{
		dueTimers:    "(shard_id=? AND visibility_timestamp>? AND visibility_timestamp<?)",
		dueTasks:     "(shard_id=? AND category_id=? AND visibility_timestamp>? AND visibility_timestamp<?)",
		historyNodes: "(shard_id=? AND tree_id=? AND branch_id=? AND node_id>? AND node_id<?)",
		historyNames: "(shard_id=? AND tree_id=? AND branch_id=? AND node_id>? AND node_id<?)",
	} {
		plan := explain(t, s, statement)
		require.Contains(t, plan, want)
		require.NotContains(t, plan, "SCAN")
		require.NotContains(t, plan, "TEMP B-TREE")
	}
}

// explain is SQLite's plan of a statement with parameters.
func explain(t *testing.T, s store, statement string) string {
	t.Helper()
	db, err := s.open()
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	parameters := make([]any, strings.Count(statement, "?"))
	for i := range parameters {
		parameters[i] = i
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, parameters...)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		fmt.Fprintln(&plan, detail)
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
