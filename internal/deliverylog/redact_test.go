package deliverylog_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/deliverylog"
)

func TestSecretsAreNotOnRecord(t *testing.T) {
	t.Parallel()
	log := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{
		Redact: func(text string) string { return strings.ReplaceAll(text, "s3cret-value", "[secret API_KEY]") }})
	for _, c := range []struct {
		name, contentType, query, body string
		wantQuery, wantBody            string
		whole                          bool
	}{
		{"nothing secret", "application/json", "a=1&page=2", `{"order": {"id": 7}}`, "a=1&page=2",
			`{"order": {"id": 7}}`, true},
		{"a known secret anywhere", "text/plain", "q=s3cret-value", "it is s3cret-value", "q=[secret API_KEY]",
			"it is [secret API_KEY]", false},
		{"names in JSON", "application/json", "", `{"user": {"Pass-Word": "x", "name": "ann"}, "tokens": [1]}`, "",
			`{"tokens":"[redacted]","user":{"Pass-Word":"[redacted]","name":"ann"}}`, false},
		{"names in a form", "application/x-www-form-urlencoded", "", "user[password]=x&name=ann", "",
			"user[password]=%5Bredacted%5D&name=ann", false},
		{"names in a query", "application/json", "access_token=abc&b=2", `{}`, "access_token=%5Bredacted%5D&b=2",
			`{}`, false},
		{"words that are no names", "application/json", "", `{"text": "the password is in the safe", "tokenised": 1}`,
			"", `{"text": "the password is in the safe", "tokenised": 1}`, true},
		{"no JSON", "application/json", "", `{"password": `, "", `{"password": `, true},
	} {
		r := made(0, "orders", "accepted")
		r.Request = &deliverylog.Request{Method: "POST", Query: c.query, Body: []byte(c.body),
			Headers: map[string]string{"content-type": c.contentType}}
		add(t, log, r)
		got, err := log.Get(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, c.wantQuery, got.Request.Query, c.name)
		require.Equal(t, c.wantBody, string(got.Request.Body), c.name)
		require.Equal(t, c.whole, got.Request.Whole(), c.name)
	}
	r := made(0, "orders", "accepted")
	r.Cause, r.Fields = "s3cret-value is wrong", []deliverylog.Field{{Name: "k", Value: "s3cret-value"}}
	r.Request = &deliverylog.Request{Method: "POST", Headers: map[string]string{"x-auth-token": "abc", "x-id": "5",
		"x-note": "s3cret-value"}}
	add(t, log, r)
	got, err := log.Get(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"x-auth-token": "[redacted]", "x-id": "5", "x-note": "[secret API_KEY]"},
		got.Request.Headers)
	require.Equal(t, "[secret API_KEY] is wrong", got.Cause)
	require.Equal(t, "[secret API_KEY]", got.Fields[0].Value)
}
