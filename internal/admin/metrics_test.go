package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
)

func withMetrics(o admin.Options) admin.Options {
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	return o
}

func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	w := do(withMetrics(options()), get("/metrics"))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "up 1\n", w.Body.String())
}

func TestAnAddressForMetricsServesNothingElse(t *testing.T) {
	t.Parallel()
	o := withMetrics(options())
	o.Ready = func(context.Context) error { return errors.New("not yet") }
	handler := admin.NewMetrics(o)
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 503, "/": 404,
		"/api/v1/flows": 404, "/login": 404} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, get(path))
		require.Equal(t, want, w.Code, path)
	}
}

func TestAnAddressForMetricsIsGuarded(t *testing.T) {
	t.Parallel()
	o := withMetrics(options())
	forwarded := get("/metrics")
	forwarded.Header.Set("X-Forwarded-For", "192.0.2.7")
	w := httptest.NewRecorder()
	admin.NewMetrics(o).ServeHTTP(w, forwarded)
	requireProblem(t, w, 403, everhook.ProblemForbidden, "through a proxy")
	o.Access, o.Local = accesstest.WithToken("sesame"), false
	w = httptest.NewRecorder()
	admin.NewMetrics(o).ServeHTTP(w, get("/metrics"))
	requireProblem(t, w, 401, everhook.ProblemUnauthorized, "Bearer")
	r := get("/metrics")
	r.Header.Set("Authorization", "Bearer sesame")
	w = httptest.NewRecorder()
	admin.NewMetrics(o).ServeHTTP(w, r)
	require.Equal(t, 200, w.Code)
}
