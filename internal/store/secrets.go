package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// SecretKeys encrypt the secrets in the store. The first one encrypts, all decrypt. They are never stored.
type SecretKeys []secretKey

type secretKey struct {
	// id is stored beside what the key encrypted.
	id     string
	cipher cipher.AEAD
}

// keyBytes is the size of a key: AES-256.
const keyBytes = 32

// NewSecretKey makes a key in the form that ParseSecretKeys reads: base64.
func NewSecretKey() string {
	key := make([]byte, keyBytes)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// ParseSecretKeys reads keys, one a line, the current one first. Its errors do not repeat them.
func ParseSecretKeys(text string) (SecretKeys, error) {
	var keys SecretKeys
	for line := range strings.FieldsSeq(text) {
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyBytes {
			return nil,
				fmt.Errorf("key %d of the secrets is not %d bytes in base64; make one with `everhook secret key`",
					len(keys)+1, keyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("everhook key of secrets\x00"), key...))
		keys = append(keys, secretKey{hex.EncodeToString(sum[:8]), aead})
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key of the secrets; make one with `everhook secret key`")
	}
	return keys, nil
}

// seal encrypts a value for a name: moved to another name, it does not open.
func (k SecretKeys) seal(name, value string) (id string, data []byte) {
	nonce := make([]byte, k[0].cipher.NonceSize())
	rand.Read(nonce)
	return k[0].id, k[0].cipher.Seal(nonce, nonce, []byte(value), []byte(name))
}

func (k SecretKeys) open(name, id string, data []byte) (string, error) {
	for _, key := range k {
		if key.id != id {
			continue
		}
		size := key.cipher.NonceSize()
		if len(data) < size {
			return "", fmt.Errorf("the secret %s is damaged", name)
		}
		value, err := key.cipher.Open(nil, data[:size], data[size:], []byte(name))
		if err != nil {
			return "", fmt.Errorf("the secret %s is damaged", name)
		}
		return string(value), nil
	}
	return "",
		fmt.Errorf("the secret %s is encrypted with another key, %s; add that key after the current one, or set "+
			"the secret again", name, id)
}

// StoredSecret is a secret without its value.
type StoredSecret struct {
	Name string
	// Key is the ID of the key that encrypted it.
	Key string
	// Author is the actor who set it.
	Author string
	SetAt  time.Time
}

// Secrets are the secrets in the store.
const Secrets Topic = "secrets"

const (
	selectSecrets = `SELECT name, key, author, set_at FROM secrets ORDER BY name`
	selectSealed  = `SELECT name, key, data FROM secrets ORDER BY name`
	putSecret     = `INSERT INTO secrets (name, key, data, author, set_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)
		DO UPDATE SET key = excluded.key, data = excluded.data, author = excluded.author, set_at = excluded.set_at`
	updateSealed = `UPDATE secrets SET key = ?, data = ? WHERE name = ?`
	deleteSecret = `DELETE FROM secrets WHERE name = ?`
)

// SetSecret encrypts and stores a secret.
func (s *Store) SetSecret(ctx context.Context, keys SecretKeys, name, value string) error {
	return s.change(ctx, func(tx *transaction) error {
		id, data := keys.seal(name, value)
		if _, err := tx.exec(ctx, putSecret, name, id, data, access.Author(ctx).ID, moment(time.Now())); err != nil {
			return err
		}
		return errors.Join(tx.record(ctx, Change{Action: "set", Object: "secret", Name: name}), tx.wake(ctx, Secrets))
	})
}

// RemoveSecret deletes a secret, or returns ErrNotFound.
func (s *Store) RemoveSecret(ctx context.Context, name string) error {
	return s.change(ctx, func(tx *transaction) error {
		removed, err := tx.exec(ctx, deleteSecret, name)
		if err == nil && removed == 0 {
			err = fmt.Errorf("secret %s: %w", name, ErrNotFound)
		}
		if err != nil {
			return err
		}
		return errors.Join(tx.record(ctx, Change{Action: "remove", Object: "secret", Name: name}),
			tx.wake(ctx, Secrets))
	})
}

// StoredSecrets lists the secrets by name.
func (s *Store) StoredSecrets(ctx context.Context) ([]StoredSecret, error) {
	return collect(ctx, s.db, func(row scanner) (one StoredSecret, err error) {
		err = row.Scan(&one.Name, &one.Key, &one.Author, (*moment)(&one.SetAt))
		return one, err
	}, selectSecrets)
}

// sealed is an encrypted secret.
type sealed struct {
	name, key string
	data      []byte
}

func scanSealed(row scanner) (one sealed, err error) {
	err = row.Scan(&one.name, &one.key, &one.data)
	return one, err
}

// SecretValues decrypts all secrets. The error joins those of the secrets that do not open; the others are returned.
func (s *Store) SecretValues(ctx context.Context, keys SecretKeys) (map[string]string, error) {
	all, err := collect(ctx, s.db, scanSealed, selectSealed)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(all))
	var errs []error
	for _, one := range all {
		value, err := keys.open(one.name, one.key, one.data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		values[one.name] = value
	}
	return values, errors.Join(errs...)
}

// RotateSecrets encrypts all secrets with the first key, in one transaction, and returns how many had another one. If
// one does not open, nothing is changed.
func (s *Store) RotateSecrets(ctx context.Context, keys SecretKeys) (rotated int, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		rotated = 0
		all, err := collect(ctx, tx.conn, scanSealed, tx.forUpdate(selectSealed))
		if err != nil {
			return err
		}
		for _, one := range all {
			value, err := keys.open(one.name, one.key, one.data)
			if err != nil {
				return err
			}
			if one.key == keys[0].id {
				continue
			}
			id, data := keys.seal(one.name, value)
			if _, err := tx.exec(ctx, updateSealed, id, data, one.name); err != nil {
				return err
			}
			rotated++
		}
		return tx.record(ctx, Change{Action: "rotate", Object: "secret", Detail: map[string]any{"key": keys[0].id,
			"secrets": rotated}})
	})
	return rotated, err
}
