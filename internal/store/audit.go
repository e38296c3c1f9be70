package store

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// Change is what a person, a token or the server did, as a caller of record describes it.
type Change struct {
	// Action is a verb, for example "enable".
	Action string
	// Object is the kind of what was changed, for example "flow", and Name which one.
	Object, Name string
	// Detail is more data; no secret.
	Detail map[string]any
}

// Entry is a line of the audit trail.
type Entry struct {
	// ID grows with time.
	ID int64
	At time.Time
	// Actor is the ID of the actor, ActorKind its kind, and ActorName its name at that time.
	Actor     string
	ActorKind access.Kind
	ActorName string
	// Address is the client address; empty for changes by the process itself.
	Address string
	Change
}

// AuditFilter selects entries. A field that is empty selects all.
type AuditFilter struct {
	Actor, Action, Object, Name string
	// Since is inclusive, Until exclusive.
	Since, Until time.Time
	// Before selects entries with a lower ID: the last ID of a page gives the next one.
	Before int64
	// Limit is at most 1000; 0 stands for 100.
	Limit int
}

const (
	insertEntry = `INSERT INTO audit (at, actor, actor_kind, actor_name, address, action, object, name, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectEntries = `SELECT id, at, actor, actor_kind, actor_name, address, action, object, name, detail FROM audit
		WHERE id < ? AND at >= ? AND at < ?`
	deleteEntries = `DELETE FROM audit WHERE at < ?`
)

// record adds an entry to the audit trail, with the actor and the address of the context.
func (t *transaction) record(ctx context.Context, change Change) error {
	detail, err := json.Marshal(change.Detail)
	if err != nil {
		return err
	}
	actor := access.Author(ctx)
	_, err = t.exec(ctx, insertEntry, moment(time.Now()), actor.ID, string(actor.Kind), actor.Name, access.Address(ctx),
		change.Action, change.Object, change.Name, string(detail))
	return err
}

// Record adds an entry for a change that is made elsewhere, for example to a run.
func (s *Store) Record(ctx context.Context, change Change) error {
	return s.change(ctx, func(tx *transaction) error { return tx.record(ctx, change) })
}

// Audit returns entries of the audit trail, the newest first.
func (s *Store) Audit(ctx context.Context, filter AuditFilter) ([]Entry, error) {
	query := strings.Builder{}
	query.WriteString(selectEntries)
	until := filter.Until
	if until.IsZero() {
		until = time.UnixMicro(math.MaxInt64)
	}
	if filter.Since.IsZero() {
		filter.Since = time.UnixMicro(0)
	}
	args := []any{cmp.Or(filter.Before, math.MaxInt64), moment(filter.Since), moment(until)}
	for _, equal := range []struct{ column, value string }{
		{"actor", filter.Actor}, {"action", filter.Action}, {"object", filter.Object}, {"name", filter.Name},
	} {
		if equal.value != "" {
			query.WriteString(" AND " + equal.column + " = ?")
			args = append(args, equal.value)
		}
	}
	query.WriteString(" ORDER BY id DESC LIMIT ?")
	limit := min(cmp.Or(filter.Limit, 100), 1000)
	return collect(ctx, s.db, scanEntry, query.String(), append(args, limit)...)
}

// ForgetAudit deletes the entries from before a time and returns their number.
func (s *Store) ForgetAudit(ctx context.Context, before time.Time) (deleted int64, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		deleted, err = tx.exec(ctx, deleteEntries, moment(before))
		return err
	})
	return deleted, err
}

func scanEntry(row scanner) (entry Entry, err error) {
	var detail string
	err = row.Scan(&entry.ID, (*moment)(&entry.At), &entry.Actor, &entry.ActorKind, &entry.ActorName, &entry.Address,
		&entry.Action, &entry.Object, &entry.Name, &detail)
	if err != nil {
		return Entry{}, err
	}
	return entry, json.Unmarshal([]byte(detail), &entry.Detail)
}
