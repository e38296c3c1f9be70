package console_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/console/browsertest"
)

// visitor reads pages and sends forms, as a browser without a script does.
type visitor struct {
	origin, cookie string
}

// joined invites a person, who joins with a password.
func joined(t *testing.T, s *access.Service, name, email string, role access.Role, labels ...string) access.SignedIn {
	t.Helper()
	invited, err := s.Invite(access.With(t.Context(), access.System), access.NewPerson{Name: name, Email: email,
		Role: role, Labels: labels})
	require.NoError(t, err)
	_, secret, _ := strings.Cut(invited.Path, "#")
	signedIn, err := s.AcceptWithPassword(t.Context(), secret, access.Accepting{Password: "correct horse battery"},
		access.Client{Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64) " + strings.Repeat("nobreak", 20)})
	require.NoError(t, err)
	return signedIn
}

// send sends a form, or reads a page if there is none.
func (v visitor) send(t *testing.T, path string, form url.Values) (status int, page string) {
	t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, v.origin+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "everhook_session", Value: v.cookie})
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, html.UnescapeString(string(text))
}

// made is the secret that a page shows once.
var made = regexp.MustCompile(`<div class="command"><code>([^<]+)</code>`)

func TestAdminsManagePeopleWithoutAScript(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	root := access.With(t.Context(), access.System)
	admin := visitor{origin, joined(t, s, "Ada", "ada@example.com", access.Admin).Cookie}
	status, page := admin.send(t, "/people", url.Values{"name": {"Grace"}, "email": {"grace@example.com"},
		"role": {"operator"}, "labels": {"crm, sales ,"}})
	require.Equal(t, http.StatusOK, status, page)
	link := made.FindStringSubmatch(page)[1]
	require.True(t, strings.HasPrefix(link, origin+"/invitation#"), link)
	_, secret, _ := strings.Cut(link, "#")
	opened, err := s.OpenInvitation(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, "Grace", opened.Name)
	_, page = admin.send(t, "/people", nil)
	require.NotContains(t, page, secret, "it is shown once")

	all, err := s.People(root)
	require.NoError(t, err)
	require.Len(t, all, 2)
	grace := all[1]
	require.Equal(t, []string{"crm", "sales"}, grace.Labels)
	one := "/people/" + grace.ID
	change := url.Values{"name": {"Grace Hopper"}, "role": {"editor"}, "labels": {""}, "disabled": {"on"}}
	status, _ = admin.send(t, one, change)
	require.Equal(t, http.StatusSeeOther, status)
	all, err = s.People(root)
	require.NoError(t, err)
	require.Equal(t, access.Editor, all[1].Role)
	require.Equal(t, "Grace Hopper", all[1].Name)
	require.Empty(t, all[1].Labels)
	require.True(t, all[1].Disabled)

	status, page = admin.send(t, one, url.Values{"do": {"invite"}})
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, link, made.FindStringSubmatch(page)[1])
	for name, test := range map[string]struct {
		path, want string
		form       url.Values
		status     int
	}{
		"an address that is used": {"/people", "already used", url.Values{"name": {"B"},
			"email": {"grace@example.com"}, "role": {"viewer"}}, http.StatusConflict},
		"a role that there is not": {"/people", "is not a role", url.Values{"name": {"B"}, "email": {"b@example.com"},
			"role": {"owner"}}, http.StatusUnprocessableEntity},
		"the last admin":  {"/people/" + all[0].ID, "last admin", url.Values{"do": {"remove"}}, 422},
		"nobody's change": {"/people/000000000000", "not found", change, http.StatusNotFound},
	} {
		status, page = admin.send(t, test.path, test.form)
		require.Equal(t, test.status, status, name)
		require.Contains(t, page, test.want, name)
		require.Contains(t, page, "Nothing was changed", name)
	}
	status, _ = admin.send(t, one, url.Values{"do": {"remove"}})
	require.Equal(t, http.StatusSeeOther, status)
	all, err = s.People(root)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestAdminsManageTokensWithoutAScript(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	admin := visitor{origin, joined(t, s, "Ada", "ada@example.com", access.Admin).Cookie}
	status, page := admin.send(t, "/tokens", url.Values{"name": {"deploy"}, "role": {"editor"}, "days": {"30"}})
	require.Equal(t, http.StatusOK, status, page)
	secret := made.FindStringSubmatch(page)[1]
	_, err := s.ByToken(t.Context(), secret)
	require.NoError(t, err)
	tokens, err := s.Tokens(access.With(t.Context(), access.System))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 30), tokens[0].Expires, time.Minute)
	status, page = admin.send(t, "/tokens", url.Values{"name": {"deploy"}, "role": {"caller"}})
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, page, "a caller starts only the flows that it names")
	status, _ = admin.send(t, "/tokens/"+tokens[0].ID, url.Values{})
	require.Equal(t, http.StatusSeeOther, status)
	_, err = s.ByToken(t.Context(), secret)
	require.ErrorIs(t, err, access.ErrRevoked)
	_, page = admin.send(t, "/tokens", nil)
	require.Contains(t, page, "revoked")
	require.NotContains(t, page, secret)
}

func TestPeopleEndTheirSessions(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	admin := visitor{origin, joined(t, s, "Ada", "ada@example.com", access.Admin).Cookie}
	first := joined(t, s, "Grace", "grace@example.com", access.Viewer)
	second, err := s.SignInWithPassword(t.Context(), "grace@example.com", "correct horse battery", access.Client{})
	require.NoError(t, err)
	grace := visitor{origin, second.Cookie}
	_, page := grace.send(t, "/account", nil)
	require.Contains(t, page, first.Actor.Session)
	require.NotContains(t, page, "All sessions")
	_, page = grace.send(t, "/account?all", nil)
	require.NotContains(t, page, "Ada", "a viewer sees only its own sessions")
	status, _ := grace.send(t, "/account/sessions/"+first.Actor.Session, url.Values{})
	require.Equal(t, http.StatusSeeOther, status)
	_, err = s.BySession(t.Context(), first.Cookie)
	require.ErrorIs(t, err, access.ErrNoSession)
	sessions, err := s.Sessions(access.With(t.Context(), access.System), true)
	require.NoError(t, err)
	for _, session := range sessions {
		if session.Actor != second.Actor.ID {
			status, _ = grace.send(t, "/account/sessions/"+session.ID, url.Values{})
			require.Equal(t, http.StatusNotFound, status, "that of another person")
		}
	}
	status, page = grace.send(t, "/people", nil)
	require.Equal(t, http.StatusForbidden, status, page)

	_, page = admin.send(t, "/account?all", nil)
	require.Contains(t, page, "Grace")
	status, _ = admin.send(t, "/account/sessions/"+second.Actor.Session+"?all", url.Values{})
	require.Equal(t, http.StatusSeeOther, status)
	status, _ = grace.send(t, "/account", nil)
	require.Equal(t, http.StatusUnauthorized, status)
}

// signedIn gives the browser a session.
func signedIn(t *testing.T, ctx context.Context, origin, cookie string) {
	t.Helper()
	hidden := true
	_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: "everhook_session", Value: cookie,
		URL: origin, HTTPOnly: &hidden})
	require.NoError(t, err)
}

func TestThePagesOfPeopleFitPhonesAndAreAccessible(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	ctx, source := browsertest.Open(t), browsertest.Axe(t)
	root := access.With(t.Context(), access.System)
	admin := joined(t, s, "Ada Lovelace", "ada@example.com", access.Admin)
	joined(t, s, strings.Repeat("nobreak", 14), "grace."+strings.Repeat("nobreak", 8)+"@example.com", access.Operator,
		"crm", strings.Repeat("label", 12))
	for _, name := range []string{"Alan Turing", "Edsger"} {
		invited, err := s.Invite(root, access.NewPerson{Name: name, Email: name[:4] + "@example.com",
			Role: access.Viewer})
		require.NoError(t, err)
		disabled := name == "Edsger"
		_, err = s.ChangePerson(root, invited.Person.ID, access.PersonChange{Disabled: &disabled})
		require.NoError(t, err)
	}
	for _, name := range []string{"deploy", strings.Repeat("nobreak", 14)} {
		token, secret, err := s.CreateToken(root, access.NewToken{Name: name, Role: access.Caller,
			Flows: []string{"orders", strings.Repeat("k", 63)}, Expires: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		_, err = s.ByToken(t.Context(), secret)
		require.NoError(t, err)
		if name != "deploy" {
			require.NoError(t, s.RevokeToken(root, token.ID))
		}
	}
	signedIn(t, ctx, origin, admin.Cookie)
	for _, look := range []look{{1440, "light", source}, {390, "dark", source}, {320, "light", ""}} {
		look.apply(t, ctx)
		for name, path := range map[string]string{"people": "/people", "tokens": "/tokens", "account": "/account",
			"sessions": "/account?all"} {
			t.Logf("%s, %d px, %s", name, look.width, look.scheme)
			require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(origin+path), chromedp.WaitVisible(".listed")))
			picture(t, ctx, name+"-"+look.scheme)
			evaluate[bool](t, ctx, `document.querySelectorAll("details").forEach((d) => { d.open = true; }), true`)
			look.check(t, ctx)
			picture(t, ctx, name+"-open-"+look.scheme)
		}
	}
}

func TestAPersonAddsAPasskeyLater(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	ctx := browsertest.Open(t)
	look{1280, "light", ""}.apply(t, ctx)
	authenticator(t, ctx)
	person := joined(t, s, "Ada Lovelace", "ada@example.com", access.Admin)
	signedIn(t, ctx, origin, person.Cookie)
	visit(t, ctx, origin+"/account", "#own-passkey")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#own-passkey"), chromedp.WaitVisible(".plain li")))
	picture(t, ctx, "account-passkey")

	// The same device is refused: it has a passkey of this person.
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#own-passkey")))
	await(t, "the device refuses", func() bool {
		return strings.Contains(told(t, ctx), "registered") ||
			evaluate[bool](t, ctx, `!document.getElementById("own-passkey").disabled`)
	})
	account, err := s.Account(access.With(t.Context(), person.Actor))
	require.NoError(t, err)
	require.Len(t, account.Passkeys, 1)

	// The passkey signs in, and the password does too.
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(signOut), chromedp.WaitVisible("#passkey"),
		chromedp.Click("#passkey"), chromedp.WaitVisible("#flows-title")))
	_, err = s.SignInWithPassword(t.Context(), "ada@example.com", "correct horse battery", access.Client{})
	require.NoError(t, err)
	visit(t, ctx, origin+"/account", ".plain")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(".plain button"), chromedp.WaitNotPresent(".plain")))
	account, err = s.Account(access.With(t.Context(), person.Actor))
	require.NoError(t, err)
	require.Empty(t, account.Passkeys)
}
