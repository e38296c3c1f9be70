package cmd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes"
)

// TestAnApplyKeepsToItsPlan: what changed after the plan is not overwritten.
func TestAnApplyKeepsToItsPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, key := range []string{"known", "fresh"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, key+".yaml"), []byte("key: "+key+"\nmode: async\n"+
			"trigger: { type: webhook }\nnodes: []\n"), 0o600))
	}
	got := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPut && r.URL.Query().Get("dryRun") == "true":
			if r.URL.Path == "/api/v1/flows/known" {
				w.Header().Set("ETag", `"7"`)
			}
		case r.Method == http.MethodGet && r.URL.Path == "/api/v1/flows":
			_, _ = io.WriteString(w, `{"flows":[{"key":"gone","source":"shop","managed":"store"}]}`)
			return
		case r.Method == http.MethodGet:
			w.Header().Set("ETag", `"3"`)
		default:
			got[r.Method+" "+r.URL.Path] = r.Header.Get("If-Match") + r.Header.Get("If-None-Match")
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	var out, stderr bytes.Buffer
	status := run(context.WithoutCancel(t.Context()), nodes.Standard(), []string{"flow", "apply", dir, "--server",
		server.URL, "--source", "shop", "--prune"}, streams{out: &out, err: &stderr})
	require.Zero(t, status, stderr.String())
	require.Equal(t, map[string]string{"PUT /api/v1/flows/known": `"7"`, "PUT /api/v1/flows/fresh": "*",
		"DELETE /api/v1/flows/gone": `"3"`}, got)
}
