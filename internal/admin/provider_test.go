package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/store/storetest"
)

// organisation is the example provider of zitadel/oidc, with groups of its people.
type organisation struct {
	*storage.Storage
	// groups are those of a person by subject: id1 and id2 are the people of the example.
	groups map[string][]string
	// stale is set if its tokens have expired when they are made, unsigned if its keys did not sign them.
	stale, unsigned atomic.Bool
}

func (o *organisation) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject,
	origin string) error {
	info.AppendClaims("realm", map[string]any{"groups": o.groups[subject]})
	return o.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

func (o *organisation) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := o.Storage.GetClientByClientID(ctx, id)
	if err == nil && o.stale.Load() {
		client = stale{client}
	}
	return client, err
}

func (o *organisation) KeySet(ctx context.Context) ([]op.Key, error) {
	if o.unsigned.Load() {
		return storage.NewStorage(storage.NewUserStore("http://localhost:1")).KeySet(ctx)
	}
	return o.Storage.KeySet(ctx)
}

// stale is a client whose ID tokens have expired when they are made.
type stale struct{ op.Client }

func (stale) IDTokenLifetime() time.Duration { return -time.Minute }

// signIns are a server, its provider and a browser.
type signIns struct {
	*organisation
	people   *access.Service
	provider *httptest.Server
	// address is that of the server.
	address string
	browser *http.Client
	// forward sets the clock of the server forward.
	forward func(time.Duration)
	// logged is the log of the server.
	logged *logged
}

// logged is a log that several requests write.
type logged struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// withProvider starts a server with a provider.
func withProvider(t *testing.T, secret string) *signIns {
	t.Helper()
	pages := httptest.NewUnstartedServer(nil)
	s := &signIns{address: "http://" + pages.Listener.Addr().String(), logged: &logged{}}
	back := s.address + admin.ProviderReturnPath
	client := storage.WebClient("everhook", "provider-secret", back)
	if secret == "" {
		client = storage.NativeClient("everhook", back)
	}
	s.organisation = &organisation{groups: map[string][]string{"id1": {"staff", "platform"}},
		Storage: storage.NewStorageWithClients(storage.NewUserStore("http://localhost:1"),
			map[string]*storage.Client{"everhook": client})}
	s.provider = httptest.NewUnstartedServer(nil)
	issuer := "http://" + s.provider.Listener.Addr().String()
	s.provider.Config.Handler = exampleop.SetupServer(issuer, s.organisation,
		slog.New(slog.DiscardHandler), false)
	s.provider.Start()
	t.Cleanup(s.provider.Close)

	provider, err := access.NewProvider(access.ProviderOptions{Issuer: issuer, ClientID: "everhook",
		ClientSecret: secret, Redirect: back, Claim: "realm.groups", Rules: []access.Rule{
			{Value: "platform", Role: access.Editor, Labels: []string{"crm"}}, {Value: "staff", Role: access.Viewer}}})
	require.NoError(t, err)
	var ahead atomic.Int64
	s.forward = func(d time.Duration) { ahead.Add(int64(d)) }
	s.people, err = access.New(t.Context(), access.Options{Store: storetest.Place(t.TempDir() + "/e.db").Open(t),
		Provider: provider, AdminURL: s.address,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	require.NoError(t, err)
	o := options()
	o.Access, o.Logger = s.people, slog.New(slog.NewTextHandler(s.logged, nil))
	pages.Config.Handler = admin.New(o)
	pages.Start()
	t.Cleanup(pages.Close)
	s.newBrowser(t)
	return s
}

// newBrowser is a browser that has no cookies and follows no redirect.
func (s *signIns) newBrowser(t *testing.T) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// open opens an address, and returns the status and where the answer leads.
func (s *signIns) open(t *testing.T, address string) (status int, next *url.URL) {
	t.Helper()
	response, err := s.browser.Get(address)
	return ended(t, response, err)
}

func ended(t *testing.T, response *http.Response, err error) (status int, next *url.URL) {
	t.Helper()
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	next, _ = response.Location()
	return response.StatusCode, next
}

// begin begins a sign-in and returns the address at the provider.
func (s *signIns) begin(t *testing.T) *url.URL {
	t.Helper()
	status, next := s.open(t, s.address+"/login/oidc?next="+url.QueryEscape("/runs?flow=orders"))
	require.Equal(t, http.StatusSeeOther, status)
	return next
}

// atProvider signs a person in at the provider, and returns the address that leads back.
func (s *signIns) atProvider(t *testing.T, at *url.URL, user string) *url.URL {
	t.Helper()
	status, next := s.open(t, at.String())
	require.Equal(t, http.StatusFound, status)
	response, err := s.browser.PostForm(next.String(), url.Values{"id": {next.Query().Get("authRequestID")},
		"username": {user}, "password": {"verysecure"}})
	status, next = ended(t, response, err)
	require.Equal(t, http.StatusFound, status)
	status, next = s.open(t, next.String())
	require.Equal(t, http.StatusFound, status)
	require.NotEmpty(t, next.Query().Get("code"), next)
	return next
}

const testUser, otherUser = "test-user@localhost", "test-user2"

// requireRefused comes back from the provider and is sent to the sign-in page, without a session.
func (s *signIns) requireRefused(t *testing.T, back, reason string) {
	t.Helper()
	status, next := s.open(t, back)
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, s.address+"/login?wrong="+reason, next.String())
	status, _ = s.open(t, s.address+"/api/v1/flows")
	require.Equal(t, http.StatusUnauthorized, status)
	sessions, err := s.people.Sessions(access.With(t.Context(), access.System), true)
	require.NoError(t, err)
	require.Empty(t, sessions)
}

func TestAPersonSignsInAtAProvider(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"with a secret": "provider-secret", "as a public client": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withProvider(t, secret)
			at := s.begin(t)
			require.Equal(t, "S256", at.Query().Get("code_challenge_method"))
			back := s.atProvider(t, at, testUser)
			status, next := s.open(t, back.String())
			require.Equal(t, http.StatusSeeOther, status)
			require.Equal(t, s.address+"/runs?flow=orders", next.String())
			status, _ = s.open(t, s.address+"/api/v1/flows")
			require.Equal(t, http.StatusOK, status)

			root := access.With(t.Context(), access.System)
			people, err := s.people.People(root)
			require.NoError(t, err)
			require.Len(t, people, 1)
			person := people[0]
			require.Equal(t, "Test User", person.Name)
			require.Equal(t, "test-user@zitadel.ch", person.Email)
			require.Equal(t, access.Editor, person.Role, "the highest of the rules")
			require.Equal(t, []string{"crm"}, person.Labels)

			// The same answer is good for nothing else, even in a browser with the same cookies.
			status, next = s.open(t, back.String())
			require.Equal(t, http.StatusSeeOther, status)
			require.Contains(t, next.String(), "/login?wrong=provider")

			// The provider decides again at each sign-in. The person stays the same one.
			s.groups["id1"] = []string{"staff"}
			_, _ = s.open(t, s.atProvider(t, s.begin(t), testUser).String())
			people, err = s.people.People(root)
			require.NoError(t, err)
			require.Len(t, people, 1)
			sessions, err := s.people.Sessions(root, true)
			require.NoError(t, err)
			require.Len(t, sessions, 1, "the new session takes the place of the one before")
			require.Equal(t, person.ID, people[0].ID)
			require.Equal(t, access.Viewer, people[0].Role)
			require.Empty(t, people[0].Labels)

			s.forward(12 * time.Hour)
			status, _ = s.open(t, s.address+"/api/v1/flows")
			require.Equal(t, http.StatusUnauthorized, status, "the provider must decide again")
		})
	}
}

func TestASignInAtAProviderIsRefused(t *testing.T) {
	t.Parallel()
	edited := func(at *url.URL, name, value string) *url.URL {
		other, query := *at, at.Query()
		query.Set(name, value)
		other.RawQuery = query.Encode()
		return &other
	}
	for name, test := range map[string]struct {
		// reason is told to the browser, cause is in the log only.
		reason, cause string

		back func(t *testing.T, s *signIns) *url.URL
	}{
		"another state": {"provider", "began in another browser", func(t *testing.T, s *signIns) *url.URL {
			return edited(s.atProvider(t, s.begin(t), testUser), "state", "another")
		}},
		"no state": {"provider", "began in another browser", func(t *testing.T, s *signIns) *url.URL {
			return edited(s.atProvider(t, s.begin(t), testUser), "state", "")
		}},
		"another nonce": {"provider", "belongs to another sign-in", func(t *testing.T, s *signIns) *url.URL {
			return s.atProvider(t, edited(s.begin(t), "nonce", "another"), testUser)
		}},
		"another challenge": {"provider", "invalid code_verifier", func(t *testing.T, s *signIns) *url.URL {
			return s.atProvider(t, edited(s.begin(t), "code_challenge",
				"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), testUser)
		}},
		"a code of another sign-in": {"provider", "invalid code_verifier", func(t *testing.T, s *signIns) *url.URL {
			code := s.atProvider(t, s.begin(t), testUser).Query().Get("code")
			return edited(s.atProvider(t, s.begin(t), testUser), "code", code)
		}},
		"in another browser": {"provider", "began in another browser", func(t *testing.T, s *signIns) *url.URL {
			back := s.atProvider(t, s.begin(t), testUser)
			s.newBrowser(t)
			return back
		}},
		"after ten minutes": {"provider", "it took too long", func(t *testing.T, s *signIns) *url.URL {
			back := s.atProvider(t, s.begin(t), testUser)
			s.forward(10 * time.Minute)
			return back
		}},
		"an expired ID token": {"provider", "token is expired", func(t *testing.T, s *signIns) *url.URL {
			s.stale.Store(true)
			return s.atProvider(t, s.begin(t), testUser)
		}},
		"signed by another key": {"provider", "failed to verify signature", func(t *testing.T, s *signIns) *url.URL {
			s.unsigned.Store(true)
			return s.atProvider(t, s.begin(t), testUser)
		}},
		"the person refuses": {"provider", "the provider gave no code", func(t *testing.T, s *signIns) *url.URL {
			back := s.atProvider(t, s.begin(t), testUser)
			return edited(edited(back, "code", ""), "error", "access_denied")
		}},
		"a person without a rule": {"no-role", "no role here", func(t *testing.T, s *signIns) *url.URL {
			return s.atProvider(t, s.begin(t), otherUser)
		}},
		"a provider that went away": {"provider-away", "refused", func(t *testing.T, s *signIns) *url.URL {
			back := s.atProvider(t, s.begin(t), testUser)
			s.provider.CloseClientConnections()
			s.provider.Close()
			return back
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withProvider(t, "provider-secret")
			s.requireRefused(t, test.back(t, s).String(), test.reason)
			require.Contains(t, s.logged.String(), test.cause)
		})
	}
}

func TestAProviderThatIsAwayKeepsNoOneOut(t *testing.T) {
	t.Parallel()
	s := withProvider(t, "provider-secret")
	s.provider.Close()
	for range 20 { // more than there are guesses: it is no one's fault
		s.requireRefused(t, s.address+"/login/oidc", "provider-away")
	}
	status, next := s.open(t, s.address+"/login/oidc/callback?state=a&code=b")
	require.Equal(t, http.StatusSeeOther, status)
	require.Contains(t, next.String(), "wrong=provider", "without the cookie of the beginning")
}

func TestADisabledPersonOfAProviderStaysOut(t *testing.T) {
	t.Parallel()
	s := withProvider(t, "provider-secret")
	status, _ := s.open(t, s.atProvider(t, s.begin(t), testUser).String())
	require.Equal(t, http.StatusSeeOther, status)
	root, disabled := access.With(t.Context(), access.System), true
	people, err := s.people.People(root)
	require.NoError(t, err)
	_, err = s.people.ChangePerson(root, people[0].ID, access.PersonChange{Disabled: &disabled})
	require.NoError(t, err)
	status, _ = s.open(t, s.address+"/api/v1/flows")
	require.Equal(t, http.StatusUnauthorized, status, "the session has ended")
	status, next := s.open(t, s.atProvider(t, s.begin(t), testUser).String())
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, s.address+"/login?wrong=disabled", next.String())
}

func TestAnotherProviderEndsTheSessionsOfTheFirst(t *testing.T) {
	t.Parallel()
	s := withProvider(t, "provider-secret")
	status, _ := s.open(t, s.atProvider(t, s.begin(t), testUser).String())
	require.Equal(t, http.StatusSeeOther, status)
	s.people.Provider = nil // as after a restart without it
	status, _ = s.open(t, s.address+"/api/v1/flows")
	require.Equal(t, http.StatusUnauthorized, status)
}
