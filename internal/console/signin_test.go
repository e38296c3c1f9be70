package console_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/console"
	"github.com/everhook/everhook/internal/console/browsertest"
	"github.com/everhook/everhook/internal/store"
)

// people serves the pages at localhost with a store, and returns their origin and the service.
func people(t *testing.T) (origin string, s *access.Service) {
	t.Helper()
	kept, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kept.Close()) })
	s, err = access.New(t.Context(), access.Options{Store: kept})
	require.NoError(t, err)
	o := busyServer().options()
	o.Ready, o.Access = func(context.Context) error { return nil }, s
	o.Console = console.New(o)
	server := httptest.NewServer(admin.New(o))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), s
}

// authenticator adds a device that keeps passkeys, and whose person agrees at once.
func authenticator(t *testing.T, ctx context.Context) webauthn.AuthenticatorID {
	t.Helper()
	_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
	require.NoError(t, err)
	added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			AutomaticPresenceSimulation: true, IsUserVerified: true}})
	require.NoError(t, err)
	return added.AuthenticatorID
}

// visit opens an address and waits for an element.
func visit(t *testing.T, ctx context.Context, address, element string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(address),
		chromedp.WaitVisible(element)))
}

// signOut is the button that ends a session.
const signOut = `form[action="/logout"] button`

// told is what a page says is wrong.
func told(t *testing.T, ctx context.Context) string {
	t.Helper()
	return evaluate[string](t, ctx, `document.getElementById("problem").textContent`)
}

// picture keeps a picture of the page in the folder that EVERHOOK_PICTURES names.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("EVERHOOK_PICTURES")
	if folder == "" {
		return
	}
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".png"), data, 0o600))
}

func TestPeopleJoinAndSignInWithAPasskey(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	ctx, source := browsertest.Open(t), browsertest.Axe(t)
	look{390, "light", source}.apply(t, ctx)
	device := authenticator(t, ctx)

	path, _, err := s.FirstLink(t.Context())
	require.NoError(t, err)
	visit(t, ctx, origin+path, "#passkey")
	picture(t, ctx, "first-390")
	look{390, "light", source}.check(t, ctx)
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys("#name", "Ada Lovelace"),
		chromedp.SendKeys("#email", "ada@example.com"), chromedp.Click("#passkey"),
		chromedp.WaitVisible("#flows-title")))
	require.Equal(t, "Ada Lovelace", evaluate[string](t, ctx, `document.querySelector(".who").textContent`))
	require.NotContains(t, evaluate[string](t, ctx, "document.cookie"), "everhook", "scripts do not see the session")

	root := access.With(t.Context(), access.System)
	sessions, err := s.Sessions(root, true)
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(signOut), chromedp.WaitVisible("#passkey")))
	picture(t, ctx, "signin-390")
	sessions, err = s.Sessions(root, true)
	require.NoError(t, err)
	require.Empty(t, sessions)

	visit(t, ctx, origin+"/runs?flow=orders", "#passkey")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#passkey"), chromedp.WaitVisible("#runs-title")))
	require.Contains(t, evaluate[string](t, ctx, "location.href"), "/runs?flow=orders")

	// A device that cannot tell who holds it is refused.
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(signOut), chromedp.WaitVisible("#passkey")))
	bad := true
	_, err = chromedp.Call(ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{
		AuthenticatorID: device, IsBogusSignature: &bad})
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#passkey"), chromedp.WaitVisible("#problem")))
	require.Contains(t, told(t, ctx), "not known here")
	picture(t, ctx, "refused-390")

	// A person who was disabled is refused too.
	good := false
	_, err = chromedp.Call(ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{
		AuthenticatorID: device, IsBogusSignature: &good})
	require.NoError(t, err)
	everyone, err := s.People(root)
	require.NoError(t, err)
	disabled := true
	_, err = s.Invite(root, access.NewPerson{Name: "B", Email: "b@example.com", Role: access.Admin})
	require.NoError(t, err)
	s.AdminToken = "correct-horse-battery" // another way in, so that the last admin can be disabled
	_, err = s.ChangePerson(root, everyone[0].ID, access.PersonChange{Disabled: &disabled})
	require.NoError(t, err)
	visit(t, ctx, origin+"/login", "#passkey")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("#passkey"), chromedp.WaitVisible("#problem")))
	require.Contains(t, told(t, ctx), "disabled you")
}

func TestAnInvitedPersonJoinsWithAPassword(t *testing.T) {
	t.Parallel()
	origin, s := people(t)
	ctx, source := browsertest.Open(t), browsertest.Axe(t)
	look{1280, "dark", source}.apply(t, ctx)
	root := access.With(t.Context(), access.System)
	invited, err := s.Invite(root, access.NewPerson{Name: "Grace Hopper", Email: "grace@example.com",
		Role: access.Operator})
	require.NoError(t, err)
	visit(t, ctx, origin+invited.Path, "#password")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitNotVisible("#who-part"), chromedp.WaitNotVisible("#code-part")))
	require.Equal(t, "Grace Hopper, you are invited as operator with grace@example.com.",
		evaluate[string](t, ctx, `document.getElementById("whom").textContent`))
	picture(t, ctx, "invitation-1280")
	look{1280, "dark", source}.check(t, ctx)

	// A password that is not good enough leaves the invitation as it is.
	join := func(password string) {
		require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys("#password", password),
			chromedp.SendKeys("#again", password), chromedp.Click(`#invitation button[type="submit"]`)))
	}
	join("aaaaaaaaaaaaaaa")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible("#problem"), chromedp.WaitNotVisible("#who-part")))
	require.Contains(t, told(t, ctx), "12 to 256 characters")
	join("correct horse battery")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible("#flows-title")))

	visit(t, ctx, origin+invited.Path, "#problem")
	require.Contains(t, told(t, ctx), "was used or replaced")
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(origin+"/"), chromedp.Click(signOut),
		chromedp.WaitVisible("#email"), chromedp.SendKeys("#email", "grace@example.com"),
		chromedp.SendKeys("#password", "wrong horse battery"), chromedp.Click(`form button[type="submit"]`),
		chromedp.WaitVisible("#problem")))
	picture(t, ctx, "wrong-1280")
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys("#email", "grace@example.com"),
		chromedp.SendKeys("#password", "correct horse battery"), chromedp.Click(`form button[type="submit"]`),
		chromedp.WaitVisible("#flows-title")))
}
