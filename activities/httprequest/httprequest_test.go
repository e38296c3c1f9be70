package httprequest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
	"github.com/everhook/everhook/internal/secrets"
)

// requests sends requests in the frame of effects.
type requests struct {
	activities.Effect
	dependencies activities.Dependencies
}

// local sends requests that may call this machine, with the given secrets.
func local(t *testing.T, environ ...string) *requests {
	t.Helper()
	return guarded(t, []string{"127.0.0.1"}, environ...)
}

func guarded(t *testing.T, allow []string, environ ...string) *requests {
	t.Helper()
	return proxied(t, allow, nil, environ...)
}

func proxied(t *testing.T, allow []string, proxy *url.URL, environ ...string) *requests {
	t.Helper()
	guard, err := egress.New(allow)
	require.NoError(t, err)
	for i, variable := range environ {
		environ[i] = secrets.SecretPrefix + variable
	}
	provider, err := secrets.New(secrets.Options{Environ: environ})
	require.NoError(t, err)
	client := &http.Client{Transport: guard.Transport(proxy)}
	t.Cleanup(client.CloseIdleConnections)
	return &requests{New(Options{}), activities.Dependencies{Secrets: provider, HTTP: client}}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// run executes the activity as a worker does, under a context that the test may cancel.
func run(t *testing.T, ctx context.Context, h *requests,
	input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivityWithOptions(h.Activity(h.dependencies), activity.RegisterOptions{Name: h.Name()})
	encoded, err := env.ExecuteActivity(activities.HTTPRequest, input)
	var result activities.HTTPRequestResult
	if err == nil {
		require.NoError(t, encoded.Get(&result))
	}
	return result, err
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

func succeed(t *testing.T, h *requests, input activities.HTTPRequestInput) activities.HTTPRequestResult {
	t.Helper()
	result, err := run(t, t.Context(), h, input)
	require.NoError(t, err)
	return result
}

// fail returns the error that workflow code gets, and the one that Temporal gets.
func fail(t *testing.T, h *requests,
	input activities.HTTPRequestInput) (*everhook.Error, *temporal.ApplicationError) {
	t.Helper()
	_, err := run(t, t.Context(), h, input)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	return activities.FromError(err), application
}

func plainValue(v any) everhook.Sealed { return everhook.Sealed{Value: everhook.Value{V: v}} }

// sealed returns a text made of segments; a segment that begins with "$" is a secret.
func sealed(segments ...string) everhook.Sealed {
	return everhook.Sealed{Places: []everhook.Place{{Segments: parts(segments...)}}}
}

func sealedAt(v any, key string, segments ...string) everhook.Sealed {
	return everhook.Sealed{Value: everhook.Value{V: v},
		Places: []everhook.Place{{At: []any{key}, Segments: parts(segments...)}}}
}

func parts(segments ...string) []everhook.Segment {
	made := make([]everhook.Segment, len(segments))
	for i, segment := range segments {
		if name, ok := strings.CutPrefix(segment, "$"); ok {
			made[i].Secret = name
		} else {
			made[i].Text = segment
		}
	}
	return made
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "User-Agent", "X-Key", "X-Many",
		"Cookie", "Content-Key", "Accept-Key", "Accept-Language"} {
		for _, value := range r.Header.Values(name) {
			fmt.Fprintf(w, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(w, "%s", body)
}

func TestARequestIsWrittenAsTheInputSays(t *testing.T) {
	t.Parallel()
	h := local(t, "KEY=opaque-value")
	base := serve(t, echo)
	for name, c := range map[string]struct {
		input activities.HTTPRequestInput
		want  string
	}{
		"a plain get": {activities.HTTPRequestInput{URL: plainValue(base + "/x#fragment")},
			"GET /x\nUser-Agent: everhook\n"},
		"a query is added to the one of the url": {
			activities.HTTPRequestInput{URL: plainValue(base + "/?z=1"),
				Query: plainValue(map[string]any{"b": []any{1, true, "x y"}, "a": "&=", "c": nil})},
			"GET /?z=1&a=%26%3D&b=1&b=true&b=x+y\nUser-Agent: everhook\n",
		},
		"headers": {
			activities.HTTPRequestInput{URL: plainValue(base),
				Headers: plainValue(map[string]any{"x-key": 7, "x-many": []any{"a", "b"}, "user-agent": "mine"})},
			"GET /\nUser-Agent: mine\nX-Key: 7\nX-Many: a\nX-Many: b\n",
		},
		"json": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base),
				Body: plainValue(map[string]any{"b": "<é>", "a": 1}), IdempotencyKey: "k1"},
			"POST /\nContent-Type: application/json\nIdempotency-Key: k1\nUser-Agent: everhook\n{\"a\":1," +
				"\"b\":\"<é>\"}",
		},
		"a form with what is nested": {
			activities.HTTPRequestInput{Method: "PUT", URL: plainValue(base), ContentType: "form",
				Body: plainValue(map[string]any{"to": map[string]any{"city": "Bern", "tags": []any{"x", nil, 1},
					"none": nil},
					"lines": []any{map[string]any{"sku": "a"}, []any{1, 2}, true}, "one": []any{"z"},
					"empty": []any{}})},
			"PUT /\nContent-Type: application/x-www-form-urlencoded\nUser-Agent: everhook\nlines%5B0%5D%5Bsku%5D=a&" +
				"lines%5B1%5D%5B%5D=1&lines%5B1%5D%5B%5D=2&lines%5B2%5D=true&one=z&to%5Bcity%5D=Bern&to%5Btags%5D%5B%5D=x&" +
				"to%5Btags%5D%5B%5D=1",
		},
		"a form": {
			activities.HTTPRequestInput{Method: "PUT", URL: plainValue(base), ContentType: "form",
				Body: plainValue(map[string]any{"b": []any{1, 2}, "a": "x y", "c": nil})},
			"PUT /\nContent-Type: application/x-www-form-urlencoded\nUser-Agent: everhook\na=x+y&b=1&b=2",
		},
		"xml": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base), ContentType: "xml",
				Body: plainValue("<a/>")},
			"POST /\nContent-Type: application/xml; charset=utf-8\nUser-Agent: everhook\n<a/>",
		},
		"text": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base), ContentType: "text",
				Body: plainValue(1.5)},
			"POST /\nContent-Type: text/plain; charset=utf-8\nUser-Agent: everhook\n1.5",
		},
		"an empty text": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base), ContentType: "text",
				Body: plainValue("")},
			"POST /\nContent-Type: text/plain; charset=utf-8\nUser-Agent: everhook\n",
		},
		"none": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base), ContentType: "none",
				Body: plainValue("x")},
			"POST /\nUser-Agent: everhook\n",
		},
		"own content type and idempotency key": {
			activities.HTTPRequestInput{Method: "POST", URL: plainValue(base),
				Headers: plainValue(map[string]any{"content-type": "application/vnd.x+json", "idempotency-key": "own"}),
				Body:    plainValue([]any{}), IdempotencyKey: "k1"},
			"POST /\nContent-Type: application/vnd.x+json\nIdempotency-Key: own\nUser-Agent: everhook\n[]",
		},
		"basic": {
			activities.HTTPRequestInput{URL: plainValue(base),
				Auth: &activities.HTTPAuth{Basic: &activities.BasicAuth{Username: plainValue("user"),
					Password: plainValue("pass")}}},
			"GET /\nAuthorization: Basic dXNlcjpwYXNz\nUser-Agent: everhook\n",
		},
		"a user in the url": {
			activities.HTTPRequestInput{URL: plainValue(strings.Replace(base, "://", "://user:pass@", 1))},
			"GET /\nAuthorization: Basic dXNlcjpwYXNz\nUser-Agent: everhook\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, succeed(t, h, c.input).Body.V)
		})
	}
}

func TestSecretsReachTheServerAndDoNotComeBack(t *testing.T) {
	t.Parallel()
	h := local(t, "KEY=opaque/value", "PW=hunter2", "TOKEN=token-of-mine")
	var seen atomic.Value
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen.Store(r.Header.Get("Authorization") + " " + r.Header.Get("X-Key") + " " + r.URL.Query().Get("k") + " " +
			string(body))
		w.Header().Set("X-Echo", r.Header.Get("Authorization")+" "+r.URL.RawQuery)
		w.Header().Set("Content-Type", "application/json")
		status := http.StatusOK
		if r.URL.Path == "/fail" {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"opaque/value": ["%s", "%s"]}`, r.Header.Get("X-Key"),
			base64.StdEncoding.EncodeToString([]byte("opaque/value")))
	})
	input := activities.HTTPRequestInput{
		Method: "POST", URL: everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Text: base +
			"/ok?k="}, {Secret: "KEY", Escape: everhook.EscapeQuery}}}}},
		Headers: sealedAt(map[string]any{"X-Key": nil}, "X-Key", "$KEY"),
		Body:    sealedAt(map[string]any{"pw": nil}, "pw", "my ", "$PW"),
		Auth:    &activities.HTTPAuth{Basic: &activities.BasicAuth{Username: plainValue("u"), Password: sealed("$PW")}},
	}
	result := succeed(t, h, input)
	require.Equal(t, `Basic dTpodW50ZXIy opaque/value opaque/value {"pw":"my hunter2"}`, seen.Load())
	require.Equal(t, map[string]any{"[secret KEY]": []any{"[secret KEY]", "[secret KEY]"}}, result.Body.V)
	require.Equal(t, "Basic [secret PW] k=[secret KEY]", result.Headers["x-echo"])

	input.Auth = &activities.HTTPAuth{Bearer: new(sealed("$TOKEN"))}
	input.URL = everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Text: base + "/fail?k="},
		{Secret: "KEY", Escape: everhook.EscapeQuery}}}}}
	failed, application := fail(t, h, input)
	require.Contains(t, seen.Load(), "Bearer token-of-mine ")
	require.NotContains(t, application.Error(), "opaque")
	response := failed.Response.V.(map[string]any)
	require.Equal(t, map[string]any{"[secret KEY]": []any{"[secret KEY]", "[secret KEY]"}}, response["body"])
	require.Equal(t, "Bearer [secret TOKEN] k=[secret KEY]", response["headers"].(map[string]any)["x-echo"])

	input.URL = sealed("http://127.0.0.1:1/", "$TOKEN", "/"+strings.Repeat("x", 120)+"/", "$PW", "?", "$KEY")
	failed, _ = fail(t, h, input)
	require.Equal(t, everhook.TypeConnection, failed.Type)
	require.Contains(t, failed.Message, "[secret TOKEN]")
	for _, secret := range []string{"hunter", "token-of-mine", "opaque"} {
		require.NotContains(t, failed.Message, secret)
	}
}

func TestAnInputThatCannotBeSentIsAnErrorThatIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	h := local(t, "BAD=line\nbreak")
	ok := plainValue("http://127.0.0.1:1/")
	for want, input := range map[string]activities.HTTPRequestInput{
		`method: "CONNECT"`:           {Method: "CONNECT", URL: ok},
		`method: "G ET"`:              {Method: "G ET", URL: ok},
		"url: nil where text":         {},
		"url: a list where text":      {URL: plainValue([]any{})},
		"url: not a URL":              {URL: plainValue("http://[::1/ s3cret")},
		"url: only http and https":    {URL: plainValue("file:///etc/passwd")},
		"url: no host":                {URL: plainValue("http:///x")},
		"query: text where a mapping": {URL: ok, Query: plainValue("a=b")},
		"query: a: a mapping where text": {URL: ok,
			Query: plainValue(map[string]any{"a": map[string]any{}})},
		`headers: "a b" is not a name for`: {URL: ok, Headers: plainValue(map[string]any{"a b": "x"})},
		"headers: the value of X-A has a line break": {URL: ok,
			Headers: plainValue(map[string]any{"X-A": "x\r\nX-B: y"})},
		"headers: the value of X-S has a line break": {URL: ok, Headers: sealedAt(map[string]any{"X-S": nil}, "X-S",
			"$BAD")},
		"headers: Transfer-Encoding is set": {URL: ok,
			Headers: plainValue(map[string]any{"Transfer-Encoding": "chunked"})},
		"headers: the value of Host is not": {URL: ok, Headers: plainValue(map[string]any{"Host": "a b"})},
		"auth.bearer: the token has a line break": {URL: ok,
			Auth: &activities.HTTPAuth{Bearer: new(sealed("$BAD"))}},
		"auth.bearer: the secret UNSET is not set": {URL: ok,
			Auth: &activities.HTTPAuth{Bearer: new(sealed("$UNSET"))}},
		"auth: basic and bearer": {URL: ok,
			Auth: &activities.HTTPAuth{Basic: &activities.BasicAuth{}, Bearer: new(plainValue("x"))}},
		"auth.basic.username: a colon": {URL: ok,
			Auth: &activities.HTTPAuth{Basic: &activities.BasicAuth{Username: plainValue("a:b"),
				Password: plainValue("c")}}},
		"auth: there is an Authorization": {URL: ok,
			Headers: plainValue(map[string]any{"authorization": "x"}),
			Auth:    &activities.HTTPAuth{Bearer: new(plainValue("x"))}},
		`contentType: "yaml"`: {URL: ok, ContentType: "yaml", Body: plainValue("x")},
		"body: a document of XML is a mapping with one key": {URL: ok, ContentType: "xml",
			Body: plainValue(map[string]any{})},
		"body: a list where text is needed": {URL: ok, ContentType: "text", Body: plainValue([]any{})},
		`body: a: the name "b[c" cannot stand in the brackets`: {URL: ok, ContentType: "form",
			Body: plainValue(map[string]any{"a": map[string]any{"b[c": 1}})},
		"body: text where a mapping":        {URL: ok, ContentType: "form", Body: plainValue("a=b")},
		"body: a sealed value has no place": {URL: ok, Body: sealedAt("text", "key", "$BAD")},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			failed, application := fail(t, h, input)
			require.Equal(t, everhook.Errored, failed.Status)
			require.Contains(t, failed.Message, want)
			require.NotContains(t, failed.Message, "s3cret")
			require.Equal(t, 1, failed.Attempts)
			require.True(t, application.NonRetryable())
			require.Equal(t, strings.Contains(want, "UNSET"), failed.Type == everhook.TypeSecret)
		})
	}
}

func TestTheGuardRefusesTheAddressThatIsDialled(t *testing.T) {
	t.Parallel()
	base := serve(t, echo)
	port := base[strings.LastIndex(base, ":"):]
	for _, target := range []string{base, "http://localhost" + port, "http://2130706433" + port,
		"http://[::ffff:127.0.0.1]" + port} {
		failed, application := fail(t, guarded(t, nil), activities.HTTPRequestInput{URL: plainValue(target)})
		require.Equal(t, everhook.TypeRefused, failed.Type, target)
		require.Contains(t, failed.Message, "--egress-allow")
		require.True(t, application.NonRetryable())
	}
	redirect := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2/", http.StatusFound)
	})
	failed, _ := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(redirect), Redirects: 1})
	require.Equal(t, everhook.TypeRefused, failed.Type)
	require.Contains(t, failed.Message, "127.0.0.2 is a loopback address")
}

func TestAProxyIsUsedWhenItIsGiven(t *testing.T) {
	t.Parallel()
	proxy, err := url.Parse(serve(t, func(w http.ResponseWriter, r *http.Request) {
		_,
			_ = io.WriteString(w, r.URL.String())
	}))
	require.NoError(t, err)
	h := proxied(t, nil, proxy)
	require.Equal(t, "http://name.example/x",
		succeed(t, h, activities.HTTPRequestInput{URL: plainValue("http://name.example/x")}).Body.V)
	failed, _ := fail(t, h, activities.HTTPRequestInput{URL: plainValue("http://10.0.0.1/")})
	require.Equal(t, everhook.TypeRefused, failed.Type)
}

func TestACertificateThatProvesNothingIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	failed, application := fail(t, local(t), activities.HTTPRequestInput{URL: plainValue(server.URL)})
	require.Equal(t, everhook.TypeConnection, failed.Type)
	require.Contains(t, failed.Message, "the certificate of the other side is not valid")
	require.True(t, application.NonRetryable())
}

func TestASlowAnswerIsATimeoutOfTheAttempt(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	for _, path := range []string{"/header", "/body"} {
		for method, retried := range map[string]bool{"GET": true, "PUT": true, "POST": false, "PATCH": false} {
			failed, application := fail(t, local(t), activities.HTTPRequestInput{Method: method,
				URL: plainValue(base + path), Timeout: everhook.Duration(400 * time.Millisecond)})
			require.Equal(t, everhook.TypeTimeout, failed.Type)
			require.Contains(t, failed.Message, "no complete answer within 400ms")
			require.Equal(t, retried, !application.NonRetryable(), method)
		}
	}
}

func TestACancelledActivityStops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cause, want error }{
		"Temporal cancelled it, and is told": {temporal.NewCanceledError(),
			context.Canceled},
		"the worker is stopping, and the attempt is left to be made again": {worker.ErrWorkerShutdown,
			activity.ErrResultPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			arrived := make(chan struct{})
			base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				<-r.Context().Done()
			})
			go func() {
				<-arrived
				cancel(c.cause)
			}()
			_, err := run(t, ctx, local(t), activities.HTTPRequestInput{Method: "POST", URL: plainValue(base)})
			require.Error(t, err)
			if errors.Is(c.want, context.Canceled) {
				require.Equal(t, everhook.Cancelled, activities.FromError(err).Status)
				return
			}
			require.ErrorContains(t, err, c.want.Error())
		})
	}
}
