package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// ApplyOptions configure Apply.
type ApplyOptions struct {
	// Enable makes the applied version the enabled one.
	Enable bool
}

// Applied is the result of Apply.
type Applied struct {
	// Version is the version with the applied content.
	Version everhook.Version
	// Created is false if an existing version had the same content.
	Created bool
	// Token is the flow's token.
	Token string
}

// Apply makes a definition the next version of its flow. If a version has the same content already, Apply uses that
// one. Source says where the definition comes from.
//
// The flow keeps one token: that of the trigger of the last enabled version that had one, else a random one of 130 bits
// that was made with the first version. A token that another flow has is ErrTokenTaken.
func (s *Store) Apply(ctx context.Context, def *everhook.Definition, source string,
	o ApplyOptions) (applied Applied, err error) {
	if !everhook.IsFlowKey(def.Key) {
		return Applied{}, fmt.Errorf("%q is no flow's key; a key is made of a-z, 0-9 and -",
			everhook.Shorten(def.Key, 64))
	}
	content, err := everhook.EncodeJSON(def)
	if err != nil {
		return Applied{}, err
	}
	hash, err := def.Hash()
	if err != nil {
		return Applied{}, err
	}
	err = s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		before, err := flowOf(ctx, tx.conn, def.Key)
		isNew := errors.Is(err, ErrNotFound)
		if err != nil && !isNew {
			return false, err
		}
		after := before
		after.Key, after.Source = def.Key, source
		if isNew {
			after.Token, after.Secret = newToken(), make([]byte, 32)
			rand.Read(after.Secret)
		}
		number, err := versionWith(ctx, tx, def.Key, hash)
		if err != nil {
			return false, err
		}
		applied.Created = number == 0
		if applied.Created {
			after.Latest++
			number = after.Latest
		}
		if o.Enable {
			after.Enabled = number
		}
		if err := takeToken(ctx, tx, &after, def, isNew || o.Enable); err != nil {
			return false, err
		}
		applied.Version = everhook.Version{Number: number, Hash: hash, Definition: def}
		applied.Token = after.Token
		if err := save(ctx, tx, &before, &after); err != nil || !applied.Created {
			return after.differs(&before), err
		}
		_, err = tx.exec(ctx, insertVersion, def.Key, number, hash, def.Title, def.Mode, string(content), source,
			moment(time.Now()))
		return true, err
	})
	if err != nil {
		return Applied{}, err
	}
	return applied, nil
}

// Enable makes a version the enabled one of its flow; an older version is a roll back. It returns ErrNotFound if there
// is no such version.
func (s *Store) Enable(ctx context.Context, key string, number int) error {
	return s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		before, err := flowOf(ctx, tx.conn, key)
		if err != nil {
			return false, err
		}
		version, err := versionOf(ctx, tx.conn, key, number)
		if err != nil {
			return false, err
		}
		after := before
		after.Enabled = number
		if err := takeToken(ctx, tx, &after, version.Definition, true); err != nil {
			return false, err
		}
		return after.differs(&before), save(ctx, tx, &before, &after)
	})
}

// Disable leaves a flow without an enabled version. It returns ErrNotFound if there is no such flow.
func (s *Store) Disable(ctx context.Context, key string) error {
	return s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		before, err := flowOf(ctx, tx.conn, key)
		if err != nil {
			return false, err
		}
		after := before
		after.Enabled = 0
		return after.differs(&before), save(ctx, tx, &before, &after)
	})
}

// Delete removes a flow with its versions, its token and its secret. It returns ErrNotFound if there is no such flow.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.changeFlows(ctx, func(tx *transaction) (bool, error) {
		deleted, err := tx.exec(ctx, deleteFlow, key)
		if err == nil && deleted == 0 {
			err = noFlow(key)
		}
		return true, err
	})
}

// newToken returns 130 random bits in lower-case base32.
func newToken() string { return strings.ToLower(rand.Text()) }

// takeToken checks the token of the definition's trigger. With take, it becomes the flow's token.
func takeToken(ctx context.Context, tx *transaction, flow *Flow, def *everhook.Definition, take bool) error {
	token, _ := def.Trigger.Config["token"].(string)
	if token == "" {
		return nil
	}
	if !everhook.IsToken(token) {
		return fmt.Errorf("the token of flow %q is none; a token has 8 to 128 of A-Z, a-z, 0-9, _ and -", flow.Key)
	}
	owner, taken, err := one(ctx, tx.conn, value[string], selectTokenOwner, token, flow.Key)
	switch {
	case err != nil:
		return err
	case taken:
		return fmt.Errorf("%w: flow %q has it; choose another, or leave it out, and one is made", ErrTokenTaken, owner)
	}
	if take {
		flow.Token = token
	}
	return nil
}

// versionWith returns the number of the version with a content, or 0.
func versionWith(ctx context.Context, tx *transaction, key, hash string) (number int, err error) {
	number, _, err = one(ctx, tx.conn, value[int], selectByHash, key, hash)
	return number, err
}

// save writes a flow if it is new or has changed.
func save(ctx context.Context, tx *transaction, before, after *Flow) (err error) {
	switch {
	case before.Key == "":
		_, err = tx.exec(ctx, insertFlow, after.Key, after.Token, after.Secret, after.Enabled, after.Latest,
			after.Source, moment(time.Now()))
	case after.differs(before):
		_, err = tx.exec(ctx, updateFlow, after.Token, after.Enabled, after.Latest, after.Source,
			moment(time.Now()), after.Key)
	}
	return err
}

// differs compares the mutable fields of a flow.
func (f *Flow) differs(other *Flow) bool {
	return f.Key != other.Key || f.Token != other.Token || f.Enabled != other.Enabled || f.Latest != other.Latest ||
		f.Source != other.Source
}
