package store

import (
	"context"
	"fmt"
	"time"

	"github.com/everhook/everhook/internal/access"
)

const (
	tokenColumns = `id, hash, name, role, labels, flows, created_at, created_by, expires_at, used_at, revoked_at`
	selectTokens = `SELECT ` + tokenColumns + ` FROM tokens`
	latestTokens = selectTokens + ` ORDER BY created_at DESC, id`
	selectToken  = selectTokens + ` WHERE id = ?`
	insertToken  = `INSERT INTO tokens (` + tokenColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	useToken         = `UPDATE tokens SET used_at = ? WHERE id = ? AND used_at < ?`
	revokeToken      = `UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at = 0`
	endActorSessions = `UPDATE sessions SET ended_at = ? WHERE actor = ? AND ended_at = 0`
)

// Tokens implements access.Store.
func (s *Store) Tokens(ctx context.Context) ([]access.Token, error) {
	return collect(ctx, s.db, scanToken, latestTokens)
}

// Token implements access.Store.
func (s *Store) Token(ctx context.Context, id string) (access.Token, error) {
	token, found, err := one(ctx, s.db, scanToken, selectToken, id)
	if err == nil && !found {
		err = noAccess("token", id)
	}
	return token, err
}

func noAccess(what, id string) error { return fmt.Errorf("%s %s: %w", what, id, access.ErrNotFound) }

// AddToken implements access.Store.
func (s *Store) AddToken(ctx context.Context, t access.Token) error {
	return s.change(ctx, func(tx *transaction) error {
		changed, err := tx.exec(ctx, insertToken, t.ID, t.Hash, t.Name, string(t.Role), list(t.Labels), list(t.Flows),
			moment(t.Created), t.CreatedBy, moment(t.Expires), moment(t.Used), moment(t.Revoked))
		if err := orElse(changed, err, fmt.Errorf("the name is %w", access.ErrTaken)); err != nil {
			return err
		}
		if err := tx.closeAccess(ctx, t.Created); err != nil {
			return err
		}
		return tx.record(ctx, Change{Action: "create", Object: "token", Name: t.ID, Detail: map[string]any{"name": t.Name,
			"role": t.Role, "labels": t.Labels, "flows": t.Flows, "expires": t.Expires}})
	})
}

// UseToken implements access.Store.
func (s *Store) UseToken(ctx context.Context, id string, at time.Time) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, useToken, moment(at), id, moment(at))
		return err
	})
}

// RevokeToken implements access.Store.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.change(ctx, func(tx *transaction) error {
		token, found, err := one(ctx, tx.conn, scanToken, tx.forUpdate(selectToken), id)
		switch {
		case err != nil:
			return err
		case !found:
			return noAccess("token", id)
		case !token.Revoked.IsZero():
			return errUnchanged
		}
		if _, err := tx.exec(ctx, revokeToken, moment(at), id); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, endActorSessions, moment(at), "token:"+id); err != nil {
			return err
		}
		return tx.record(ctx, Change{Action: "revoke", Object: "token", Name: id, Detail: map[string]any{"name": token.Name}})
	})
}

func scanToken(row scanner) (t access.Token, err error) {
	err = row.Scan(&t.ID, &t.Hash, &t.Name, &t.Role, (*list)(&t.Labels), (*list)(&t.Flows), (*moment)(&t.Created),
		&t.CreatedBy, (*moment)(&t.Expires), (*moment)(&t.Used), (*moment)(&t.Revoked))
	return t, err
}
