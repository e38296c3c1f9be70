package admin_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/live"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store/storetest"
)

// told are the changes of a server: one flow changes whenever it is said.
type told struct{ at atomic.Int64 }

func (*told) Changed(context.Context, time.Time, int) ([]runs.Summary, bool, error) {
	return nil, false, nil
}

func (c *told) flows() time.Time { return time.UnixMicro(c.at.Load()) }

// aging is a service whose clock can be set forward.
type aging struct {
	*access.Service
	ahead atomic.Int64
}

// joins gives a request the session of an operator.
func (s *aging) joins(t *testing.T, r *http.Request) access.SignedIn {
	t.Helper()
	invited, err := s.Invite(access.With(t.Context(), access.System), access.NewPerson{Name: "A",
		Email: "a@example.com", Role: access.Operator})
	require.NoError(t, err)
	_, secret, _ := strings.Cut(invited.Path, "#")
	signedIn, err := s.AcceptWithPassword(t.Context(), secret, access.Accepting{Password: "correct horse battery"},
		access.Client{})
	require.NoError(t, err)
	r.AddCookie(&http.Cookie{Name: "everhook_session", Value: signedIn.Cookie})
	return signedIn
}

// TestAStreamEndsWithTheRightsOfItsActor: what happens afterwards is not told.
func TestAStreamEndsWithTheRightsOfItsActor(t *testing.T) {
	t.Parallel()
	root := access.With(t.Context(), access.System)
	disabled, viewer := true, access.Viewer
	for name, test := range map[string]struct {
		// begin gives a request credentials, and returns what takes the rights away.
		begin func(t *testing.T, s *aging, r *http.Request) (end func())
		stays bool
	}{
		"a revoked token": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			token, secret, err := s.CreateToken(root, access.NewToken{Name: "a", Role: access.Viewer})
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+secret)
			return func() { require.NoError(t, s.RevokeToken(root, token.ID)) }
		}},
		"an expired token": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			_, secret, err := s.CreateToken(root, access.NewToken{Name: "a", Role: access.Viewer,
				Expires: time.Now().Add(time.Hour)})
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+secret)
			return func() { s.ahead.Store(int64(time.Hour)) }
		}},
		"a token that stays": {stays: true, begin: func(t *testing.T, s *aging, r *http.Request) func() {
			_, secret, err := s.CreateToken(root, access.NewToken{Name: "a", Role: access.Viewer})
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+secret)
			return func() {}
		}},
		"an ended session": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			signedIn := s.joins(t, r)
			return func() { require.NoError(t, s.EndSession(root, signedIn.Actor.Session)) }
		}},
		"an old session": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			s.joins(t, r)
			return func() { s.ahead.Store(int64(31 * 24 * time.Hour)) }
		}},
		"a disabled person": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			id := strings.TrimPrefix(s.joins(t, r).Actor.ID, "person:")
			return func() {
				_, err := s.ChangePerson(root, id, access.PersonChange{Disabled: &disabled})
				require.NoError(t, err)
			}
		}},
		"a person with another role": {begin: func(t *testing.T, s *aging, r *http.Request) func() {
			id := strings.TrimPrefix(s.joins(t, r).Actor.ID, "person:")
			return func() {
				_, err := s.ChangePerson(root, id, access.PersonChange{Role: &viewer})
				require.NoError(t, err)
			}
		}},
		"an open server that closes": {begin: func(t *testing.T, s *aging, _ *http.Request) func() {
			return func() {
				_, err := s.Invite(root, access.NewPerson{Name: "A", Email: "a@example.com", Role: access.Admin})
				require.NoError(t, err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &aging{}
			var err error
			s.Service, err = access.New(t.Context(), access.Options{MayOpen: true,
				Store: storetest.Place(t.TempDir() + "/e.db").Open(t),
				Now:   func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
			require.NoError(t, err)
			changes := &told{}
			hub := live.New(live.Options{Changes: changes, Flows: changes.flows, Every: 10 * time.Millisecond})
			o := options()
			o.Access, o.Events = s.Service, hub
			pages := httptest.NewServer(admin.New(o))
			t.Cleanup(pages.Close)
			t.Cleanup(hub.Close)

			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, pages.URL+"/api/v1/events", nil)
			require.NoError(t, err)
			end := test.begin(t, s, r)
			response, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			require.Equal(t, http.StatusOK, response.StatusCode)
			lines := bufio.NewScanner(response.Body)
			next := func() (event string) {
				for lines.Scan() {
					if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok && name != "ping" {
						return name
					}
				}
				return "end"
			}
			changes.at.Store(1)
			require.Equal(t, "flows", next())
			end()
			changes.at.Store(2)
			want := "end"
			if test.stays {
				want = "flows"
			}
			require.Equal(t, want, next())
		})
	}
}
