package receiver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

func paths(t testing.TB, texts ...string) []everhook.Path {
	t.Helper()
	parsed := []everhook.Path{}
	for _, text := range texts {
		path, err := everhook.ParsePath(text)
		require.NoError(t, err)
		parsed = append(parsed, path)
	}
	return parsed
}

func TestADeliveryBecomesTheTrigger(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type l = []any
	for name, test := range map[string]struct {
		route               receiver.Route
		query, body         string
		headers             []string
		wantHeaders         m
		wantQuery, wantBody any
	}{
		"everything of query and body is kept, and no header": {
			query: "?a[b]=1", body: `{"n":1,"f":1.5,"b":[true,null]}`, headers: []string{"X-A: b"},
			wantHeaders: m{}, wantQuery: m{"a": m{"b": "1"}}, wantBody: m{"n": 1, "f": 1.5, "b": l{true, nil}},
		},
		"headers are kept by name, in any case": {
			route:   receiver.Route{Headers: []string{"X-Event", "user-agent", "x-missing", "host"}},
			headers: []string{"x-EVENT: paid", "User-Agent: shop/1", "X-Other: no"}, body: "{}",
			wantHeaders: m{"x-event": "paid", "user-agent": "shop/1", "host": "x"}, wantQuery: m{}, wantBody: m{},
		},
		"a repeated header is joined": {
			route: receiver.Route{Headers: []string{"x-a"}}, headers: []string{"X-A: 1", "X-A: 2", "X-B: 9", "x-a: 3"},
			body:        "{}",
			wantHeaders: m{"x-a": "1, 2, 3"}, wantQuery: m{}, wantBody: m{},
		},
		"credentials are never kept": {
			route:   receiver.Route{Headers: []string{"Authorization", "Cookie", "Proxy-Authorization"}},
			headers: []string{"Authorization: x", "Cookie: a=b", "Proxy-Authorization: y"}, body: "{}",
			wantHeaders: m{}, wantQuery: m{}, wantBody: m{},
		},
		"a header that is not UTF-8 is made so": {
			route: receiver.Route{Headers: []string{"x-a"}}, headers: []string{"X-A: caf\xe9"}, body: "{}",
			wantHeaders: m{"x-a": "caf\uFFFD"}, wantQuery: m{}, wantBody: m{},
		},
		"paths keep what they name, what is missing stays missing": {
			route: receiver.Route{Query: paths(t, "a.b", "z"), Body: paths(t, "order.id", "items.sku", "none")},
			query: "?a[b]=1&a[c]=2", body: `{"order":{"id":7,"x":1},"items":[{"sku":"s","q":1}]}`,
			wantHeaders: m{}, wantQuery: m{"a": m{"b": "1"}},
			wantBody: m{"order": m{"id": 7}, "items": l{m{"sku": "s"}}},
		},
		"an empty list keeps nothing": {
			route: receiver.Route{Query: []everhook.Path{}, Body: []everhook.Path{}}, query: "?a=1", body: `{"a":1}`,
			wantHeaders: m{}, wantQuery: m{}, wantBody: m{},
		},
		"an empty body is nil, whatever its type": {
			headers: []string{"Content-Type: application/x-www-form-urlencoded"}, wantHeaders: m{}, wantQuery: m{},
			wantBody: nil,
		},
		"a body without a type is JSON": {body: `"text"`, wantHeaders: m{}, wantQuery: m{}, wantBody: "text"},
		"any type with +json is JSON": {body: `[1]`,
			headers: []string{"Content-Type: application/cloudevents+JSON; charset=utf-8"}, wantHeaders: m{},
			wantQuery: m{}, wantBody: l{1}},
		"an identity encoding is none": {body: `[1]`, headers: []string{"Content-Encoding: identity"},
			wantHeaders: m{}, wantQuery: m{}, wantBody: l{1}},
		"a byte order mark is skipped": {body: "\xEF\xBB\xBF[1]", wantHeaders: m{}, wantQuery: m{}, wantBody: l{1}},
		"a URL in the query stays there": {query: "?next=http://other.example/api/x?y=1", body: "{}", wantHeaders: m{},
			wantQuery: m{"next": "http://other.example/api/x?y=1"}, wantBody: m{}},
		"a body as long as allowed is ok": {body: strings.Repeat(" ", 1<<20-2) + "{}", wantHeaders: m{}, wantQuery: m{},
			wantBody: m{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			route := test.route
			route.Flow, route.Enabled, route.Mode, route.MaxBody = "f", true, everhook.Async, 1<<20
			s := serve(t, receiver.Options{}, flows{asyncToken: &route}, engine)
			head := append([]string{"POST /api/webhook:trigger/" + asyncToken + test.query + " HTTP/1.1", "Host: x"},
				test.headers...)
			declared := lines(append(head, fmt.Sprintf("Content-Length: %d", len(test.body)))...) + test.body
			chunked := lines(append(head, "Transfer-Encoding: chunked")...) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n",
				len(test.body), test.body)
			if test.body == "" {
				chunked = lines(append(head, "Transfer-Encoding: chunked")...) + "0\r\n\r\n"
			}
			got := exchange(t, s, declared+chunked+lines(append(head, "Content-Length: "+fmt.Sprint(len(test.body)),
				"Expect: 100-continue")...)+test.body+last)
			require.Len(t, got, 5, "two replies, an invitation with its reply, and the end")
			require.Equal(t, "100\n", got[2])

			deliveries := engine.got()
			require.Len(t, deliveries, 3)
			for i, d := range deliveries {
				require.Equal(t, test.wantHeaders, d.Trigger["headers"])
				require.Equal(t, test.wantQuery, d.Trigger["query"])
				require.Equal(t, test.wantBody, d.Trigger["body"])
				require.Equal(t, string(d.RunID), d.Trigger["id"])
				require.Equal(t, everhook.FormatTime(d.ReceivedAt), d.Trigger["receivedAt"])
				require.WithinDuration(t, time.Now(), d.ReceivedAt, time.Minute)
				require.Equal(t, time.UTC, d.ReceivedAt.Location())
				require.Len(t, d.Digest, 64)
				require.Len(t, d.Trigger, 5)
				_, ok := everhook.ParseRunID(string(d.RunID))
				require.True(t, ok)
				_, err := everhook.Canonical(d.Trigger)
				require.NoError(t, err)
				require.Contains(t, got[[]int{0, 1, 3}[i]], "Everhook-Run-Id: "+string(d.RunID))
			}
		})
	}
}

func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	t.Parallel()
	head := "POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1"
	for name, request := range map[string]string{
		"in a declared length":      lines(head, "Host: x", "Content-Length: 20000") + "1" + strings.Repeat(" ", 15000),
		"in a short length":         lines(head, "Host: x", "Content-Length: 20") + "1",
		"between chunks":            lines(head, "Host: x", "Transfer-Encoding: chunked") + "1\r\n1\r\n",
		"in a chunk":                lines(head, "Host: x", "Transfer-Encoding: chunked") + "3\r\n1",
		"before the end of chunks":  lines(head, "Host: x", "Transfer-Encoding: chunked") + "1\r\n1\r\n0\r\n",
		"before the first chunk":    lines(head, "Host: x", "Transfer-Encoding: chunked"),
		"in the length of a chunk":  lines(head, "Host: x", "Transfer-Encoding: chunked") + "1\r\n1\r\n0",
		"behind a chunk, unlimited": lines(head, "Host: x", "Transfer-Encoding: chunked") + "1\r\n1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			c := dial(t, s)
			_, err := io.WriteString(c, request)
			require.NoError(t, err)
			require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
			got := replies(t, c, false)
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], "400\n"), got[0])
			require.Empty(t, engine.got())
		})
	}
}

func TestAClientMayCloseItsSideAfterAWholeBody(t *testing.T) {
	t.Parallel()
	for _, request := range []string{
		post(asyncToken, "{}"),
		lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") +
			"2\r\n{}\r\n0\r\n\r\n",
	} {
		s := serve(t, receiver.Options{}, someFlows(), &starter{})
		c := dial(t, s)
		_, err := io.WriteString(c, request)
		require.NoError(t, err)
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		require.Contains(t, replies(t, c, false)[0], "200\n")
	}
}

func TestASlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	head := "POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1"
	for name, request := range map[string]string{
		"in the head":      head + "\r\n",
		"before the body":  lines(head, "Host: x", "Content-Length: 2"),
		"late in the body": lines(head, "Host: x", "Content-Length: 20000") + strings.Repeat(" ", 15000),
		"before a chunk":   lines(head, "Host: x", "Transfer-Encoding: chunked"),
		"in the body it hides": lines("POST /else HTTP/1.1", "Host: x", "Content-Length: 20000") + strings.Repeat(" ",
			15000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{ReadTimeout: 50 * time.Millisecond}, someFlows(), &starter{})
			c := dial(t, s)
			_, err := io.WriteString(c, request)
			require.NoError(t, err)
			got := replies(t, c, false)
			require.Len(t, got, 1)
			if name != "in the body it hides" {
				require.Contains(t, got[0], closing)
				require.Contains(t, got[0], `"urn:everhook:problem:request-timeout"`)
			}
		})
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{IdleTimeout: 50 * time.Millisecond}, someFlows(), &starter{})
	require.Len(t, exchange(t, s, post(asyncToken, "{}")), 1)
}

func TestCallsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	route := &receiver.Route{Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
		Headers: []string{"x-mark"}}
	engine := &starter{}
	s := serve(t, receiver.Options{}, flows{asyncToken: route}, engine)
	const callers, calls = 8, 40
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for call := range calls {
				mark := fmt.Sprintf("%d-%d", caller, call)
				req, err := http.NewRequest(http.MethodPost, s.url("/api/webhook:trigger/"+asyncToken+"?mark="+mark),
					strings.NewReader(`{"mark":"`+mark+`"}`))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Mark", mark)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	wg.Wait()
	seen := map[any]bool{}
	for _, d := range engine.got() {
		mark := d.Trigger["headers"].(map[string]any)["x-mark"]
		require.Equal(t, mark, d.Trigger["query"].(map[string]any)["mark"])
		require.Equal(t, mark, d.Trigger["body"].(map[string]any)["mark"])
		seen[mark] = true
	}
	require.Len(t, seen, callers*calls)
}

// keeper records the requested tokens.
type keeper struct {
	flows
	tokens []string
}

func (k *keeper) Route(token string) (*receiver.Route, bool) {
	k.tokens = append(k.tokens, token)
	return k.flows.Route(token)
}

func TestWhatOthersKeepDoesNotChange(t *testing.T) {
	t.Parallel()
	var runs []everhook.RunID
	source := &keeper{flows: someFlows()}
	s := serve(t, receiver.Options{}, source,
		&starter{outcome: func(_ context.Context, _ string, run everhook.RunID, _ time.Duration) (*everhook.Outcome,
			error) {
			runs = append(runs, run)
			return nil, everhook.ErrNoRun
		}})
	wantRuns := []everhook.RunID{someRun, everhook.RunID(strings.Repeat("a", 26)),
		everhook.RunID(strings.Repeat("b", 26))}
	wantTokens := []string{syncToken, asyncToken, disabledToken}
	requests := ""
	for i, run := range wantRuns {
		requests += post(wantTokens[i], "{}") + lines("GET /api/webhook:answer/"+wantTokens[i]+"/"+string(run)+
			" HTTP/1.1", "Host: x")
	}
	exchange(t, s, requests+last)
	require.Equal(t, wantRuns, runs)
	require.Equal(t, []string{syncToken, syncToken, asyncToken, asyncToken, disabledToken, disabledToken},
		source.tokens)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	broken := func() (string, error) { return "", errors.New("the disk is away") }
	works := func() (string, error) { return password, nil }
	for name, test := range map[string]struct {
		credentials []receiver.BasicCredential
		header      string
		want        int
	}{
		"the first of a list": {[]receiver.BasicCredential{{Username: "a", Password: works},
			{Username: "b", Password: works}}, basic("a", password), 200},
		"the last of a list": {[]receiver.BasicCredential{{Username: "a", Password: works},
			{Username: "b", Password: works}}, basic("b", password), 200},
		"the scheme in any case": {[]receiver.BasicCredential{{Username: "a", Password: works}},
			strings.Replace(basic("a", password), "Basic", "bAsIc", 1), 200},
		"a password with a colon": {[]receiver.BasicCredential{{Username: "a", Password: given("x:y")}},
			basic("a", "x:y"), 200},
		"the user of one, the password of no one": {[]receiver.BasicCredential{{Username: "a", Password: works},
			{Username: "b", Password: works}}, basic("a", "x"), 401},
		"a secret that cannot be read": {[]receiver.BasicCredential{{Username: "a", Password: broken}},
			basic("a", ""), 503},
		"a secret that cannot be read, beside one that lets in": {[]receiver.BasicCredential{
			{Username: "a", Password: broken},
			{Username: "b", Password: works}}, basic("b", password), 200},
		"a secret that cannot be read, before one that does not": {[]receiver.BasicCredential{
			{Username: "a", Password: broken},
			{Username: "b", Password: works}}, basic("a", password), 503},
		"no colon": {[]receiver.BasicCredential{{Username: "a", Password: works}}, "Authorization: Basic YQ==", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{},
				flows{asyncToken: {Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 9,
					Basic: test.credentials}}, &starter{})
			got := exchange(t, s, post(asyncToken, "{}", test.header)+last)[0]
			require.True(t, strings.HasPrefix(got, fmt.Sprint(test.want)), got)
			if test.want == 401 {
				require.Contains(t, got, "user name", "it says what to send")
			}
			if test.want == 503 {
				require.Contains(t, got, "Retry-After: 5\n")
				require.NotContains(t, got, "disk")
				require.Contains(t, s.log.String(), "the disk is away")
			}
		})
	}
}

func TestLogsTellOneLineACallAndNoSecret(t *testing.T) {
	t.Parallel()
	engine := &starter{start: func(context.Context, everhook.Delivery) error { return nil }}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	planted := []string{"body-secret", "query-secret", "header-secret", password, "wrong-secret", asyncToken,
		lockedToken, unknownToken}
	requests := []string{
		strings.Replace(post(asyncToken, `{"a":"body-secret"}`, "X-A: header-secret", "Cookie: header-secret"), " HTTP",
			"?a=query-secret HTTP", 1),
		post(asyncToken, `{"body-secret":1,"body-secret":2}`),
		post(asyncToken, `body-secret`, "Content-Type: body-secret"),
		post(lockedToken, "{}", basic("shop", password)),
		post(lockedToken, "{}", basic("shop", "wrong-secret")),
		post(unknownToken, "{}"),
		lines("GET /api/webhook:answer/"+lockedToken+"/body-secret HTTP/1.1", "Host: x", basic("shop", password)),
		lines("POST /body-secret HTTP/1.1", "Host: x", "Content-Length: 0"),
		"body-secret\r\n\r\n",
	}
	for i, request := range requests {
		exchange(t, s, request+last)
		require.Equal(t, i+1, strings.Count(s.log.String(), "msg=delivery"), s.log.String())
	}
	for _, secret := range planted {
		require.NotContains(t, s.log.String(), secret)
	}
	require.Contains(t, s.log.String(), fmt.Sprintf("flow=async run=%s outcome=accepted status=200 bytes=19 duration=",
		engine.got()[0].RunID))
	require.Contains(t, s.log.String(), "flow=locked run=\"\" outcome=unauthorized status=401 bytes=0 duration=")
	require.Contains(t, s.log.String(), "remote=127.0.0.1:")
}

func TestMetricsLearnOfEveryCall(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var records []receiver.Record
	observe := func(r receiver.Record) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
	}
	engine := &starter{}
	s := serve(t, receiver.Options{Observe: observe}, someFlows(), engine)
	exchange(t, s, post(asyncToken, "{ }")+post(unknownToken, "{}")+last)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, records, 3)
	require.Equal(t, receiver.Accepted, records[0].Reason)
	require.Equal(t, "async", records[0].Flow)
	require.Equal(t, engine.got()[0].RunID, records[0].Run)
	require.Equal(t, 3, records[0].Bytes)
	require.Equal(t, 200, records[0].Status)
	require.Positive(t, records[0].Durable)
	require.GreaterOrEqual(t, records[0].Duration, records[0].Durable)
	require.Equal(t, receiver.NotFound, records[1].Reason)
	require.Equal(t, receiver.Probe, records[2].Reason)
}

// decode reads the JSON of a dumped reply.
func decode(t testing.TB, reply string) (v map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(reply[strings.LastIndexByte(reply, '\n')+1:]), &v), reply)
	return v
}
