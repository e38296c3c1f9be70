package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Limits of connections to PostgreSQL.
const (
	// maxPostgresConnections is per process; another one listens.
	maxPostgresConnections = 16
	idleConnection         = 5 * time.Minute
	connectTimeout         = 10 * time.Second
)

// postgresSettings hold for every connection, unless the URL says otherwise. A statement waits as long for a lock as
// with SQLite. A process that was stopped within a transaction does not keep its locks.
var postgresSettings = map[string]string{
	"application_name":                    "everhook",
	"search_path":                         "everhook",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "30s",
}

// IsPostgres reports whether a place is the URL of a PostgreSQL database.
func IsPostgres(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// parsePostgres reads the URL of a database. Its error does not contain the password.
func parsePostgres(place string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(place)
	if err != nil {
		cause := ""
		if parsed, wrong := url.Parse(place); wrong == nil {
			// The text of the cause could have a password that the URL hides in its query.
			if found := errors.Unwrap(err); found != nil && !parsed.Query().Has("password") {
				cause = ": " + found.Error()
			}
		}
		return nil, fmt.Errorf("the URL of PostgreSQL cannot be used%s; write postgres://USER@HOST:5432/DATABASE, "+
			"with special characters of the password percent-encoded, or give the password by the variable "+
			"PGPASSWORD", cause)
	}
	for name, setting := range postgresSettings {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = setting
		}
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	return config, nil
}

func openPostgres(config *pgx.ConnConfig) (*sql.DB, *engine) {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxPostgresConnections)
	db.SetMaxIdleConns(maxPostgresConnections)
	db.SetConnMaxIdleTime(idleConnection)
	schema := config.RuntimeParams["search_path"]
	where := fmt.Sprintf("PostgreSQL %s, database %s", config.Host, config.Database)
	return db, &engine{
		name: "postgres", locking: " FOR UPDATE", notify: "SELECT pg_notify(?, ?)",
		bind: bindPostgres, clean: cleanPostgres,
		migrate:    func(ctx context.Context, db *sql.DB) error { return migratePostgres(ctx, db, schema) },
		explain:    func(err error) error { return explainPostgres(where, err) },
		repeatable: isConflict,
	}
}

// cleanPostgres replaces what a text of PostgreSQL cannot hold, NUL and invalid UTF-8, and resolves columns like
// moment.
func cleanPostgres(args []any) ([]any, error) {
	cleaned := make([]any, len(args))
	for i, arg := range args {
		if column, ok := arg.(driver.Valuer); ok {
			resolved, err := column.Value()
			if err != nil {
				return nil, err
			}
			arg = resolved
		}
		if text, ok := arg.(string); ok {
			arg = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
		}
		cleaned[i] = arg
	}
	return cleaned, nil
}

// Codes of PostgreSQL's errors.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codePrivilege     = "42501"
)

// isConflict reports whether PostgreSQL ended one of two transactions that were in each other's way.
func isConflict(err error) bool {
	code := postgresCode(err)
	return code == codeSerialization || code == codeDeadlock
}

func postgresCode(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code
	}
	return ""
}

// explainPostgres says what to do about a database that cannot be opened.
func explainPostgres(where string, err error) error {
	switch {
	case postgresCode(err) == codePrivilege:
		return fmt.Errorf("%s: %w; let the owner of the database run CREATE SCHEMA everhook AUTHORIZATION, with the "+
			"name of the user", where, err)
	default:
		return fmt.Errorf("%s: %w", where, err)
	}
}

// migrationLock is the key of the advisory lock that migrations hold: "ehok".
const migrationLock = applicationID

// migratePostgres brings a schema up to date in one transaction. The table schema_version has the number of steps
// taken.
func migratePostgres(ctx context.Context, db *sql.DB, schema string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// Another replica's migration may take long.
	if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = 0"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
		return err
	}
	var encoding string
	var current sql.NullString
	row := tx.QueryRowContext(ctx, "SELECT current_setting('server_encoding'), current_schema()::text")
	if err := row.Scan(&encoding, &current); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s; create one with ENCODING 'UTF8'", encoding)
	}
	if !current.Valid {
		if _, err := tx.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
		current.String = schema
	}
	taken, err := takenPostgres(ctx, tx, current.String)
	if err != nil {
		return err
	}
	steps, err := stepsOf("postgres")
	if err != nil {
		return err
	}
	if err := steps.check(taken); err != nil || taken == len(steps) {
		return err
	}
	if err := steps[taken:].take(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE schema_version SET steps = $1", len(steps)); err != nil {
		return err
	}
	return tx.Commit()
}

// takenPostgres returns how many steps a schema has taken. It marks an empty schema as Everhook's.
func takenPostgres(ctx context.Context, tx *sql.Tx, schema string) (taken int, err error) {
	var tables int
	var marked bool
	if err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(bool_or(tablename = 'schema_version'), false)
		FROM pg_catalog.pg_tables WHERE schemaname = $1`, schema).Scan(&tables, &marked); err != nil {
		return 0, err
	}
	switch {
	case marked:
		err = tx.QueryRowContext(ctx, "SELECT steps FROM schema_version").Scan(&taken)
	case tables > 0:
		err = fmt.Errorf("the schema %q has tables that are not Everhook's; name another one with ?search_path=NAME "+
			"in the URL", schema)
	default:
		_, err = tx.ExecContext(ctx, `CREATE TABLE schema_version (steps BIGINT NOT NULL);
			INSERT INTO schema_version VALUES (0)`)
	}
	return taken, err
}
