package store

import (
	"context"
	"time"
)

const takeLease = `INSERT INTO leases (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
	SET holder = excluded.holder, until = excluded.until WHERE leases.holder = excluded.holder OR leases.until <= ?`

const dropLease = `DELETE FROM leases WHERE name = ? AND holder = ?`

// Lease takes or renews the lease of work that one process does for all, and reports whether the holder has it now. It
// ends after the time, by the clock of the machine that asks, or with ReleaseLease.
func (s *Store) Lease(ctx context.Context, name, holder string, length time.Duration) (held bool, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		now := time.Now()
		changed, err := tx.exec(ctx, takeLease, name, holder, moment(now.Add(length)), moment(now))
		held = changed > 0
		return err
	})
	return held && err == nil, err
}

// ReleaseLease ends a lease before its time.
func (s *Store) ReleaseLease(ctx context.Context, name, holder string) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, dropLease, name, holder)
		return err
	})
}
