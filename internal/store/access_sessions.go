package store

import (
	"context"
	"fmt"
	"time"

	"github.com/everhook/everhook/internal/access"
)

const (
	sessionColumns = `id, hash, actor, method, address, agent, bound, proof, created_at, used_at, expires_at, ended_at`
	insertSession  = `INSERT INTO sessions (` + sessionColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	selectSession      = `SELECT ` + sessionColumns + ` FROM sessions WHERE hash = ?`
	selectSessionByID  = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`
	selectOpenSessions = `SELECT ` + sessionColumns + ` FROM sessions WHERE ended_at = 0 AND expires_at > ?
		AND used_at > ? AND (actor = ? OR ? = '') ORDER BY created_at DESC, id LIMIT 1000`
	useSession     = `UPDATE sessions SET used_at = ? WHERE id = ? AND used_at < ?`
	endSession     = `UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at = 0`
	forgetSessions = `DELETE FROM sessions WHERE expires_at < ?`
	seePerson      = `UPDATE people SET seen_at = ? WHERE id = ?`
)

// sessionIdle is how long an unused session is valid, as internal/access has it.
const sessionIdle = 7 * 24 * time.Hour

// AddSession implements access.Store.
func (s *Store) AddSession(ctx context.Context, n access.Session) error {
	return s.change(ctx, func(tx *transaction) error {
		if _, err := tx.exec(ctx, forgetSessions, moment(n.Created)); err != nil {
			return err
		}
		changed, err := tx.exec(ctx, insertSession, n.ID, n.Hash, n.Actor, n.Method, n.Address, n.Agent, n.Bound,
			n.Proof, moment(n.Created), moment(n.Used), moment(n.Expires), moment(n.Ended))
		if err := orElse(changed, err, fmt.Errorf("the proof is %w", access.ErrUsed)); err != nil {
			return err
		}
		if id, ok := personOf(n.Actor); ok {
			if _, err := tx.exec(ctx, seePerson, moment(n.Created), id); err != nil {
				return err
			}
		}
		return tx.record(ctx, Change{Action: "create", Object: "session", Name: n.ID,
			Detail: map[string]any{"method": n.Method}})
	})
}

// Session implements access.Store.
func (s *Store) Session(ctx context.Context, hash []byte) (access.Session, error) {
	session, found, err := one(ctx, s.db, scanSession, selectSession, hash)
	if err == nil && !found {
		err = access.ErrNotFound
	}
	return session, err
}

// UseSession implements access.Store.
func (s *Store) UseSession(ctx context.Context, id string, at time.Time) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, useSession, moment(at), id, moment(at))
		return err
	})
}

// Sessions implements access.Store.
func (s *Store) Sessions(ctx context.Context, actor string, now time.Time) ([]access.Session, error) {
	return collect(ctx, s.db, scanSession, selectOpenSessions, moment(now), moment(now.Add(-sessionIdle)), actor, actor)
}

// EndSession implements access.Store.
func (s *Store) EndSession(ctx context.Context, id string, at time.Time) error {
	return s.change(ctx, func(tx *transaction) error {
		session, found, err := one(ctx, tx.conn, scanSession, tx.forUpdate(selectSessionByID), id)
		switch {
		case err != nil:
			return err
		case !found:
			return noAccess("session", id)
		case !session.Ended.IsZero():
			return errUnchanged
		}
		if _, err := tx.exec(ctx, endSession, moment(at), id); err != nil {
			return err
		}
		return tx.record(ctx, Change{Action: "end", Object: "session", Name: id, Detail: map[string]any{"actor": session.Actor}})
	})
}

func scanSession(row scanner) (n access.Session, err error) {
	err = row.Scan(&n.ID, &n.Hash, &n.Actor, &n.Method, &n.Address, &n.Agent, &n.Bound, &n.Proof,
		(*moment)(&n.Created), (*moment)(&n.Used), (*moment)(&n.Expires), (*moment)(&n.Ended))
	return n, err
}
