package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// FuzzNext signs in with any return path: the browser must stay on this address. Browsers treat a backslash as a slash,
// and remove tabs and line breaks.
func FuzzNext(f *testing.F) {
	for _, next := range []string{"/", "/runs?flow=a#b", "//evil", "/\\evil", "/\t/evil", "/%09/evil", "https://evil",
		"/%2F/evil", "/../..//evil", "\x00", "/é"} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		w := do(guarded(), form("/login", url.Values{"token": {"sesame"}, "next": {next}}))
		if len(next) > 8<<10 {
			return
		}
		location := strings.NewReplacer("\t", "", "\r", "", "\n", "", "\\", "/").Replace(w.Header().Get("Location"))
		require.True(t, strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//"), "%q leads to %q", next,
			location)
	})
}

// FuzzSession sends any cookie: only those of a sign-in are accepted.
func FuzzSession(f *testing.F) {
	for _, value := range []string{"", ".", "1.x", "9999999999.", "9999999999.AAAA", "-1.", "99999999999999999999.x"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := get("/api/v1/flows")
		r.AddCookie(&http.Cookie{Name: "everhook_session", Value: value})
		require.Equal(t, http.StatusUnauthorized, do(guarded(), r).Code)
	})
}

// FuzzFilter parses any query: an accepted filter has only valid fields.
func FuzzFilter(f *testing.F) {
	for _, query := range []string{"", "flow=a&status=failed&limit=7&page=_wA", "flow='", "limit=-1", "status=queued",
		"page=%", "flow=a;b"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		filter, err := api.ParseFilter(values)
		if err != nil {
			return
		}
		require.True(t, filter.Flow == "" || everhook.IsFlowKey(filter.Flow))
		require.True(t, filter.Limit >= 1 && filter.Limit <= 200)
		if len(filter.Page) > 0 {
			again, err := api.ParseFilter(url.Values{"page": {api.PageText(filter.Page)}})
			require.NoError(t, err)
			require.Equal(t, filter.Page, again.Page)
		}
	})
}
