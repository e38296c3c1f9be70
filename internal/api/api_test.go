package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
)

// each calls a function with every operation.
func each(t *testing.T, s *service, check func(method, path string, op *huma.Operation)) {
	t.Helper()
	count := 0
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put,
			"DELETE": item.Delete, "PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options} {
			if op != nil {
				count++
				check(method, path, op)
			}
		}
	}
	require.Equal(t, len(operations), count)
}

func TestEveryOperationSaysWhoMayCallIt(t *testing.T) {
	t.Parallel()
	each(t, newService(Options{}), func(method, path string, op *huma.Operation) {
		needed, _ := op.Metadata[metaRole].(access.Role)
		require.Contains(t, access.Roles, needed, "%s %s", method, path)
		if method != http.MethodGet && op.OperationID != "end-session" { // everyone may end their own
			require.NotEqual(t, access.Viewer, needed, "%s %s: a viewer changes nothing", method, path)
		}
		require.NotEmpty(t, op.Summary, path)
		require.NotEmpty(t, op.OperationID, path)
		declared := 0
		for _, parameter := range op.Parameters {
			if parameter.In == "path" {
				declared++
			}
		}
		require.Equal(t, strings.Count(path, "{"), declared, "%s %s: a parameter is not read", method, path)
	})
}

func TestNoRoleIsRefusedBeforeTheRequestIsRead(t *testing.T) {
	t.Parallel()
	// The options have nothing to read from: an operation that begins panics.
	s := newService(Options{})
	each(t, s, func(method, path string, op *huma.Operation) {
		for _, role := range append(access.Roles, "") {
			if role.Includes(op.Metadata[metaRole].(access.Role)) {
				continue
			}
			r := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path),
				strings.NewReader("{"))
			w := httptest.NewRecorder()
			s.mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Actor{Role: role})))
			require.Equal(t, http.StatusForbidden, w.Code, "%s %s as %s", method, path, role)
			require.Contains(t, w.Body.String(), "urn:everhook:problem:not-permitted")
		}
	})
}

func TestThePageOfTheAPINeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newService(Options{})
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, ReferencePath, nil))
	page := w.Body.String()
	require.Equal(t, http.StatusOK, w.Code)
	for _, foreign := range []string{"<script", "https://", "http://", "style=", "<style"} {
		require.NotContains(t, page, foreign)
	}
	each(t, s, func(_, path string, op *huma.Operation) {
		require.Contains(t, page, `id="`+op.OperationID+`"`)
		require.Contains(t, page, path)
	})
	for _, link := range strings.Split(page, `href="#`)[1:] {
		name, _, _ := strings.Cut(link, `"`)
		require.Contains(t, page, `id="`+name+`"`, "a link that leads nowhere")
	}
}
