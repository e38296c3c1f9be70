package access_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store/storetest"
)

// clock is a clock that stands still until it is set forward.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixMicro())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMicro(c.at.Load()) }
func (c *clock) forward(d time.Duration) { c.at.Add(d.Microseconds()) }

// newService returns a service on the place; change edits its options.
func newService(t *testing.T, at storetest.Place, c *clock, change func(*access.Options)) *access.Service {
	t.Helper()
	o := access.Options{Store: at.Open(t), Now: c.Now}
	if change != nil {
		change(&o)
	}
	s, err := access.New(t.Context(), o)
	require.NoError(t, err)
	return s
}

// asAdmin is the context of an admin.
func asAdmin(t *testing.T) context.Context {
	return access.With(t.Context(), access.Actor{ID: "person:root", Role: access.Admin})
}

var from = access.Client{Address: "192.0.2.1", Agent: "Browser"}

func TestATokenActsUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		one, other := newService(t, at, c, nil), newService(t, at, c, nil)
		token, secret, err := one.CreateToken(asAdmin(t), access.NewToken{Name: "deploy", Role: access.Editor,
			Labels: []string{"crm"}, Expires: c.Now().Add(time.Hour)})
		require.NoError(t, err)
		require.Regexp(t, `^ehk_[0-9A-Za-z]{56}$`, secret)

		actor, err := other.ByToken(t.Context(), secret)
		require.NoError(t, err)
		require.Equal(t, access.Actor{ID: "token:" + token.ID, Kind: access.KindToken, Name: "deploy",
			Role: access.Editor, Labels: []string{"crm"}}, actor)

		listed, err := other.Tokens(asAdmin(t))
		require.NoError(t, err)
		require.Len(t, listed, 1)
		require.WithinDuration(t, c.Now(), listed[0].Used, time.Millisecond)
		require.Equal(t, "person:root", listed[0].CreatedBy)

		require.NoError(t, one.RevokeToken(asAdmin(t), token.ID))
		_, err = other.ByToken(t.Context(), secret)
		require.ErrorIs(t, err, access.ErrRevoked)
		require.ErrorIs(t, one.RevokeToken(asAdmin(t), "000000000000"), access.ErrNotFound)
	})
}

func TestWhatIsNotAValidToken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s := newService(t, at, c, func(o *access.Options) { o.AdminToken = "correct-horse-battery" })
		_, secret, err := s.CreateToken(asAdmin(t), access.NewToken{Name: "a", Role: access.Viewer,
			Expires: c.Now().Add(time.Hour)})
		require.NoError(t, err)
		elsewhere := newService(t, storetest.Place(t.TempDir()+"/other.db"), c, nil)
		_, foreign, err := elsewhere.CreateToken(asAdmin(t), access.NewToken{Name: "a", Role: access.Viewer})
		require.NoError(t, err)

		swapped := []byte(secret)
		swapped[20], swapped[40] = swapped[40]^1, swapped[20]
		for text, want := range map[string]error{
			"":                               access.ErrNoToken,
			"correct-horse-batter":           access.ErrNoToken,
			"correct-horse-battery!":         access.ErrNoToken,
			secret[:len(secret)-1]:           access.ErrNoToken,
			secret + "0":                     access.ErrNoToken,
			string(swapped):                  access.ErrNoToken,
			strings.ToLower(secret):          access.ErrNoToken,
			foreign:                          access.ErrOtherServer,
			access.Forge(secret):             access.ErrUnknownToken,
			strings.Repeat("x", 1<<20):       access.ErrNoToken,
			"ehk_" + strings.Repeat("é", 28): access.ErrNoToken,
		} {
			_, err := s.ByToken(t.Context(), text)
			require.ErrorIs(t, err, want, text)
		}
		actor, err := s.ByToken(t.Context(), "correct-horse-battery")
		require.NoError(t, err)
		require.Equal(t, "token:admin", actor.ID)
		c.forward(time.Hour)
		_, err = s.ByToken(t.Context(), secret)
		require.ErrorIs(t, err, access.ErrExpired)
	})
}

func TestUsesOfATokenAreRecordedByTheMinute(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s := newService(t, at, c, nil)
		_, secret, err := s.CreateToken(asAdmin(t), access.NewToken{Name: "a", Role: access.Viewer})
		require.NoError(t, err)
		used := func() time.Time {
			_, err := s.ByToken(t.Context(), secret)
			require.NoError(t, err)
			tokens, err := s.Tokens(asAdmin(t))
			require.NoError(t, err)
			return tokens[0].Used
		}
		first := used()
		c.forward(59 * time.Second)
		require.Equal(t, first, used())
		c.forward(time.Second)
		require.Equal(t, first.Add(time.Minute), used())
	})
}

func TestAWrongTokenIsRefusedWithItsField(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newService(t, storetest.Place(t.TempDir()+"/everhook.db"), c, nil)
	_, _, err := s.CreateToken(asAdmin(t), access.NewToken{Name: "taken", Role: access.Viewer})
	require.NoError(t, err)
	for want, input := range map[string]access.NewToken{
		"name: is missing":             {Role: access.Viewer},
		"name: has 101 characters":     {Name: strings.Repeat("é", 101), Role: access.Viewer},
		"name: begins or ends":         {Name: " a", Role: access.Viewer},
		"role: \"root\" is not a role": {Name: "a", Role: "root"},
		"labels: \"\" is not a label":  {Name: "a", Role: access.Viewer, Labels: []string{""}},
		"flows: is missing":            {Name: "a", Role: access.Caller},
		"flows: is only for the role":  {Name: "a", Role: access.Viewer, Flows: []string{"orders"}},
		"flows: \"A B\" is not a flow": {Name: "a", Role: access.Caller, Flows: []string{"A B"}},
		"expires: is in the past":      {Name: "a", Role: access.Viewer, Expires: c.Now()},
		"the name is already used":     {Name: "taken", Role: access.Admin},
	} {
		_, _, err := s.CreateToken(asAdmin(t), input)
		require.ErrorContains(t, err, want)
	}
	tokens, err := s.Tokens(asAdmin(t))
	require.NoError(t, err)
	require.Len(t, tokens, 1, "nothing is half-applied")
}

func TestOnlyAdminsOfTheWholeServerManage(t *testing.T) {
	t.Parallel()
	s := newService(t, storetest.Place(t.TempDir()+"/everhook.db"), newClock(), nil)
	for _, actor := range []access.Actor{{}, {Role: access.Caller}, {Role: access.Editor},
		{Role: access.Admin, Labels: []string{"crm"}}} {
		ctx := access.With(t.Context(), actor)
		_, _, err := s.CreateToken(ctx, access.NewToken{Name: "a", Role: access.Viewer})
		requireDenied(t, err)
		_, err = s.Tokens(ctx)
		requireDenied(t, err)
		requireDenied(t, s.RevokeToken(ctx, "000000000000"))
		_, err = s.Invite(ctx, access.NewPerson{Name: "A", Email: "a@example.com", Role: access.Viewer})
		requireDenied(t, err)
		_, err = s.InviteAgain(ctx, "000000000000")
		requireDenied(t, err)
		_, err = s.People(ctx)
		requireDenied(t, err)
		_, err = s.ChangePerson(ctx, "000000000000", access.PersonChange{})
		requireDenied(t, err)
		requireDenied(t, s.RemovePerson(ctx, "000000000000"))
		_, err = s.Sessions(ctx, true)
		requireDenied(t, err)
	}
}

func requireDenied(t *testing.T, err error) {
	t.Helper()
	var denied *access.Denied
	require.ErrorAs(t, err, &denied)
}

func TestAnOpenServerClosesForEver(t *testing.T) {
	t.Parallel()
	mayOpen := func(o *access.Options) { o.MayOpen = true }
	provider, err := access.NewProvider(access.ProviderOptions{Issuer: "https://idp.example", ClientID: "x",
		Rules: []access.Rule{{Value: "*", Role: access.Viewer}}})
	require.NoError(t, err)
	for name, close := range map[string]func(*testing.T, storetest.Place, *clock, *access.Service){
		"a token": func(t *testing.T, _ storetest.Place, _ *clock, s *access.Service) {
			token, _, err := s.CreateToken(asAdmin(t), access.NewToken{Name: "a", Role: access.Viewer})
			require.NoError(t, err)
			require.NoError(t, s.RevokeToken(asAdmin(t), token.ID))
		},
		"a person": func(t *testing.T, _ storetest.Place, _ *clock, s *access.Service) {
			invited, err := s.Invite(asAdmin(t), access.NewPerson{Name: "A", Email: "a@example.com",
				Role: access.Viewer})
			require.NoError(t, err)
			require.NoError(t, s.RemovePerson(asAdmin(t), invited.Person.ID))
		},
		"the admin token": func(t *testing.T, at storetest.Place, c *clock, _ *access.Service) {
			newService(t, at, c, func(o *access.Options) { o.AdminToken = "correct-horse-battery" })
		},
		"the admin URL": func(t *testing.T, at storetest.Place, c *clock, _ *access.Service) {
			newService(t, at, c, func(o *access.Options) { o.AdminURL = "https://everhook.example" })
		},
		"a provider": func(t *testing.T, at storetest.Place, c *clock, _ *access.Service) {
			newService(t, at, c, func(o *access.Options) { o.Provider = provider })
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, at storetest.Place) {
				c := newClock()
				running := newService(t, at, c, mayOpen)
				requireOpen(t, true, running)
				close(t, at, c, newService(t, at, c, mayOpen))
				requireOpen(t, false, running, newService(t, at, c, mayOpen))
			})
		})
	}
	requireOpen(t, false, newService(t, storetest.Place(t.TempDir()+"/everhook.db"), newClock(), nil))
}

func requireOpen(t *testing.T, want bool, services ...*access.Service) {
	t.Helper()
	for _, s := range services {
		open, err := s.IsOpen(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, open)
	}
}

// secretOf is the secret in the fragment of a link.
func secretOf(t *testing.T, path string) string {
	t.Helper()
	secret, ok := strings.CutPrefix(path, access.InvitationPath+"#")
	require.True(t, ok, path)
	return secret
}

const password = "correct horse battery"

func TestTheFirstPersonBecomesAdmin(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s, replica := newService(t, at, c, nil), newService(t, at, c, nil)
		first := func(s *access.Service) string {
			path, _, err := s.FirstLink(t.Context())
			require.NoError(t, err)
			return path
		}
		replaced := secretOf(t, first(s))
		late := secretOf(t, first(s))
		accept := func(secret string) (access.SignedIn, error) {
			return s.AcceptWithPassword(t.Context(), secret, access.Accepting{Name: "Ada", Email: "Ada@Example.com",
				Password: password}, from)
		}
		_, err := accept(replaced)
		require.ErrorIs(t, err, access.ErrUsed)
		c.forward(15 * time.Minute)
		_, err = accept(late)
		require.ErrorIs(t, err, access.ErrUsed)

		secret := secretOf(t, first(replica))
		opened, err := s.OpenInvitation(t.Context(), secret)
		require.NoError(t, err)
		require.True(t, opened.First)
		signedIn, err := accept(secret)
		require.NoError(t, err)
		require.Equal(t, access.Admin, signedIn.Actor.Role)
		_, err = accept(secret)
		require.ErrorIs(t, err, access.ErrUsed)
		require.Empty(t, first(s), "there is a person now")

		actor, err := replica.BySession(t.Context(), signedIn.Cookie)
		require.NoError(t, err)
		require.True(t, actor.MayEverywhere(access.Admin))
		again, err := replica.SignInWithPassword(t.Context(), " ada@example.COM", password, from)
		require.NoError(t, err)
		require.Equal(t, actor.ID, again.Actor.ID)
		require.NotEqual(t, signedIn.Cookie, again.Cookie)
	})
}

func TestOnlyOneOfManyBecomesTheFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		s := newService(t, at, newClock(), nil)
		path, _, err := s.FirstLink(t.Context())
		require.NoError(t, err)
		secret := secretOf(t, path)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := s.AcceptWithPassword(t.Context(), secret, access.Accepting{Name: "A",
					Email: string(rune('a'+i)) + "@example.com", Password: password}, from)
				if err == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load())
		people, err := s.People(asAdmin(t))
		require.NoError(t, err)
		require.Len(t, people, 1)
	})
}

func TestNoFirstLinkWithAWayIn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*access.Options){
		"the admin token": func(o *access.Options) { o.AdminToken = "correct-horse-battery" },
		"an open server":  func(o *access.Options) { o.MayOpen = true },
	} {
		s := newService(t, storetest.Place(t.TempDir()+"/everhook.db"), newClock(), change)
		path, _, err := s.FirstLink(t.Context())
		require.NoError(t, err)
		require.Empty(t, path, name)
	}
}

// join invites a person and accepts with a password.
func join(t *testing.T, s *access.Service, email string, role access.Role, labels ...string) access.SignedIn {
	t.Helper()
	invited, err := s.Invite(asAdmin(t), access.NewPerson{Name: email, Email: email, Role: role, Labels: labels})
	require.NoError(t, err)
	signedIn, err := s.AcceptWithPassword(t.Context(), secretOf(t, invited.Path), access.Accepting{Password: password},
		from)
	require.NoError(t, err)
	return signedIn
}

func TestChangedRightsHoldAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s, replica := newService(t, at, c, nil), newService(t, at, c, nil)
		signedIn := join(t, s, "b@example.com", access.Editor)
		id := strings.TrimPrefix(signedIn.Actor.ID, "person:")

		role, labels := access.Viewer, []string{"crm"}
		_, err := s.ChangePerson(asAdmin(t), id, access.PersonChange{Role: &role, Labels: &labels})
		require.NoError(t, err)
		actor, err := replica.BySession(t.Context(), signedIn.Cookie)
		require.NoError(t, err)
		require.Equal(t, access.Viewer, actor.Role)
		require.Equal(t, labels, actor.Labels)

		disabled := true
		_, err = s.ChangePerson(asAdmin(t), id, access.PersonChange{Disabled: &disabled})
		require.NoError(t, err)
		_, err = replica.BySession(t.Context(), signedIn.Cookie)
		require.ErrorIs(t, err, access.ErrNoSession)
		_, err = replica.SignInWithPassword(t.Context(), "b@example.com", password, from)
		require.ErrorIs(t, err, access.ErrDisabled)

		require.NoError(t, s.RemovePerson(asAdmin(t), id))
		_, err = replica.SignInWithPassword(t.Context(), "b@example.com", password, from)
		require.ErrorIs(t, err, access.ErrSignIn)
	})
}

func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s := newService(t, at, c, nil)
		id := func(signedIn access.SignedIn) string { return strings.TrimPrefix(signedIn.Actor.ID, "person:") }
		admin := id(join(t, s, "a@example.com", access.Admin))
		join(t, s, "limited@example.com", access.Admin, "crm")
		_, err := s.Invite(asAdmin(t), access.NewPerson{Name: "I", Email: "i@example.com", Role: access.Admin})
		require.NoError(t, err, "an invited admin cannot sign in yet")

		editor, disabled, labels := access.Editor, true, []string{"crm"}
		for _, change := range []access.PersonChange{{Role: &editor}, {Disabled: &disabled}, {Labels: &labels}} {
			_, err := s.ChangePerson(asAdmin(t), admin, change)
			require.ErrorIs(t, err, access.ErrLastAdmin)
		}
		require.ErrorIs(t, s.RemovePerson(asAdmin(t), admin), access.ErrLastAdmin)
		second := id(join(t, s, "b@example.com", access.Admin))

		// Two admins who remove each other at the same time: one stays.
		var all sync.WaitGroup
		for _, id := range []string{admin, second} {
			all.Go(func() { _ = s.RemovePerson(asAdmin(t), id) })
		}
		all.Wait()
		people, err := s.People(asAdmin(t))
		require.NoError(t, err)
		require.Len(t, people, 3)
	})
}

func TestAnInvitationIsForOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s := newService(t, at, c, nil)
		invited, err := s.Invite(asAdmin(t), access.NewPerson{Name: "B", Email: "b@example.com", Role: access.Viewer})
		require.NoError(t, err)
		_, err = s.Invite(asAdmin(t), access.NewPerson{Name: "C", Email: "B@example.com", Role: access.Viewer})
		require.ErrorIs(t, err, access.ErrTaken)
		accept := func(path, password string) error {
			_, err := s.AcceptWithPassword(t.Context(), secretOf(t, path), access.Accepting{Password: password}, from)
			return err
		}
		for want, text := range map[string]string{"at least 12": "short", "at most 256": strings.Repeat("abcdef", 43),
			"different characters": "aaaaaaaaaaaab", "is the email address": "b@EXAMPLE.com"} {
			require.ErrorContains(t, accept(invited.Path, text), want)
		}
		_, err = s.SignInWithPassword(t.Context(), "b@example.com", "", from)
		require.ErrorIs(t, err, access.ErrSignIn, "an invited person has no password")

		again, err := s.InviteAgain(asAdmin(t), invited.Person.ID)
		require.NoError(t, err)
		require.ErrorIs(t, accept(invited.Path, password), access.ErrUsed)
		require.NoError(t, accept(again.Path, password))
		require.ErrorIs(t, accept(again.Path, password), access.ErrUsed)

		before, err := s.SignInWithPassword(t.Context(), "b@example.com", password, from)
		require.NoError(t, err)
		lost, err := s.InviteAgain(asAdmin(t), invited.Person.ID)
		require.NoError(t, err)
		_, err = s.BySession(t.Context(), before.Cookie)
		require.NoError(t, err, "the link was not used yet")
		require.NoError(t, accept(lost.Path, password+"!"))
		_, err = s.BySession(t.Context(), before.Cookie)
		require.ErrorIs(t, err, access.ErrNoSession)
		_, err = s.SignInWithPassword(t.Context(), "b@example.com", password, from)
		require.ErrorIs(t, err, access.ErrSignIn)

		expired, err := s.InviteAgain(asAdmin(t), invited.Person.ID)
		require.NoError(t, err)
		c.forward(7 * 24 * time.Hour)
		require.ErrorIs(t, accept(expired.Path, password), access.ErrUsed)
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		c := newClock()
		s := newService(t, at, c, nil)
		signedIn := join(t, s, "b@example.com", access.Viewer)
		works := func(cookie string) bool {
			_, err := s.BySession(t.Context(), cookie)
			if err != nil {
				require.ErrorIs(t, err, access.ErrNoSession)
			}
			return err == nil
		}
		signIn := func() access.SignedIn {
			again, err := s.SignInWithPassword(t.Context(), "b@example.com", password, from)
			require.NoError(t, err)
			return again
		}
		idle := signIn()
		for range 4 {
			c.forward(6 * day)
			require.True(t, works(signedIn.Cookie))
		}
		require.False(t, works(idle.Cookie), "a week without use")
		c.forward(6*day - time.Second)
		require.True(t, works(signedIn.Cookie))
		c.forward(time.Second)
		require.False(t, works(signedIn.Cookie), "a month")

		mine, second := signIn(), signIn()
		ctx := access.With(t.Context(), mine.Actor)
		sessions, err := s.Sessions(ctx, false)
		require.NoError(t, err)
		require.Len(t, sessions, 2)
		require.Equal(t, "192.0.2.1", sessions[0].Address)
		other := join(t, s, "c@example.com", access.Viewer)
		require.ErrorIs(t, s.EndSession(ctx, other.Actor.Session), access.ErrNotFound)
		require.True(t, works(other.Cookie))
		require.NoError(t, s.EndSession(ctx, second.Actor.Session))
		require.False(t, works(second.Cookie))
		require.NoError(t, s.EndSession(asAdmin(t), other.Actor.Session))
		require.False(t, works(other.Cookie))
		require.True(t, works(mine.Cookie))
		for _, cookie := range []string{"", "x", mine.Cookie + "x", strings.ToUpper(mine.Cookie)} {
			require.False(t, works(cookie))
		}
	})
}

func TestASessionOfATokenEndsWithIt(t *testing.T) {
	t.Parallel()
	at, c := storetest.Place(t.TempDir()+"/everhook.db"), newClock()
	withAdmin := func(token string) func(*access.Options) {
		return func(o *access.Options) { o.AdminToken = token }
	}
	s := newService(t, at, c, withAdmin("correct-horse-battery"))
	admin, err := s.SignInWithToken(t.Context(), "correct-horse-battery", from)
	require.NoError(t, err)
	token, secret, err := s.CreateToken(asAdmin(t), access.NewToken{Name: "a", Role: access.Viewer})
	require.NoError(t, err)
	viewer, err := s.SignInWithToken(t.Context(), secret, from)
	require.NoError(t, err)
	actor, err := s.BySession(t.Context(), viewer.Cookie)
	require.NoError(t, err)
	require.Equal(t, access.Viewer, actor.Role)

	require.NoError(t, s.RevokeToken(asAdmin(t), token.ID))
	_, err = s.BySession(t.Context(), viewer.Cookie)
	require.ErrorIs(t, err, access.ErrNoSession)
	_, err = s.BySession(t.Context(), admin.Cookie)
	require.NoError(t, err)
	for _, changed := range []string{"another-horse-battery", ""} {
		_, err = newService(t, at, c, withAdmin(changed)).BySession(t.Context(), admin.Cookie)
		require.ErrorIs(t, err, access.ErrNoSession, "a new admin token ends its sessions")
	}
}

func TestValuesCanBeHiddenFromViewers(t *testing.T) {
	t.Parallel()
	at, c := storetest.Place(t.TempDir()+"/everhook.db"), newClock()
	s := newService(t, at, c, func(o *access.Options) { o.HideValues = true })
	for role, want := range map[access.Role]bool{access.Viewer: true, access.Operator: false, access.Admin: false} {
		signedIn := join(t, s, string(role)+"@example.com", role)
		actor, err := s.BySession(t.Context(), signedIn.Cookie)
		require.NoError(t, err)
		require.Equal(t, want, actor.ValuesHidden, role)
	}
	seen := newService(t, at, c, nil)
	signedIn, err := seen.SignInWithPassword(t.Context(), "viewer@example.com", password, from)
	require.NoError(t, err)
	require.False(t, signedIn.Actor.ValuesHidden)
}
