package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
)

// Each file is one step of the schema, in the order of their names. Never edit a released step.
//
//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as Everhook's (SQLite's application_id): "ehok".
const applicationID = 0x65686f6b

// migrate brings the schema up to date in one transaction. SQLite's user_version is the number of steps taken.
func (s *Store) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var application, taken, tables int
	if err := tx.QueryRowContext(ctx, schemaState).Scan(&application, &taken, &tables); err != nil {
		return err
	}
	switch {
	case application != applicationID && (tables > 0 || application != 0):
		return fmt.Errorf("the database is not Everhook's; use another data directory")
	case taken > len(names):
		return fmt.Errorf("the database was written by a newer Everhook (schema %d, this one knows %d); use that one",
			taken, len(names))
	case taken == len(names):
		return nil
	}
	for _, name := range names[taken:] {
		step, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(step)); err != nil {
			return fmt.Errorf("schema step %s: %w", path.Base(name), err)
		}
	}
	// A pragma takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID,
		len(names))); err != nil {
		return err
	}
	return tx.Commit()
}
