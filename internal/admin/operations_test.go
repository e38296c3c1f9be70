package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
)

// operations are the methods and paths of all operations of the API.
func operations(t *testing.T) (all [][2]string) {
	t.Helper()
	data, err := os.ReadFile("../../docs/openapi.json")
	require.NoError(t, err)
	var document struct{ Paths map[string]map[string]any }
	require.NoError(t, json.Unmarshal(data, &document))
	for path, methods := range document.Paths {
		for method := range methods {
			all = append(all, [2]string{strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path)})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// callersPath begins the paths of the operations that the role caller may use.
const callersPath = "/api/v1/flows/key/runs"

// TestARefusedRequestAsksTemporalNothing: nothing is there that could ask it, so an operation that began would panic.
func TestARefusedRequestAsksTemporalNothing(t *testing.T) {
	t.Parallel()
	o := options()
	o.Access, o.Runs = accesstest.WithToken("correct-horse-battery"), fakeRuns{}
	caller := accesstest.As(o.Access, access.Caller)
	for name, test := range map[string]struct {
		token, query string
		status       int
	}{
		"without a token":           {"", "", http.StatusUnauthorized},
		"with a wrong token":        {"correct-horse-batterx", "", http.StatusUnauthorized},
		"with another role":         {caller, "", http.StatusForbidden},
		"with a parameter too much": {"correct-horse-battery", "?nothing=1", http.StatusBadRequest},
	} {
		for _, operation := range operations(t) {
			if test.token == caller && strings.HasPrefix(operation[1], callersPath) {
				continue
			}
			r := httptest.NewRequest(operation[0], "http://localhost"+operation[1]+test.query, strings.NewReader("{"))
			if test.token != "" {
				r.Header.Set("Authorization", "Bearer "+test.token)
			}
			w := httptest.NewRecorder()
			// A new one each time: wrong tokens are slowed.
			admin.New(o).ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code, "%v %s: %s", operation, name, w.Body)
		}
	}
}
