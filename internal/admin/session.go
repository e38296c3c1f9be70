package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A session is a cookie "<expiry>.<HMAC-SHA256 of the expiry, keyed by the token>". The cookie does not contain the
// token, the server stores nothing, and a new token ends every session.
const (
	sessionCookie = "everhook_session"
	sessionTime   = 7 * 24 * time.Hour
	maxForm       = 16 << 10
)

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(w, malformed, "the sign-in form could not be read")
		return
	}
	next := localPath(r.PostForm.Get("next"))
	if s.Token != "" && !s.isToken(strings.TrimSpace(r.PostForm.Get("token"))) {
		s.wrong(r)
		s.Logger.WarnContext(r.Context(), "a wrong admin token at sign-in", "remote", r.RemoteAddr)
		http.Redirect(w, r, "/login?"+url.Values{"wrong": {"1"}, "next": {next}}.Encode(), http.StatusSeeOther)
		return
	}
	if s.Token != "" {
		s.setSession(w, r, s.session(time.Now().Add(sessionTime)), int(sessionTime.Seconds()))
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	s.setSession(w, r, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (s *site) setSession(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

func (s *site) session(expiry time.Time) string {
	text := strconv.FormatInt(expiry.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(s.Token))
	mac.Write([]byte("everhook admin session " + text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *site) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(cookie.Value, ".")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false
	}
	expiry := time.Unix(seconds, 0)
	return hmac.Equal([]byte(cookie.Value), []byte(s.session(expiry))) && time.Now().Before(expiry)
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
