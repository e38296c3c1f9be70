package httprequest

import (
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func TestWhatIsTriedAgainDependsOnTheMethodAndTheNode(t *testing.T) {
	t.Parallel()
	h := local(t)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/lost" {
			panic(http.ErrAbortHandler)
		}
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
	})
	for _, c := range []struct {
		method, url string
		on          []string
		retried     bool
	}{
		{"GET", base + "/500", nil, true}, {"GET", base + "/503", nil, true}, {"GET", base + "/429", nil, true},
		{"DELETE", base + "/408", nil, true},
		{"PUT", base + "/425", nil, true}, {"GET", base + "/404", nil, false}, {"GET", base + "/lost", nil, true},
		{"GET", unreachable, nil, true},
		{"POST", base + "/500", nil, false}, {"POST", base + "/408", nil, false}, {"POST", base + "/429", nil, true},
		{"POST", base + "/503", nil, true},
		{"POST", base + "/lost", nil, false}, {"PATCH", base + "/lost", nil, false}, {"POST", unreachable, nil, true},
		{"PATCH", unreachable, nil, true},
		{"POST", base + "/lost", []string{"connect"}, true}, {"POST", base + "/500", []string{"5xx"}, true},
		{"POST", base + "/502", []string{"500"}, false},
		{"POST", base + "/409", []string{"connect", "409"}, true}, {"GET", base + "/500", []string{"429"}, false},
		{"GET", unreachable, []string{"429"}, false},
		{"GET", base + "/lost", []string{"timeout"}, false}, {"GET", base + "/404", []string{"4XX"}, true},
	} {
		_, application := fail(t, h, activities.HTTPRequestInput{Method: c.method, URL: plainValue(c.url),
			RetryOn: c.on, Body: plainValue("x")})
		require.Equal(t, c.retried, !application.NonRetryable(), "%s %s %v", c.method, c.url, c.on)
	}
}

func TestWhatIsTriedAgainCanBeAddedToAndExcluded(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(status)
	})
	h := local(t)
	for _, c := range []struct {
		method, status string
		on, never      []string
		retried        bool
	}{
		{"POST", "500", []string{"default"}, nil, false}, {"POST", "503", []string{"default"}, nil, true},
		{"POST", "500", []string{"default", "5xx"}, nil, true}, {"POST", "503", []string{"default", "404"}, nil, true},
		{"GET", "404", []string{"default", "400-404"}, nil, true}, {"GET", "405", []string{"400-404"}, nil, false},
		{"GET", "503", nil, []string{"503"}, false}, {"GET", "502", nil, []string{"503"}, true},
		{"GET", "502", []string{"5xx"}, []string{"501-503"}, false}, {"GET", "504", []string{"5xx"},
			[]string{"501-503"},
			true}, {"GET", "429", []string{"default"}, []string{"4xx"}, false},
	} {
		_, application := fail(t, h, activities.HTTPRequestInput{Method: c.method, URL: plainValue(base + "/" +
			c.status),
			RetryOn: c.on, RetryNever: c.never})
		require.Equal(t, c.retried, !application.NonRetryable(), "%s %s %v %v", c.method, c.status, c.on, c.never)
	}
	_, application := fail(t, h, activities.HTTPRequestInput{Method: "POST", URL: plainValue("http://127.0.0.1:1/"),
		RetryOn: []string{"default"}})
	require.False(t, application.NonRetryable(), "what was never sent can be sent again")
	_, application = fail(t, h, activities.HTTPRequestInput{Method: "POST", URL: plainValue("http://127.0.0.1:1/"),
		RetryOn: []string{"default"}, RetryNever: []string{"connect"}})
	require.True(t, application.NonRetryable())
}

func TestAPauseThatTheOtherSystemAsksForIsPassedOn(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, application := fail(t, local(t), activities.HTTPRequestInput{Method: "POST", URL: plainValue(base)})
	require.Equal(t, 7*time.Second, application.NextRetryDelay())
	_, application = fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base), RetryOn: []string{"429"}})
	require.Zero(t, application.NextRetryDelay())
}

func TestALongerPauseThanAllowedEndsTheNode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		most   time.Duration
		again  bool
		want   string
	}{
		{"600", 0, true, ""}, {"601", 0, false, "in 10m1s, which is later than the node's retry.maxRetryAfter (10m)"},
		{"601", time.Hour, true, ""}, {"61", time.Minute, false, "(1m) allows"},
		{"1767323045", 0, false, "asks to be called again at 20"},
		{"99999999999999999999", 0, false, "asks to be called again at 2"},
		{"Fri, 02 Jan 2099 03:04:15 GMT", 0, false, "asks to be called again at 2099-01-02T03:04:1"},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base),
			MaxRetryAfter: everhook.Duration(c.most)})
		require.Equal(t, c.again, !application.NonRetryable(), c.header)
		require.Equal(t, everhook.Failed, failed.Status)
		require.Contains(t, failed.Message, c.want)
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	most := time.Duration(math.MaxInt64).Truncate(time.Second)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "-1": 0, "soon": 0, "1.5": 0, " 12 ": 12 * time.Second, "3601": time.Hour + time.Second,
		"9223372036854775807": most, "99999999999999999999": most,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"Fri, 02 Jan 2026 05:04:05 GMT": 2 * time.Hour,
	} {
		require.Equal(t, want, retryAfter(value, now), value)
	}
}

func TestAPostIsSentOnceWhenAConnectionThatIsUsedAgainBreaks(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "x-idempotency-key"} {
		h := local(t)
		var sent atomic.Int64
		base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if sent.Add(1) > 1 {
				panic(http.ErrAbortHandler)
			}
		})
		input := activities.HTTPRequestInput{Method: "POST", URL: plainValue(base), Body: plainValue("x"),
			IdempotencyKey: "k"}
		if header != "" {
			input.Headers = plainValue(map[string]any{header: "own"})
		}
		succeed(t, h, input)
		failed, application := fail(t, h, input)
		require.Equal(t, everhook.TypeConnection, failed.Type)
		require.True(t, application.NonRetryable())
		require.Equal(t, int64(2), sent.Load())
	}
}

func TestARedirectFollowsTheRulesOfItsStatus(t *testing.T) {
	t.Parallel()
	h := local(t)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); err == nil {
			http.Redirect(w, r, "/end", status)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Idempotency-Key")+" "+
			r.Header.Get("X-Key")+" "+string(body))
	})
	for _, c := range []struct {
		status       int
		method, want string
	}{
		{301, "POST", "GET   mine "}, {302, "POST", "GET   mine "}, {303, "POST", "GET   mine "},
		{303, "PUT", "GET   mine "},
		{301, "PUT", "PUT application/json k mine 1"}, {307, "POST", "POST application/json k mine 1"},
		{308, "PATCH", "PATCH application/json k mine 1"},
	} {
		result := succeed(t, h, activities.HTTPRequestInput{
			Method: c.method, URL: plainValue(base + "/" + strconv.Itoa(c.status)), Redirects: 1, Body: plainValue(1),
			IdempotencyKey: "k",
			Headers:        plainValue(map[string]any{"X-Key": "mine"}),
		})
		require.Equal(t, c.want, result.Body.V, "%d %s", c.status, c.method)
	}
	failed, _ := fail(t, h, activities.HTTPRequestInput{URL: plainValue(base + "/302")})
	require.Equal(t, 302, failed.Response.V.(map[string]any)["status"], "without redirects the redirect is the answer")
}

func TestARedirectToAnotherHostDropsCredentials(t *testing.T) {
	t.Parallel()
	h := local(t, "KEY=opaque-value")
	other := serve(t, echo)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(other, "://", "://user:pw@", 1)+"/end", http.StatusTemporaryRedirect)
	})
	input := activities.HTTPRequestInput{
		Method: "POST", URL: plainValue(base), Redirects: 5, Body: plainValue("b"), ContentType: "text",
		Headers: everhook.Sealed{
			Value: everhook.Value{V: map[string]any{"X-Key": nil, "Cookie": "a=b", "X-Many": "m",
				"Host": "virtual.example", "content-key": nil, "Accept-Key": []any{"a", nil}, "Accept-Language": "de"}},
			Places: []everhook.Place{{At: []any{"X-Key"}, Segments: parts("$KEY")},
				{At: []any{"content-key"}, Segments: parts("k ", "$KEY")},
				{At: []any{"Accept-Key", 1}, Segments: parts("$KEY")}},
		},
		Auth: &activities.HTTPAuth{Bearer: new(sealed("$KEY"))},
	}
	require.Equal(t, "POST /end\nContent-Type: text/plain; charset=utf-8\nUser-Agent: everhook\nAccept-Language: de\nb",
		succeed(t, h, input).Body.V)

	input.Body = sealed("$KEY")
	failed, application := fail(t, h, input)
	require.Equal(t, everhook.TypeRefused, failed.Type)
	require.Contains(t, failed.Message, "would hand over a body with a secret")
	require.True(t, application.NonRetryable())
}

func TestRedirectsThatLeadNowhereAreErrors(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		location := map[string]string{"/loop": "/loop", "/file": "file:///etc/passwd", "/bad": "http://[::1",
			"/none": ""}[r.URL.Path]
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(http.StatusFound)
	})
	for path, want := range map[string]string{"/loop": "more than 3 redirects", "/file": "leads to a file URL",
		"/bad": "the target of the redirect is not a URL", "/none": "answered 302 Found"} {
		failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(base + path),
			Redirects: 3})
		require.Contains(t, failed.Message, want)
		require.True(t, application.NonRetryable())
	}
	require.Equal(t, int64(4+3), calls.Load())
}

func TestOriginsAreComparedBySchemeHostAndPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		same     bool
	}{
		{"http://a/", "http://A:80/x", true}, {"http://a/", "https://a/", true}, {"https://a/", "http://a/", false},
		{"http://a:8080/", "https://a/", false},
		{"http://a/", "http://b.a/", false}, {"http://a:1/", "http://a:2/", false},
		{"https://a/", "https://a:443/", true},
	} {
		from, to := mustParse(t, c.from), mustParse(t, c.to)
		require.Equal(t, c.same, sameOrigin(from, to), "%s %s", c.from, c.to)
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

// unreachable is an address without a listener: the system never assigns such a low port.
const unreachable = "http://127.0.0.1:1"
