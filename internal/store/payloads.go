package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
)

// Payloads keeps the values of one Temporal namespace that are too large for histories. An object has a name within its
// owner, which stands for a workflow ID. The contract is that of payloads.Objects.
type Payloads struct {
	store     *Store
	namespace string
}

// maxPayload bounds one object, in bytes.
const maxPayload = 64 << 20

// Payloads returns the objects of a namespace, by the namespace's ID.
func (s *Store) Payloads(namespaceID string) *Payloads { return &Payloads{s, namespaceID} }

func (p *Payloads) String() string { return "the store's table of payloads" }

// Put stores an object. When it returns nil, the object outlives a power cut.
func (p *Payloads) Put(ctx context.Context, owner, workflow, name string, data []byte) error {
	return p.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, insertPayloadOwner, p.namespace, owner, workflow); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, insertPayload, p.namespace, owner, name, data)
		return err
	})
}

// change runs a transaction that changes no flow, so it does not wake readers of flows.
func (p *Payloads) change(ctx context.Context, change func(tx *sql.Tx) error) error {
	p.store.writing.Lock()
	defer p.store.writing.Unlock()
	tx, err := p.store.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Get returns an object. The error wraps fs.ErrNotExist if there is none.
func (p *Payloads) Get(ctx context.Context, owner, name string) (data []byte, err error) {
	err = p.store.db.QueryRowContext(ctx, selectPayload, p.namespace, owner, name, maxPayload).Scan(&data)
	if !errors.Is(err, sql.ErrNoRows) {
		return data, err
	}
	var size int64
	switch err := p.store.db.QueryRowContext(ctx, selectPayloadSize, p.namespace, owner, name).Scan(&size); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	default:
		return nil, fmt.Errorf("%d bytes are larger than the %d bytes that an object can have", size, maxPayload)
	}
}

// Owners returns at most limit owners that sort after the given one.
func (p *Payloads) Owners(ctx context.Context, after string, limit int) ([]string, error) {
	return p.texts(ctx, selectPayloadOwners, p.namespace, after, limit)
}

// Owner returns the workflow ID of an owner and that of its root; each is empty if it is not known.
func (p *Payloads) Owner(ctx context.Context, owner string) (workflow, root string, err error) {
	err = p.store.db.QueryRowContext(ctx, selectPayloadOwner, p.namespace, owner).Scan(&workflow, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	return workflow, root, err
}

// SetRoot stores the workflow ID of the root of an owner's executions.
func (p *Payloads) SetRoot(ctx context.Context, owner, root string) error {
	return p.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, updatePayloadRoot, root, p.namespace, owner)
		return err
	})
}

// Names lists the objects of an owner.
func (p *Payloads) Names(ctx context.Context, owner string) ([]string, error) {
	return p.texts(ctx, selectPayloadNames, p.namespace, owner)
}

// Delete deletes objects and returns their total size in bytes. An owner without objects is deleted too.
func (p *Payloads) Delete(ctx context.Context, owner string, names []string) (bytes int64, err error) {
	err = p.change(ctx, func(tx *sql.Tx) error {
		for _, name := range names {
			var size int64
			err := tx.QueryRowContext(ctx, selectPayloadSize, p.namespace, owner, name).Scan(&size)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if _, err := tx.ExecContext(ctx, deletePayload, p.namespace, owner, name); err != nil {
				return err
			}
			bytes += size
		}
		_, err := tx.ExecContext(ctx, deletePayloadOwner, p.namespace, owner)
		return err
	})
	if err != nil {
		return 0, err
	}
	return bytes, nil
}

func (p *Payloads) texts(ctx context.Context, query string, args ...any) (texts []string, err error) {
	rows, err := p.store.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}
