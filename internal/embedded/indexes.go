//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iancoleman/strcase"
)

// The server's schema has an index for each column of its visibility table, 61 in all, most of them for columns that
// are always NULL here. Each is rewritten whenever a run starts or closes, which was three fourths of the cost of
// visibility. This package keeps only the indexes that lists use.

// listedColumns are the columns by which Everhook, the Temporal UI or the server itself look for executions.
var listedColumns = []string{
	"execution_time", "workflow_id", "workflow_type_name", "status", "task_queue", "parent_workflow_id",
	"root_workflow_id", "TemporalScheduledById", "TemporalNamespaceDivision",
}

// indexNames are the names in the server's schema that do not follow from the column.
var indexNames = map[string]string{"workflow_type_name": "by_workflow_type"}

// defaultIndex is the one for lists without a condition.
const defaultIndex = "default_idx"

// trimIndexes drops the indexes of the visibility table that no list uses, and creates those that are missing for
// attributes, the columns of search attributes in use.
func (s store) trimIndexes(ctx context.Context, attributes []string) (err error) {
	defer func() { err = s.explain(err) }()
	wanted := map[string]string{defaultIndex: ""}
	for _, column := range slices.Concat(listedColumns, attributes) {
		if strings.HasPrefix(column, "KeywordList") || strings.HasPrefix(column, "Text") {
			continue // a full-text table has them
		}
		name, ok := indexNames[column]
		if !ok {
			name = "by_" + strcase.ToSnake(column)
		}
		wanted[name] = column
	}
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	existing, err := visibilityIndexes(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range existing {
		if _, ok := wanted[name]; ok {
			delete(wanted, name)
			continue
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("DROP INDEX %q", name)); err != nil {
			return err
		}
	}
	delete(wanted, defaultIndex)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		column := wanted[name]
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`CREATE INDEX %q ON executions_visibility (namespace_id, %q,
			(COALESCE(close_time, '9999-12-31 23:59:59+00:00')) DESC, start_time DESC, run_id)`, name,
			column)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// visibilityIndexes are the names of the indexes of the visibility table, without those of its keys.
func visibilityIndexes(ctx context.Context, tx *sql.Tx) (names []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT name FROM sqlite_master
		WHERE type = 'index' AND tbl_name = 'executions_visibility' AND sql IS NOT NULL ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
