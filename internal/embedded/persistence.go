//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
)

// pluginName is the name under which the server finds the persistence plugin of this package.
const pluginName = "everhook-sqlite"

// registerPlugin makes the plugin known to the server, which keeps plugins for the life of the process.
var registerPlugin = sync.OnceFunc(func() { persistencesql.RegisterPlugin(pluginName, plugin{}) })

// plugin is the server's SQLite plugin with other queries where the server's own scan a table from its start. Those
// queries also get a connection of their own that only reads, because the writing connection is the bottleneck of the
// server. With the write-ahead log, SQLite can read on one connection while another one writes.
type plugin struct{}

var _ sqlplugin.Plugin = plugin{}

// GetVisibilityQueryConverter is that of the server's plugin.
func (plugin) GetVisibilityQueryConverter() sqlplugin.VisibilityQueryConverter {
	converter, err := persistencesql.GetPluginVisibilityQueryConverter(sqliteplugin.PluginName)
	if err != nil {
		panic(err) // the server's plugin is linked into the program
	}
	return converter
}

// CreateDB makes a database of the server's plugin, and for histories adds the connection that reads.
func (plugin) CreateDB(kind sqlplugin.DbKind, cfg *config.SQL, r resolver.ServiceResolver, l log.Logger,
	m metrics.Handler) (sqlplugin.GenericDB, error) {
	inner := *cfg
	inner.PluginName = sqliteplugin.PluginName
	db, err := persistencesql.NewSQLDB(kind, &inner, r, l, m)
	if err != nil {
		return nil, err
	}
	if err := keepStatements(db, source(cfg.DatabaseName, "rwc"), max(cfg.MaxConns, 1)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if kind != sqlplugin.DbKindMain {
		return db, nil
	}
	reader, err := sql.Open("sqlite", readOnlySource(cfg.DatabaseName))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	reader.SetMaxOpenConns(2)
	return &boundedDB{DB: db, admin: db.(admin), reader: reader}, nil
}

// boundedDB replaces queries whose cost grows with the size of a table.
type boundedDB struct {
	sqlplugin.DB
	admin
	reader *sql.DB
}

// admin is the part of the plugin's database that checks the version of the schema.
type admin interface {
	sqlplugin.AdminCRUD
	ExpectedVersion() string
	VerifyVersion() error
}

var (
	_ sqlplugin.DB      = (*boundedDB)(nil)
	_ sqlplugin.AdminDB = (*boundedDB)(nil)
)

// Close closes both connections.
func (d *boundedDB) Close() error { return errors.Join(d.reader.Close(), d.DB.Close()) }

// The server selects tasks after a position (timestamp, ID) by (t >= ? AND id >= ?) OR t > ?. No index can use that as
// a lower bound, so each look-up of the next timers reads all tasks that are due and not deleted yet. This query has
// the timestamp as a bound.
const dueTasks = `SELECT visibility_timestamp, task_id, data, data_encoding FROM history_scheduled_tasks
	WHERE shard_id = ? AND category_id = ? AND visibility_timestamp >= ? AND visibility_timestamp < ?
	AND (task_id >= ? OR visibility_timestamp > ?)
	ORDER BY visibility_timestamp, task_id LIMIT ?`

// RangeSelectFromHistoryScheduledTasks reads the tasks that are due in a range of time, from a position on.
func (d *boundedDB) RangeSelectFromHistoryScheduledTasks(ctx context.Context,
	f sqlplugin.HistoryScheduledTasksRangeFilter) ([]sqlplugin.HistoryScheduledTasksRow, error) {
	from, to := storedTime(f.InclusiveMinVisibilityTimestamp), storedTime(f.ExclusiveMaxVisibilityTimestamp)
	rows, err := d.reader.QueryContext(ctx, dueTasks, f.ShardID, f.CategoryID, from, to, f.InclusiveMinTaskID, from,
		f.PageSize)
	return collect(rows, err, func(row *sqlplugin.HistoryScheduledTasksRow) []any {
		return []any{&row.VisibilityTimestamp, &row.TaskID, &row.Data, &row.DataEncoding}
	}, func(row *sqlplugin.HistoryScheduledTasksRow) {
		row.VisibilityTimestamp = storedTime(row.VisibilityTimestamp)
	})
}

// Timers have a table of their own, which the server asks in the same way.
const dueTimers = `SELECT visibility_timestamp, task_id, data, data_encoding FROM timer_tasks
	WHERE shard_id = ? AND visibility_timestamp >= ? AND visibility_timestamp < ?
	AND (task_id >= ? OR visibility_timestamp > ?)
	ORDER BY visibility_timestamp, task_id LIMIT ?`

// RangeSelectFromTimerTasks reads the timers that are due in a range of time, from a position on.
func (d *boundedDB) RangeSelectFromTimerTasks(ctx context.Context,
	f sqlplugin.TimerTasksRangeFilter) ([]sqlplugin.TimerTasksRow, error) {
	from, to := storedTime(f.InclusiveMinVisibilityTimestamp), storedTime(f.ExclusiveMaxVisibilityTimestamp)
	rows, err := d.reader.QueryContext(ctx, dueTimers, f.ShardID, from, to, f.InclusiveMinTaskID, from, f.PageSize)
	return collect(rows, err, func(row *sqlplugin.TimerTasksRow) []any {
		return []any{&row.VisibilityTimestamp, &row.TaskID, &row.Data, &row.DataEncoding}
	}, func(row *sqlplugin.TimerTasksRow) { row.VisibilityTimestamp = storedTime(row.VisibilityTimestamp) })
}

// The pages of a history, with the same bound. The server stores transaction IDs negated.
const (
	historyNodes = `SELECT node_id, prev_txn_id, txn_id, data, data_encoding ` + historyNodesFrom
	historyNames = `SELECT node_id, prev_txn_id, txn_id, x'', '' ` + historyNodesFrom

	historyNodesFrom = `FROM history_node
	WHERE shard_id = ? AND tree_id = ? AND branch_id = ? AND node_id >= ? AND node_id < ? AND (txn_id > ? OR node_id > ?)
	ORDER BY node_id, txn_id LIMIT ?`
)

// RangeSelectFromHistoryNode reads a page of a history. In reverse order, the server's own query is used.
func (d *boundedDB) RangeSelectFromHistoryNode(ctx context.Context,
	f sqlplugin.HistoryNodeSelectFilter) ([]sqlplugin.HistoryNodeRow, error) {
	if f.ReverseOrder {
		return d.DB.RangeSelectFromHistoryNode(ctx, f)
	}
	query := historyNodes
	if f.MetadataOnly {
		query = historyNames
	}
	rows, err := d.reader.QueryContext(ctx, query, f.ShardID, f.TreeID, f.BranchID, f.MinNodeID, f.MaxNodeID,
		-f.MinTxnID, f.MinNodeID, f.PageSize)
	return collect(rows, err, func(row *sqlplugin.HistoryNodeRow) []any {
		return []any{&row.NodeID, &row.PrevTxnID, &row.TxnID, &row.Data, &row.DataEncoding}
	}, func(row *sqlplugin.HistoryNodeRow) { row.TxnID = -row.TxnID })
}

// collect scans all rows. Columns returns the targets for the columns of a row, finish completes the row.
func collect[Row any](rows *sql.Rows, err error, columns func(*Row) []any, finish func(*Row)) (all []Row, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row Row
		if err := rows.Scan(columns(&row)...); err != nil {
			return nil, err
		}
		finish(&row)
		all = append(all, row)
	}
	return all, rows.Err()
}

// earliest is how the server's plugin stores the zero time.
var earliest = time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)

// storedTime is a time in the form in which the server's plugin stores it.
func storedTime(t time.Time) time.Time {
	if t.IsZero() {
		return earliest
	}
	return t.UTC().Truncate(time.Microsecond)
}
