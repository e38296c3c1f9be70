package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// policy lets the pages load only their own style and script, and forbids framing.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard passes a request on after all checks.
func (s *site) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &recorder{ResponseWriter: w}
		defer s.recover(recorder, r)
		s.protect(recorder, r)
		switch {
		case isProbe(r):
			next.ServeHTTP(recorder, r)
		case s.Token == "" && !s.Loopback:
			refuse(recorder, forbidden, "the admin address can be reached from other machines; set an admin token")
		case s.Token == "" && !namesLoopback(r.Host):
			refuse(recorder, forbidden, "without an admin token only loopback hosts are served; open "+
				"http://127.0.0.1 or http://localhost")
		case !methodAllowed(r):
			refuseMethod(recorder, r)
		case origins.Check(r) != nil:
			refuse(recorder, forbidden, "the request comes from a page of another origin")
		case isGuess(r) && s.slowed(recorder, r):
		case !isPublic(r) && !s.admitted(r):
			s.turnAway(recorder, r)
		default:
			s.pass(next, recorder, r)
		}
	})
}

// pass adds the actor to the request, and removes the token: no handler needs it, and Temporal's UI would forward it.
func (s *site) pass(next http.Handler, w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(access.With(r.Context(), s.actor()))
	if s.Token != "" && r.Header.Get("Authorization") != "" {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
	}
	next.ServeHTTP(w, r)
}

// actor is the author of an admitted request.
func (s *site) actor() access.Actor {
	if s.Token == "" {
		return access.Local
	}
	return access.Actor{ID: "token:admin", Kind: access.KindToken, Name: "admin token", Role: access.Admin}
}

// recover turns a panic into a problem. If the answer has begun, it cuts the connection.
func (s *site) recover(w *recorder, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
		panic(cause)
	}
	s.Logger.ErrorContext(r.Context(), "a panic while answering an admin request", "path", r.URL.Path, "panic", cause,
		"stack", string(debug.Stack()))
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	refuse(w, internal, "an internal error; see the log of the server")
}

// recorder records whether the answer has begun.
type recorder struct {
	http.ResponseWriter
	begun bool
}

func (r *recorder) WriteHeader(status int) {
	r.begun = true
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.begun = true
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// protect sets headers against framing, sniffing and other origins. Temporal's UI has its own policy.
func (s *site) protect(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if below(r, TemporalPath) {
		h.Set("X-Frame-Options", "SAMEORIGIN")
		return
	}
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", policy)
}

func isProbe(r *http.Request) bool {
	return isRead(r) && (r.URL.Path == "/healthz" || r.URL.Path == "/readyz")
}

// isPublic reports whether a browser may request the path before it has signed in.
func isPublic(r *http.Request) bool {
	return slices.Contains([]string{"/login", "/console.css", "/console.js"}, r.URL.Path)
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func methodAllowed(r *http.Request) bool {
	switch {
	case below(r, TemporalPath) || below(r, CodecPath) || below(r, "/api"):
		return true // they know their methods
	default:
		return isRead(r) || r.Method == http.MethodPost && (r.URL.Path == "/login" || r.URL.Path == "/logout")
	}
}

func refuseMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	refuse(w, badMethod, r.Method+" is not served here; use GET")
}

func below(r *http.Request, path string) bool { return strings.HasPrefix(r.URL.Path, path+"/") }

// namesLoopback reports whether a Host header names this machine: localhost or a name below it (RFC 6761, 6.3), or a
// loopback address.
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// admitted reports whether a request has the token or the cookie of a sign-in.
func (s *site) admitted(r *http.Request) bool {
	if s.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if s.isToken(strings.TrimSpace(token)) {
			return true
		}
		s.wrong(r)
	}
	return s.signedIn(r)
}

// isGuess reports whether a request shows a token, which may be a wrong one.
func isGuess(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.Method == http.MethodPost && r.URL.Path == "/login"
}

// slowed refuses an address that has shown too many wrong tokens, without a look at the one that it shows now. Browsers
// that have signed in are served: they show none.
func (s *site) slowed(w http.ResponseWriter, r *http.Request) bool {
	wait := s.guesses.Wait(remoteOf(r), "", time.Now())
	if s.Token == "" || wait == 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	refuse(w, rateLimited, "too many wrong tokens came from this address; tokens are not looked at for a while")
	return true
}

// wrong counts a wrong token.
func (s *site) wrong(r *http.Request) { s.guesses.Wrong(remoteOf(r), "", time.Now()) }

func remoteOf(r *http.Request) netip.Addr {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	return remote.Addr()
}

// isToken compares digests, so that its duration reveals nothing about the token or its length.
func (s *site) isToken(text string) bool {
	want, got := sha256.Sum256([]byte(s.Token)), sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// turnAway redirects browsers to the sign-in page, and answers other clients with 401.
func (s *site) turnAway(w http.ResponseWriter, r *http.Request) {
	if s.Console != nil && isRead(r) && !below(r, "/api") && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/login?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="everhook admin"`)
	refuse(w, unauthorized, "send the admin token: Authorization: Bearer TOKEN")
}
