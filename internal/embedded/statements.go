//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/jmoiron/sqlx"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
)

// keptStatements is how many statements a connection keeps prepared. The server uses some 60 texts for the work of
// runs; lists of runs add texts of their own.
const keptStatements = 200

// keepStatements gives a database of the server's plugin a connection that keeps its statements prepared. The plugin
// lets SQLite parse each statement again each time, a tenth of the CPU time of a small run. Several databases of the
// plugin share one connection, which is replaced once by one to the same source.
//
// The plugin has no setting for this, and its connection is an unexported field, which is found by reflection here. If
// a later release of the server has no such field, the database stays as it is, and a test fails.
func keepStatements(db sqlplugin.GenericDB, source string, connections int) error {
	keeping.Lock()
	defer keeping.Unlock()
	shared := connectionOf(db)
	if shared == nil {
		return nil
	}
	opened := shared.Driver()
	if _, kept := opened.(keepingDriver); kept {
		return nil
	}
	kept := sql.OpenDB(keepingConnector{driver: keepingDriver{opened}, source: source})
	kept.SetMaxOpenConns(connections)
	kept.SetMaxIdleConns(connections)
	if err := kept.Ping(); err != nil {
		return errors.Join(err, kept.Close())
	}
	first := shared.DB
	shared.DB = kept
	return first.Close()
}

// keeping is held while a connection is replaced.
var keeping sync.Mutex

// connectionOf returns the connection of a database of the server's plugin; nil if it has none.
func connectionOf(db sqlplugin.GenericDB) *sqlx.DB {
	value := reflect.Indirect(reflect.ValueOf(db))
	if value.Kind() != reflect.Struct {
		return nil
	}
	field := value.FieldByName("db")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*sqlx.DB]() {
		return nil
	}
	return (*sqlx.DB)(field.UnsafePointer())
}

// keepingDriver opens connections of another driver that keep their statements prepared.
type keepingDriver struct{ driver.Driver }

// keepingConnector opens connections of one source.
type keepingConnector struct {
	driver keepingDriver
	source string
}

// Driver implements driver.Connector.
func (c keepingConnector) Driver() driver.Driver { return c.driver }

// Connect implements driver.Connector.
func (c keepingConnector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.source)
	if err != nil {
		return nil, err
	}
	inner, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("connections of %T cannot keep statements", c.driver.Driver), opened.Close())
	}
	return &keepingConnection{connection: inner, kept: map[string]*keptStatement{}}, nil
}

// connection is what a connection of the SQLite driver can do.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what a statement of the SQLite driver can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keepingConnection keeps statements prepared by their texts. Like every connection it serves one caller at a time.
type keepingConnection struct {
	connection
	kept map[string]*keptStatement
}

// keptStatement is a prepared statement. It is busy while the rows of a query are read.
type keptStatement struct {
	statement
	busy bool
}

// ExecContext implements driver.ExecerContext.
func (c *keepingConnection) ExecContext(ctx context.Context, query string,
	args []driver.NamedValue) (driver.Result, error) {
	kept, err := c.prepared(ctx, query)
	if err != nil || kept == nil {
		return c.connection.ExecContext(ctx, query, args)
	}
	return kept.ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (c *keepingConnection) QueryContext(ctx context.Context, query string,
	args []driver.NamedValue) (driver.Rows, error) {
	kept, err := c.prepared(ctx, query)
	if err != nil || kept == nil {
		return c.connection.QueryContext(ctx, query, args)
	}
	rows, err := kept.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	kept.busy = true
	return keptRows{rows, kept}, nil
}

// keptRows are the rows of a kept statement.
type keptRows struct {
	driver.Rows
	of *keptStatement
}

// Close implements driver.Rows.
func (r keptRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}

// prepared returns a kept statement; nil if its rows are just read. The driver says what is wrong with a statement that
// cannot be prepared when it runs it.
func (c *keepingConnection) prepared(ctx context.Context, query string) (*keptStatement, error) {
	if kept := c.kept[query]; kept != nil {
		if kept.busy {
			return nil, nil
		}
		return kept, nil
	}
	if len(c.kept) >= keptStatements {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	inner, ok := made.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T runs no queries", made), made.Close())
	}
	kept := &keptStatement{statement: inner}
	c.kept[query] = kept
	return kept, nil
}

// forget closes the statements that are not busy.
func (c *keepingConnection) forget() error {
	var failed error
	for query, kept := range c.kept {
		if !kept.busy {
			failed = errors.Join(failed, kept.Close())
			delete(c.kept, query)
		}
	}
	return failed
}

// Close implements driver.Conn.
func (c *keepingConnection) Close() error { return errors.Join(c.forget(), c.connection.Close()) }
