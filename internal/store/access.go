package store

import (
	"context"
	"time"

	"github.com/everhook/everhook/internal/access"
)

var _ access.Store = (*Store)(nil)

const (
	insertAccess = `INSERT INTO access (one, server, key, closed_at) VALUES (1, ?, ?, 0)
		ON CONFLICT (one) DO NOTHING`
	selectAccess = `SELECT server, key, closed_at FROM access`
	closeAccess  = `UPDATE access SET closed_at = ? WHERE closed_at = 0`
)

// AccessState implements access.Store.
func (s *Store) AccessState(ctx context.Context, proposed access.State) (access.State, error) {
	state, found, err := one(ctx, s.db, scanAccess, selectAccess)
	if err != nil || found {
		return state, err
	}
	err = s.change(ctx, func(tx *transaction) error {
		if _, err := tx.exec(ctx, insertAccess, proposed.Server, proposed.Key); err != nil {
			return err
		}
		state, _, err = one(ctx, tx.conn, scanAccess, selectAccess)
		return err
	})
	return state, err
}

func scanAccess(row scanner) (state access.State, err error) {
	var closed moment
	err = row.Scan(&state.Server, &state.Key, &closed)
	state.Closed = !time.Time(closed).IsZero()
	return state, err
}

// CloseAccess implements access.Store.
func (s *Store) CloseAccess(ctx context.Context, at time.Time) error {
	return s.change(ctx, func(tx *transaction) error { return tx.closeAccess(ctx, at) })
}

// closeAccess closes an open server, with a line in the audit trail the first time.
func (tx *transaction) closeAccess(ctx context.Context, at time.Time) error {
	changed, err := tx.exec(ctx, closeAccess, moment(at))
	if err != nil || changed == 0 {
		return err
	}
	return tx.record(ctx, Change{Action: "close", Object: "access"})
}

// lockAccess makes changes to people wait for each other, until the end of the transaction.
func (tx *transaction) lockAccess(ctx context.Context) error {
	_, _, err := one(ctx, tx.conn, scanAccess, tx.forUpdate(selectAccess))
	return err
}

// orElse turns a statement that changed no row into an error.
func orElse(changed int64, err, none error) error {
	if err == nil && changed == 0 {
		return none
	}
	return err
}
