package admin

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// policy lets the pages load only their own style and script, and forbids framing.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard passes a request on after the checks that need no actor. Each route checks the actor.
func (s *site) guard(mux *http.ServeMux) http.Handler {
	origins := http.NewCrossOriginProtection()
	if base, err := url.Parse(s.Access.AdminURL); err == nil && base.Host != "" {
		// A proxy may change the Host header, with which browsers' origins are compared.
		_ = origins.AddTrustedOrigin(base.Scheme + "://" + base.Host)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &recorder{ResponseWriter: w}
		defer s.recover(recorder, r)
		s.protect(recorder, r)
		r = r.WithContext(access.WithAddress(r.Context(), s.addressOf(r).String()))
		_, pattern := mux.Handler(r)
		switch {
		case isProbe(r):
			mux.ServeHTTP(recorder, r)
		case (pattern == "" || pattern == "/") && !isRead(r):
			refuseMethod(recorder, r)
		case origins.Check(r) != nil:
			refuse(recorder, forbidden, "the request comes from a page of another origin")
		case isGuess(r) && s.slowed(recorder, r):
		case pattern == "":
			s.unknown(recorder, r)
		default:
			mux.ServeHTTP(recorder, r)
		}
	})
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

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

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

// isGuess reports whether a request shows a token, a password, a passkey or the secret of a link, which may be wrong.
func isGuess(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.Method == http.MethodPost &&
		(r.URL.Path == loginPath || r.URL.Path == passkeyPath || r.URL.Path == invitationPath ||
			below(r, invitationPath))
}

// slowed refuses a client that was wrong too often, without a look at what it shows now. Browsers that have signed in
// are served: they show only their session.
func (s *site) slowed(w http.ResponseWriter, r *http.Request) bool {
	wait := s.guesses.Wait(s.addressOf(r), "", time.Now())
	if wait == 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	refuse(w, rateLimited, "too many wrong tokens or passwords came from this address; none is looked at for a "+
		"while")
	return true
}

// wrong counts a wrong token or password.
func (s *site) wrong(r *http.Request) { s.guesses.Wrong(s.addressOf(r), "", time.Now()) }
