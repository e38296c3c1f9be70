package admin_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
)

func guarded() admin.Options {
	o := options()
	o.Access, o.Local = accesstest.WithToken("sesame"), false
	return o
}

func form(path string, values url.Values) *http.Request {
	r := httptest.NewRequest("POST", "http://everhook.example"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestWithoutATokenOnlyLoopbackHostsAreServed(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]int{
		"localhost": 200, "localhost:13001": 200, "LOCALHOST.": 200, "app.localhost:1": 200, "127.0.0.1:13001": 200,
		"127.9.8.7": 200, "[::1]:13001": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:13001": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403,
		"192.168.1.7": 403, "0.0.0.0": 403, "notlocalhost": 403, "": 403,
	} {
		r := get("/api/v1/flows")
		r.Host = host
		w := do(options(), r)
		require.Equal(t, want, w.Code, host)
		if want == 403 {
			requireProblem(t, w, 403, everhook.ProblemForbidden, "this machine")
		}
	}
}

func TestAnOpenServerServesThisMachineOnly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*admin.Options, *http.Request){
		"an address for others": func(o *admin.Options, _ *http.Request) { o.Local = false },
		"another machine":       func(_ *admin.Options, r *http.Request) { r.RemoteAddr = "192.0.2.1:4711" },
		"an unknown address":    func(_ *admin.Options, r *http.Request) { r.RemoteAddr = "" },
		"HTTP/1.0":              func(_ *admin.Options, r *http.Request) { r.ProtoMajor, r.ProtoMinor = 1, 0 },
	} {
		for _, path := range []string{"/api/v1/flows", "/", "/runs", "/temporal/", "/metrics"} {
			o, r := options(), get(path)
			o.UI, o.Metrics = o.Console, o.Console
			change(&o, r)
			requireProblem(t, do(o, r), 403, everhook.ProblemForbidden, "serves only this machine")
			require.Equal(t, 200, do(o, get("/healthz")).Code, name)
		}
	}
}

func TestACallThroughAProxyGetsNothing(t *testing.T) {
	t.Parallel()
	o := options()
	o.UI, o.Metrics, o.Codec = o.Console, o.Console, o.Console
	server := httptest.NewServer(admin.New(o))
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	// The proxy runs on this machine, so its calls come from loopback, and it names the host that it calls.
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}})
	t.Cleanup(proxy.Close)
	refused := operations(t)
	for _, route := range admin.Routes(o) {
		if method, path, ok := strings.Cut(route.Pattern, " "); ok && !route.Public {
			refused = append(refused, [2]string{method, path})
		}
	}
	for _, request := range append(refused, [2]string{"GET", "/api/v1/none"}, [2]string{"DELETE", "/runs"}) {
		r, err := http.NewRequestWithContext(t.Context(), request[0], proxy.URL+request[1], nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.GreaterOrEqual(t, response.StatusCode, 403, request)
		require.LessOrEqual(t, response.StatusCode, 405, request)
	}
	for _, path := range []string{"/", "/runs", "/people", "/tokens", "/account", "/api/v1/flows", "/api/v1/runs",
		"/api/v1/openapi.json", "/temporal/", "/temporal-codec/decode", "/metrics"} {
		for base, want := range map[string]int{server.URL: 200, proxy.URL: 403} {
			response, err := http.Get(base + path)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, want, response.StatusCode, path)
			if want == 403 {
				require.Contains(t, string(body), "through a proxy")
			}
		}
	}
}

func TestTheTokenLetsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header string
		want   int
	}{
		"the token":                {"Bearer sesame", 200},
		"a scheme in lower case":   {"bearer sesame", 200},
		"no header":                {"", 401},
		"another token":            {"Bearer sesamo", 401},
		"the beginning of it":      {"Bearer sesam", 401},
		"more than it":             {"Bearer sesame1", 401},
		"an empty token":           {"Bearer ", 401},
		"another scheme":           {"Basic sesame", 401},
		"the token with no scheme": {"sesame", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{"/api/v1/flows", "/api/v1/runs", "/", "/runs/x", "/temporal/x",
				"/temporal-codec/decode", "/metrics"} {
				o := guarded()
				o.UI, o.Codec, o.Metrics = o.Console, o.Console, o.Console
				r := httptest.NewRequest("GET", "http://everhook.example"+path, nil)
				r.Header.Set("Authorization", c.header)
				w := do(o, r)
				require.Equal(t, c.want, w.Code, path)
				if c.want == 401 {
					requireProblem(t, w, 401, everhook.ProblemUnauthorized, "Bearer")
					require.Contains(t, w.Header().Get("WWW-Authenticate"), "Bearer")
				}
			}
		})
	}
}

func TestTheTokenIsNotHandedOn(t *testing.T) {
	t.Parallel()
	o := guarded()
	o.UI = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("got " + r.Header.Get("Authorization")))
	})
	r := get("/temporal/x")
	r.Header.Set("Authorization", "Bearer sesame")
	require.Equal(t, "got ", do(o, r).Body.String())
}

func TestABrowserSignsInAndOut(t *testing.T) {
	t.Parallel()
	o := guarded()
	r := get("/runs?flow=a&status=failed")
	r.Header.Set("Accept", "text/html,*/*")
	w := do(o, r)
	require.Equal(t, 303, w.Code)
	require.Equal(t, "/login?next=%2Fruns%3Fflow%3Da%26status%3Dfailed", w.Header().Get("Location"))

	for _, path := range []string{"/login", "/console.css", "/console.js"} {
		require.Equal(t, 200, do(o, get(path)).Code, path)
	}
	w = do(o, form("/login", url.Values{"token": {"wrong"}, "next": {"/runs"}}))
	require.Equal(t, 303, w.Code)
	require.Equal(t, "/login?next=%2Fruns&wrong=token", w.Header().Get("Location"))
	require.Empty(t, w.Result().Cookies())

	w = do(o, form("/login", url.Values{"token": {" sesame\n"}, "next": {"/runs?flow=a"}}))
	require.Equal(t, 303, w.Code)
	require.Equal(t, "/runs?flow=a", w.Header().Get("Location"))
	cookie := sessionOf(t, w)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite, "links in mails lead to pages")
	require.False(t, cookie.Secure, "the sign-in came over plain HTTP")
	require.Equal(t, 7*24*60*60, cookie.MaxAge)
	require.NotContains(t, cookie.Value, "sesame")

	signedIn := func(value string) int {
		r := get("/api/v1/flows")
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
		return do(o, r).Code
	}
	require.Equal(t, 200, signedIn(cookie.Value))
	for _, forged := range []string{"", "x", cookie.Value + "x", cookie.Value[1:], strings.ToUpper(cookie.Value)} {
		require.Equal(t, 401, signedIn(forged), forged)
	}

	w = do(o, withCookie(form("/logout", nil), cookie))
	require.Equal(t, 303, w.Code)
	require.Negative(t, w.Result().Cookies()[0].MaxAge)
	require.Empty(t, w.Result().Cookies()[0].Value)
	require.Equal(t, 401, signedIn(cookie.Value), "the server has ended the session")
}

// sessionOf is the cookie of the session that an answer begins.
func sessionOf(t *testing.T, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	for _, cookie := range w.Result().Cookies() {
		if cookie.Name == "everhook_session" && cookie.Value != "" {
			return cookie
		}
	}
	require.Fail(t, "no session", w.Result().Cookies())
	return nil
}

func withCookie(r *http.Request, cookie *http.Cookie) *http.Request {
	r.AddCookie(cookie)
	return r
}

func TestBehindHTTPSTheSessionIsSecure(t *testing.T) {
	t.Parallel()
	r := form("/login", url.Values{"token": {"sesame"}})
	r.Header.Set("X-Forwarded-Proto", "https")
	require.True(t, sessionOf(t, do(guarded(), r)).Secure)
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"", "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil",
		"javascript:alert(1)", "evil", "/\t/evil.example", "http:/x", "///evil.example"} {
		w := do(guarded(), form("/login", url.Values{"token": {"sesame"}, "next": {next}}))
		require.Equal(t, "/", w.Header().Get("Location"), "%q", next)
	}
}

func TestASignInFormIsBounded(t *testing.T) {
	t.Parallel()
	requireProblem(t, do(guarded(), form("/login", url.Values{"token": {strings.Repeat("x", 128<<10)}})), 400,
		everhook.ProblemMalformed, "sign-in form")
}

func TestAWrongTokenIsLoggedWithoutIt(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := guarded()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	do(o, form("/login", url.Values{"token": {"guess-7"}}))
	require.Contains(t, log.String(), "remote=192.0.2.1")
	require.NotContains(t, log.String(), "guess-7")
	require.NotContains(t, log.String(), "sesame")
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		for _, path := range []string{"/", "/runs/x", "/temporalx", "/healthz"} {
			r := httptest.NewRequest(method, "http://localhost"+path, nil)
			w := do(options(), r)
			requireProblem(t, w, 405, everhook.ProblemMethod, "use GET")
			require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		}
	}
	require.Equal(t, 200, do(options(), httptest.NewRequest("HEAD", "http://localhost/api/v1/flows", nil)).Code)
}

func TestPagesOfOtherOriginsCannotAct(t *testing.T) {
	t.Parallel()
	o := options()
	o.UI = o.Console
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		for _, path := range []string{"/temporal/api/v1/terminate", "/login", "/logout"} {
			r := httptest.NewRequest("POST", "http://localhost:13001"+path, nil)
			r.Header.Set(header, value)
			requireProblem(t, do(o, r), 403, everhook.ProblemForbidden, "another origin")
		}
	}
	r := httptest.NewRequest("POST", "http://localhost:13001/temporal/api", nil)
	r.Header.Set("Origin", "http://localhost:13001")
	require.Equal(t, 200, do(o, r).Code)
}

func TestEveryAnswerProtectsItself(t *testing.T) {
	t.Parallel()
	foreign := get("/")
	foreign.Host = "evil.example"
	for _, r := range []*http.Request{get("/"), get("/api/v1/flows"), get("/api/none"), get("/healthz"), foreign} {
		h := do(options(), r).Header()
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "DENY", h.Get("X-Frame-Options"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Equal(t, "same-origin", h.Get("Referrer-Policy"))
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'",
			"base-uri 'none'", "form-action 'self'"} {
			require.Contains(t, csp, part)
		}
		require.NotContains(t, csp, "unsafe")
	}
	o := options()
	o.UI = o.Console
	h := do(o, get("/temporal/")).Header()
	require.Empty(t, h.Get("Content-Security-Policy"), "Temporal's UI has its own")
	require.Equal(t, "SAMEORIGIN", h.Get("X-Frame-Options"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", h.Get("Cache-Control"), "it shows data of runs")
}

func TestAPanicIsAProblemAndALogLine(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	o.Console = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("nobody expects this") })
	w := do(o, get("/"))
	requireProblem(t, w, 500, everhook.ProblemInternal, "internal error")
	require.NotContains(t, w.Body.String(), "nobody expects this")
	require.Contains(t, log.String(), "nobody expects this")
}

func TestAPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]http.HandlerFunc{
		"in a body":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("half")); panic("late") },
		"after a head": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("late") },
		"on purpose":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Console = page
			require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { do(o, get("/")) })
		})
	}
}

func TestWhatIsMountedCanFlush(t *testing.T) {
	t.Parallel()
	o := options()
	o.UI = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		require.NoError(t, http.NewResponseController(w).Flush())
	})
	require.True(t, do(o, get("/temporal/")).Flushed)
}

func TestWrongTokensAreSlowed(t *testing.T) {
	t.Parallel()
	o := guarded()
	handler := admin.New(o)
	call := func(r *http.Request, address string) *httptest.ResponseRecorder {
		r.RemoteAddr = address + ":4711"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	list := func(token, address string) *httptest.ResponseRecorder {
		r := get("/api/v1/flows")
		r.Header.Set("Authorization", "Bearer "+token)
		return call(r, address)
	}
	const token = "sesame"
	signedIn := sessionOf(t, call(form("/login", url.Values{"token": {token}}), "192.0.2.1"))
	for range 5 {
		require.Equal(t, 401, list("wrong", "192.0.2.1").Code)
		require.Equal(t, 303, call(form("/login", url.Values{"token": {"wrong"}}), "192.0.2.1").Code)
		require.Equal(t, 200, list(token, "192.0.2.2").Code)
	}
	for _, w := range []*httptest.ResponseRecorder{
		list("wrong", "192.0.2.1"), list(token, "192.0.2.1"),
		call(form("/login", url.Values{"token": {token}}), "192.0.2.1"),
	} {
		requireProblem(t, w, 429, everhook.ProblemRateLimited, "too many wrong tokens or passwords")
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
	require.Equal(t, 200, list(token, "192.0.2.2").Code)
	page := get("/api/v1/flows")
	page.AddCookie(signedIn)
	require.Equal(t, 200, call(page, "192.0.2.1").Code, "a browser that has signed in shows no token")
	require.Equal(t, 200, call(get("/healthz"), "192.0.2.1").Code)
}
