package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

func keys(t *testing.T, texts ...string) store.SecretKeys {
	t.Helper()
	keys, err := store.ParseSecretKeys(strings.Join(texts, "\n"))
	require.NoError(t, err)
	return keys
}

func TestSecretsAreEncryptedUnderAKeyFromOutside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		s, old, current := at.Open(t), store.NewSecretKey(), store.NewSecretKey()
		changed := s.Watch(t.Context(), store.Secrets)
		require.NoError(t, s.SetSecret(ann(t), keys(t, old), "API_TOKEN", "planted-value"))
		<-changed
		require.NoError(t, s.SetSecret(ann(t), keys(t, old), "OTHER", "other"))
		require.NoError(t, s.SetSecret(ann(t), keys(t, old), "OTHER", "changed"))
		values, err := s.SecretValues(t.Context(), keys(t, old))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"API_TOKEN": "planted-value", "OTHER": "changed"}, values)

		_, err = s.SecretValues(t.Context(), keys(t, current))
		require.ErrorContains(t, err, "the secret API_TOKEN is encrypted with another key, ")
		_, err = s.RotateSecrets(t.Context(), keys(t, current))
		require.ErrorContains(t, err, "is encrypted with another key")
		rotated, err := s.RotateSecrets(t.Context(), keys(t, current, old))
		require.NoError(t, err)
		require.Equal(t, 2, rotated)
		after, err := s.SecretValues(t.Context(), keys(t, current))
		require.NoError(t, err)
		require.Equal(t, values, after)

		listed, err := s.StoredSecrets(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"API_TOKEN", "OTHER"}, []string{listed[0].Name, listed[1].Name})
		require.Equal(t, "person:1", listed[0].Author)
		require.NoError(t, s.RemoveSecret(t.Context(), "OTHER"))
		require.ErrorIs(t, s.RemoveSecret(t.Context(), "OTHER"), store.ErrNotFound)
		entries, err := s.Audit(t.Context(), store.AuditFilter{Object: "secret"})
		require.NoError(t, err)
		require.Len(t, entries, 5)
	})
}

func TestASecretOpensUnderItsOwnNameOnly(t *testing.T) {
	t.Parallel()
	url, key := storetest.Postgres(t), store.NewSecretKey()
	s := storetest.Place(url).Open(t)
	require.NoError(t, s.SetSecret(t.Context(), keys(t, key), "ONE", "planted-value"))
	storetest.SQL(t, url, `UPDATE everhook.secrets SET name = 'TWO'`)
	_, err := s.SecretValues(t.Context(), keys(t, key))
	require.EqualError(t, err, "the secret TWO is damaged")
	storetest.SQL(t, url, `UPDATE everhook.secrets SET data = ''`)
	_, err = s.SecretValues(t.Context(), keys(t, key))
	require.EqualError(t, err, "the secret TWO is damaged")
}

func TestKeysOfSecretsAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "short", store.NewSecretKey() + "\nplanted-key"} {
		_, err := store.ParseSecretKeys(text)
		require.ErrorContains(t, err, "everhook secret key")
		require.NotContains(t, err.Error(), "planted-key")
	}
}
