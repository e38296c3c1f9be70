package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// Cookies of browsers.
const (
	sessionCookie = "everhook_session"
	// ceremonyCookie keeps what a browser must send back at the end of a sign-in, sealed.
	ceremonyCookie = "everhook_signin"
	ceremonyTime   = 10 * time.Minute
	maxForm        = 64 << 10
)

// Paths of signing in.
const (
	loginPath        = "/login"
	passkeyPath      = "/login/passkey"
	passkeyBeginPath = "/login/passkey/begin"
	providerPath     = "/login/oidc"
	// ProviderReturnPath is where an OIDC provider sends the browser back to.
	ProviderReturnPath    = "/login/oidc/callback"
	logoutPath            = "/logout"
	invitationPath        = access.InvitationPath
	invitationOpenPath    = access.InvitationPath + "/open"
	invitationPasskeyPath = access.InvitationPath + "/passkey"
	invitationBeginPath   = access.InvitationPath + "/passkey/begin"
	accountPath           = "/account"
	ownPasskeyPath        = "/account/passkey"
	ownPasskeyBeginPath   = "/account/passkey/begin"
)

// signIn adds the routes that sign people in and out.
func (s *site) signIn(routes *routes) {
	routes.public("POST "+loginPath, s.login)
	routes.public("POST "+passkeyBeginPath, s.beginPasskey)
	routes.public("POST "+passkeyPath, s.passkey)
	routes.public("POST "+logoutPath, s.logout)
	routes.public("POST "+invitationPath, s.accept)
	routes.public("POST "+invitationOpenPath, s.openInvitation)
	routes.public("POST "+invitationBeginPath, s.beginRegistration)
	routes.public("POST "+invitationPasskeyPath, s.acceptWithPasskey)
	routes.needs("POST "+ownPasskeyBeginPath, access.Viewer, false, http.HandlerFunc(s.beginOwnPasskey))
	routes.needs("POST "+ownPasskeyPath, access.Viewer, false, http.HandlerFunc(s.addOwnPasskey))
	if s.Access.Provider != nil {
		routes.public("GET "+providerPath, s.provider)
		routes.public("GET "+ProviderReturnPath, s.providerReturn)
	}
}

// SignIn says how people can sign in, for the page.
type SignIn struct {
	// Passkeys is set if browsers offer them at the address of the request.
	Passkeys bool
	// Provider is set if there is an OIDC provider.
	Provider bool
}

// SignIn returns how the browser of a request can sign in.
func (o Options) SignIn(r *http.Request) SignIn {
	return SignIn{Passkeys: o.Access.PasskeysAt(o.originOf(r)), Provider: o.Access.Provider != nil}
}

// originOf is the origin of the page that a request comes from.
func (o Options) originOf(r *http.Request) string {
	if o.Access.AdminURL != "" && namesHost(o.Access.AdminURL, r.Host) {
		parsed, err := url.Parse(o.Access.AdminURL)
		if err == nil {
			return parsed.Scheme + "://" + parsed.Host
		}
	}
	if o.isSecure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func namesHost(base, host string) bool {
	parsed, err := url.Parse(base)
	return err == nil && strings.EqualFold(parsed.Host, host)
}

// isSecure reports whether the browser uses https, as far as the server, a proxy or --admin-url tells.
func (o Options) isSecure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" ||
		strings.HasPrefix(o.Access.AdminURL, "https://")
}

// login signs in by email address and password, or by a token.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(w, malformed, "the sign-in form could not be read")
		return
	}
	next := localPath(r.PostForm.Get("next"))
	var signedIn access.SignedIn
	var err error
	if token := strings.TrimSpace(r.PostForm.Get("token")); token != "" {
		signedIn, err = s.Access.SignInWithToken(r.Context(), token, s.clientOf(r))
	} else {
		signedIn, err = s.withPassword(r)
	}
	if err != nil {
		s.refused(w, r, err, func(reason string) {
			http.Redirect(w, r, loginPath+"?"+url.Values{"wrong": {reason}, "next": {next}}.Encode(), http.StatusSeeOther)
		})
		return
	}
	s.setSession(w, r, signedIn)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// withPassword slows the guessing of one person's password from many addresses too.
func (s *site) withPassword(r *http.Request) (access.SignedIn, error) {
	email := strings.ToLower(strings.TrimSpace(r.PostForm.Get("email")))
	if s.accounts.Wait(everyAddress, email, time.Now()) > 0 {
		return access.SignedIn{}, errSlowed
	}
	signedIn, err := s.Access.SignInWithPassword(r.Context(), email, r.PostForm.Get("password"), s.clientOf(r))
	if errors.Is(err, access.ErrSignIn) {
		s.accounts.Wrong(everyAddress, email, time.Now())
	}
	return signedIn, err
}

// Reasons are codes of what was wrong at a sign-in, in the query of the sign-in page. They say nothing that helps to
// guess.
const (
	reasonToken    = "token"
	reasonPassword = "password"
	reasonPasskey  = "passkey"
	reasonSlow     = "slow"
	reasonDisabled = "disabled"
	reasonProvider = "provider"
	reasonNoRole   = "no-role"
	// reasonAway is that of a provider that does not answer. It says nothing about the person.
	reasonAway = "provider-away"
)

var errSlowed = errors.New("too many wrong passwords for this person")

// reasonOf is the reason for an error of the person who signs in; empty for one of the server.
func reasonOf(err error) string {
	for reason, causes := range map[string][]error{
		reasonToken: {access.ErrNoToken, access.ErrOtherServer, access.ErrUnknownToken, access.ErrRevoked,
			access.ErrExpired},
		reasonPassword: {access.ErrSignIn},
		reasonPasskey:  {access.ErrPasskey, access.ErrNoPasskeys, access.ErrNoOwnPasskeys},
		reasonSlow:     {errSlowed},
		reasonDisabled: {access.ErrDisabled},
		reasonProvider: {access.ErrProvider},
		reasonNoRole:   {access.ErrNoRole},
		reasonAway:     {access.ErrProviderAway},
	} {
		for _, cause := range causes {
			if errors.Is(err, cause) {
				return reason
			}
		}
	}
	return ""
}

// refused counts and logs a sign-in that did not succeed, and answers it.
func (s *site) refused(w http.ResponseWriter, r *http.Request, err error, answer func(reason string)) {
	reason := reasonOf(err)
	if reason == "" {
		s.unavailable(w, r, err)
		return
	}
	if reason != reasonSlow && reason != reasonAway {
		s.wrong(r)
	}
	s.Logger.WarnContext(r.Context(), "a sign-in was refused", "reason", reason, "remote", s.addressOf(r).String(),
		"error", err)
	answer(reason)
}

// unavailable answers a request that the server cannot decide about now.
func (s *site) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.Logger.WarnContext(r.Context(), "an admin request could not be answered", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "5")
	refuse(w, unavailable, "the server cannot check who you are now; try again")
}

// logout ends the session of the browser.
func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.endSession(r); err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.setCookie(w, r, sessionCookie, "", -1)
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}

// endSession ends the session of the browser, if it has one.
func (s *site) endSession(r *http.Request) error {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil //nolint:nilerr // the browser has none
	}
	actor, err := s.Access.BySession(r.Context(), cookie.Value)
	if err == nil {
		err = s.Access.EndSession(access.With(r.Context(), actor), actor.Session)
	}
	if errors.Is(err, access.ErrNoSession) {
		return nil
	}
	return err
}

// setSession gives the browser a session in place of the one that it has.
func (s *site) setSession(w http.ResponseWriter, r *http.Request, signedIn access.SignedIn) {
	if err := s.endSession(r); err != nil {
		s.Logger.WarnContext(r.Context(), "the earlier session of a browser could not be ended", "error", err)
	}
	s.setCookie(w, r, ceremonyCookie, "", -1)
	s.setCookie(w, r, sessionCookie, signedIn.Cookie, int(time.Until(signedIn.Expires).Round(time.Second).Seconds()))
	s.Logger.InfoContext(r.Context(), "signed in", "actor", signedIn.Actor.ID, "name", signedIn.Actor.Name, "remote",
		s.addressOf(r).String())
}

// setCookie sets a cookie that scripts cannot read. It is sent with links from elsewhere, which mails and an OIDC
// provider need, but not with forms and scripts of other sites.
func (s *site) setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: s.isSecure(r)})
}

// beginPasskey sends the options for the browser to sign in with a passkey.
func (s *site) beginPasskey(w http.ResponseWriter, r *http.Request) {
	options, sealed, err := s.Access.BeginPasskey(s.originOf(r))
	s.begun(w, r, options, sealed, err)
}

func (s *site) begun(w http.ResponseWriter, r *http.Request, options []byte, sealed string, err error) {
	if err != nil {
		s.refusedScript(w, r, err)
		return
	}
	s.setCookie(w, r, ceremonyCookie, sealed, int(ceremonyTime.Seconds()))
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options) // the client may have closed the connection
}

// opens is the answer to a script of the sign-in pages: the path to open.
type opens struct {
	Next string `json:"next"`
}

// passkey signs in with the browser's answer.
func (s *site) passkey(w http.ResponseWriter, r *http.Request) {
	var input struct {
		Next       string          `json:"next"`
		Credential json.RawMessage `json:"credential"`
	}
	if !readScript(w, r, &input) {
		return
	}
	signedIn, err := s.Access.SignInWithPasskey(r.Context(), s.originOf(r), sealedOf(r), input.Credential,
		s.clientOf(r))
	s.opened(w, r, signedIn, input.Next, err)
}

func (s *site) opened(w http.ResponseWriter, r *http.Request, signedIn access.SignedIn, next string, err error) {
	if err != nil {
		s.refusedScript(w, r, err)
		return
	}
	s.setSession(w, r, signedIn)
	writeJSON(w, http.StatusOK, opens{localPath(next)})
}

func sealedOf(r *http.Request) string {
	cookie, err := r.Cookie(ceremonyCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// readScript reads the JSON that a script of the pages sends, or answers the request.
func readScript(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, malformed, "the body could not be read: "+err.Error())
		return false
	}
	return true
}

// refusedScript answers a script of the sign-in pages.
func (s *site) refusedScript(w http.ResponseWriter, r *http.Request, err error) {
	if wrong, ok := errors.AsType[*access.Wrong](err); ok {
		refuse(w, malformed, wrong.Error())
		return
	}
	if errors.Is(err, access.ErrUsed) {
		s.wrong(r)
		refuse(w, conflict, usedUp)
		return
	}
	if errors.Is(err, access.ErrTaken) {
		refuse(w, conflict, "this email address is already used")
		return
	}
	s.refused(w, r, err, func(string) {
		cause := err
		for _, known := range []error{access.ErrPasskey, access.ErrNoPasskeys, access.ErrNoOwnPasskeys,
			access.ErrDisabled} {
			if errors.Is(err, known) {
				cause = known // without what the library says
			}
		}
		refuse(w, denied, cause.Error())
	})
}

const usedUp = "this link was used or replaced, or it has expired; ask an admin for a new one"

// beginOwnPasskey sends the options for the browser of a person to make one more passkey.
func (s *site) beginOwnPasskey(w http.ResponseWriter, r *http.Request) {
	options, sealed, err := s.Access.BeginOwnPasskey(r.Context(), s.originOf(r))
	s.begun(w, r, options, sealed, err)
}

// addOwnPasskey adds the browser's new passkey to those of a person.
func (s *site) addOwnPasskey(w http.ResponseWriter, r *http.Request) {
	var input struct {
		Credential json.RawMessage `json:"credential"`
	}
	if !readScript(w, r, &input) {
		return
	}
	if err := s.Access.AddOwnPasskey(r.Context(), s.originOf(r), sealedOf(r), input.Credential); err != nil {
		s.refusedScript(w, r, err)
		return
	}
	s.setCookie(w, r, ceremonyCookie, "", -1)
	writeJSON(w, http.StatusOK, opens{accountPath})
}

// provider sends the browser to the OIDC provider.
func (s *site) provider(w http.ResponseWriter, r *http.Request) {
	target, sealed, err := s.Access.BeginProvider(r.Context(), localPath(r.URL.Query().Get("next")))
	if err != nil {
		s.refusedProvider(w, r, err)
		return
	}
	s.setCookie(w, r, ceremonyCookie, sealed, int(ceremonyTime.Seconds()))
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// providerReturn signs in a person who comes back from the OIDC provider.
func (s *site) providerReturn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	signedIn, next, err := s.Access.SignInByProvider(r.Context(), sealedOf(r), query.Get("state"), query.Get("code"),
		s.clientOf(r))
	if err != nil {
		s.setCookie(w, r, ceremonyCookie, "", -1)
		s.refusedProvider(w, r, err)
		return
	}
	s.setSession(w, r, signedIn)
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

// refusedProvider sends the browser back to the sign-in page.
func (s *site) refusedProvider(w http.ResponseWriter, r *http.Request, err error) {
	s.refused(w, r, err, func(reason string) {
		http.Redirect(w, r, loginPath+"?wrong="+reason, http.StatusSeeOther)
	})
}

// localPath returns the path to open after signing in: the given one if it is a path on this address, else "/".
func localPath(text string) string {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || parsed.User != nil || !strings.HasPrefix(text, "/") ||
		strings.HasPrefix(text, "//") || strings.ContainsRune(text, '\\') {
		return "/"
	}
	return text
}
