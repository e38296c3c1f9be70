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
	return p.store.change(ctx, func(tx *transaction) error {
		if _, err := tx.exec(ctx, insertPayloadOwner, p.namespace, owner, workflow); err != nil {
			return err
		}
		_, err := tx.exec(ctx, insertPayload, p.namespace, owner, name, data)
		return err
	})
}

// Get returns an object. The error wraps fs.ErrNotExist if there is none.
func (p *Payloads) Get(ctx context.Context, owner, name string) (data []byte, err error) {
	err = p.store.db.row(ctx, selectPayload, p.namespace, owner, name, maxPayload).Scan(&data)
	if !errors.Is(err, sql.ErrNoRows) {
		return data, err
	}
	var size int64
	switch err := p.store.db.row(ctx, selectPayloadSize, p.namespace, owner, name).Scan(&size); {
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
	err = p.store.db.row(ctx, selectPayloadOwner, p.namespace, owner).Scan(&workflow, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	return workflow, root, err
}

// SetRoot stores the workflow ID of the root of an owner's executions.
func (p *Payloads) SetRoot(ctx context.Context, owner, root string) error {
	return p.store.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, updatePayloadRoot, root, p.namespace, owner)
		return err
	})
}

// Names lists the objects of an owner.
func (p *Payloads) Names(ctx context.Context, owner string) ([]string, error) {
	return p.texts(ctx, selectPayloadNames, p.namespace, owner)
}

// Delete deletes objects and returns their total size in bytes. An owner without objects is deleted too.
func (p *Payloads) Delete(ctx context.Context, owner string, names []string) (bytes int64, err error) {
	err = p.store.change(ctx, func(tx *transaction) error {
		bytes = 0
		// A Put that has found the owner must not lose it before its object is there.
		if _, _, err := one(ctx, tx.conn, value[string], tx.forUpdate(lockPayloadOwner), p.namespace,
			owner); err != nil {
			return err
		}
		for _, name := range names {
			var size int64
			err := tx.row(ctx, selectPayloadSize, p.namespace, owner, name).Scan(&size)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if _, err := tx.exec(ctx, deletePayload, p.namespace, owner, name); err != nil {
				return err
			}
			bytes += size
		}
		_, err := tx.exec(ctx, deletePayloadOwner, p.namespace, owner)
		return err
	})
	if err != nil {
		return 0, err
	}
	return bytes, nil
}

func (p *Payloads) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	return collect(ctx, p.store.db, value[string], query, args...)
}
