package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/everhook/everhook/internal/store"
)

// storedSecrets are the secrets in the store. They are empty until the store is open, and without a key.
type storedSecrets struct {
	values atomic.Pointer[map[string]string]
	stop   func()
}

// Values returns the secrets by name.
func (s *storedSecrets) Values() map[string]string {
	if values := s.values.Load(); values != nil {
		return *values
	}
	return nil
}

// rereadSecrets is the interval at which the secrets are read, even if no change was told.
const rereadSecrets = 10 * time.Second

// secretKeys returns the keys of the secrets in the store; nil without one.
func (o *Options) secretKeys() (store.SecretKeys, error) {
	return SecretKeys(o.SecretsKey, o.SecretsKeyFile)
}

// SecretKeys returns the keys of the secrets in the store, from a text or a file; nil without either.
func SecretKeys(text, file string) (store.SecretKeys, error) {
	if file != "" {
		if text != "" {
			return nil, errors.New("--secrets-key and --secrets-key-file are both set; remove one")
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--secrets-key-file: %w", err)
		}
		text = string(data)
	}
	if text == "" {
		return nil, nil
	}
	return store.ParseSecretKeys(text)
}

// openSecrets reads the secrets in the store and follows their changes; Stop ends it. A secret that does not open is
// logged and not set.
func (s *Server) openSecrets(ctx context.Context) error {
	keys, err := s.options.secretKeys()
	if err != nil {
		return err
	}
	if keys == nil {
		stored, err := s.store.StoredSecrets(ctx)
		if err == nil && len(stored) > 0 {
			s.logger.Warn("the store has secrets, and they are not used without --secrets-key-file", "secrets",
				len(stored))
		}
		return err
	}
	last := ""
	read := func(ctx context.Context) error {
		values, err := s.store.SecretValues(ctx, keys)
		if values == nil {
			return err
		}
		s.stored.values.Store(&values)
		if err != nil && err.Error() != last {
			s.logger.Error("secrets in the store cannot be used", "error", err)
		}
		last = fmt.Sprint(err)
		return nil
	}
	following, cancel := context.WithCancel(context.Background())
	changed := s.store.Watch(following, store.Secrets)
	if err := read(ctx); err != nil {
		cancel()
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(rereadSecrets)
		defer ticker.Stop()
		for {
			select {
			case <-following.Done():
				return
			case <-changed:
			case <-ticker.C:
			}
			if err := read(following); err != nil && following.Err() == nil {
				s.logger.Warn("the secrets in the store cannot be read; the last ones stay", "error", err)
			}
		}
	}()
	s.stored.stop = func() { cancel(); <-ended }
	return nil
}
