package integration

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// echo answers with the received body.
const echo = "nodes: [{ key: a, type: response, config: { body: '{{ trigger.body }}' } }]\n"

// wide is a flow that accepts the largest bodies.
func wide(key, nodes string) string {
	return "key: " + key + "\nmode: sync\ntrigger: { type: webhook, maxBody: 10MiB }\n" + nodes
}

func TestHostileDeliveriesAreRefusedAndStartNothing(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "hostile", echo)
	large := shared.apply(t, wide("hostile-large", echo))
	deep := func(depth int) string { return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) }
	for _, test := range []struct {
		name        string
		flow        flow
		query, body string
		status      int
		problem     string
	}{
		{"nested JSON of 2 MB", f, "", deep(330_000), 413, everhook.ProblemTooLarge},
		{"nested JSON of 2 MB where bodies may be as large", large, "", deep(330_000), 400, everhook.ProblemMalformed},
		{"a body over the flow's limit", f, "", `"` + strings.Repeat("x", 1<<20) + `"`, 413, everhook.ProblemTooLarge},
		{"10,000 query keys", f, strings.Repeat("a[b]=c&", 10_000), "{}", 431, everhook.ProblemHeaderTooLarge},
		{"1,001 query keys", f, strings.Repeat("a=&", 1001), "{}", 400, everhook.ProblemMalformed},
		{"duplicate keys", f, "", `{"a":1,"a":2}`, 400, everhook.ProblemMalformed},
		{"a number that is none", f, "", `{"a":1e400}`, 400, everhook.ProblemMalformed},
		{"two documents", f, "", `{} {}`, 400, everhook.ProblemMalformed},
		{"text that is not UTF-8", f, "", "{\"a\":\"\xff\"}", 400, everhook.ProblemMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.flow.url += "?" + test.query
			got := test.flow.post(t, test.body)
			got.problem(t, test.status, test.problem)
			require.Empty(t, got.run)
			require.Less(t, got.took, 10*time.Second)
		})
	}
}

func TestALargeBodyComesBackAsItCame(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "large-echo", echo)
	// The answer may have 1 MiB with its status and headers.
	text := random(1<<20 - 1<<10)
	got := f.post(t, `"`+text+`"`)
	require.Equal(t, 200, got.status, "%v", f.ended(t, got.run).Error)
	require.Equal(t, len(text), len(got.body))
	require.Equal(t, text, got.body)
	replay(t, f, got.run)

	counted := shared.sync(t, "large-counted", "nodes: [{ key: a, type: response, config: { body: { length: '{{ "+
		"len(trigger.body) }}' } } }]")
	got = counted.post(t, `"`+random(1<<20-2)+`"`)
	require.Equal(t, 200, got.status, "%v", counted.ended(t, got.run).Error)
	require.JSONEq(t, `{"length":1048574}`, got.body)
	replay(t, counted, got.run)
}

func TestTemplatesAndExpressionsInADeliveryStayText(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"said":"{{ secret.PLANTED_BEARER }} {{ 1 + 1 }}"}`))
	})
	f := shared.sync(t, "stays-text", `nodes:
  - { key: ask, type: http-request, timeout: 5s, config: { method: POST, url: '`+partner.URL+`', headers: { X-Text: '{{ trigger.body.text }}' }, body: { text: 'a {{ trigger.body.text }}' } } }
  - { key: again, type: output, config: { value: '{{ nodes.ask.body.said }}' } }
  - { key: a, type: response, config: { headers: { X-Text: '{{ trigger.body.text }}' }, body: { text: '{{ trigger.body.text }}', said: '{{ nodes.again }}' } } }
`)
	const text = "{{ secret.PLANTED_PASSWORD }} {{ 1 + 1 }} ${x} {{"
	got := f.post(t, `{"text":"`+text+`"}`)
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, map[string]any{"text": text, "said": "{{ secret.PLANTED_BEARER }} {{ 1 + 1 }}"}, got.value(t))
	require.Equal(t, text, got.header.Get("X-Text"))
	call := partner.received()[0]
	require.JSONEq(t, `{"text":"a `+text+`"}`, call.body)
	require.Equal(t, text, call.header.Get("X-Text"))
	replay(t, f, got.run)
}

func TestAnEndlessExpressionEndsItsRunAlone(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "endless", "nodes: [{ key: broken, type: calculation, config: { expression: "+
		"'len(filter(1..100000, len(filter(1..100000, # > 0)) > 0))' } }]\n")
	got := f.post(t, "")
	got.problem(t, 500, everhook.ProblemRunFailed)
	require.Less(t, got.took, 20*time.Second)
	outcome := f.ended(t, got.run)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeLimit, outcome.Error.Type, outcome.Error.Message)
	replay(t, f, got.run)
	record(t, f, got.run, "endless-expression")
}

func TestLongLoopsEndRight(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "long-loop", `nodes:
  - { key: sum, type: variable, config: { value: 0 } }
  - key: each
    type: loop
    config: { over: trigger.body }
    branches:
      do: [{ key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } }]
  - { key: a, type: response, config: { body: { sum: '{{ nodes.sum }}', looped: '{{ nodes.each.looped }}' } } }
`)
	list := func(length int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", length), ",") + "]" }
	right := f.postLater(t, list(20_000))
	beyond := f.postLater(t, list(60_000))
	got := received(t, right)
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"sum":20000,"looped":20000}`, got.body)
	replay(t, f, got.run)
	record(t, f, got.run, "long-loop")

	got = received(t, beyond)
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"sum":60000,"looped":60000}`, got.body)
	replay(t, f, got.run)
}

func TestARequestInTheBodyOfARefusedOneIsNotExecuted(t *testing.T) {
	t.Parallel()
	open := shared.sync(t, "smuggled", echo)
	closed := shared.apply(t, `key: smuggling
mode: sync
trigger: { type: webhook, auth: { basic: { username: u, password: { secret: PLANTED_PASSWORD } } } }
`+echo)
	path := func(f flow) string { return strings.TrimPrefix(f.url, shared.BaseURL()) }
	inner := "POST " + path(open) + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
		"2\r\n\r\n{}"
	after := "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	head := "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n%s"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	padding := strings.Repeat(" ", 2<<20)
	for name, request := range map[string]string{
		"a declared body": fmt.Sprintf(head, path(closed), fmt.Sprintf("Content-Length: %d", len(inner)),
			inner),
		"a chunked body": fmt.Sprintf(head, path(closed), "Transfer-Encoding: chunked", chunked),
		"a body over the limit": fmt.Sprintf(head, path(open),
			fmt.Sprintf("Content-Length: %d", len(inner)+len(padding)), inner+padding),
		"a body for an unknown path": fmt.Sprintf(head, "/nothing", fmt.Sprintf("Content-Length: %d", len(inner)),
			inner),
		"a body with both kinds of ends": fmt.Sprintf(head, path(open),
			fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d", len(chunked)), chunked),
		"a body that is no JSON": fmt.Sprintf(head, path(open), fmt.Sprintf("Content-Length: %d", len(inner)),
			inner),
		"a body of another content type": strings.Replace(fmt.Sprintf(head, path(open),
			fmt.Sprintf("Content-Length: %d", len(inner)), inner), "application/json", "image/png", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(shared.BaseURL(), "http://"))
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			// Writing may fail when the refusal closes the connection.
			_, _ = io.WriteString(conn, request+after)
			reader := bufio.NewReader(conn)
			//nolint:bodyclose // it is read to its end from a connection that is closed
			refusal, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			require.GreaterOrEqual(t, refusal.StatusCode, 400)
			_, err = io.Copy(io.Discard, refusal.Body)
			require.NoError(t, err)
			// Either the connection ends here, or the next request follows the body.
			rest, _ := io.ReadAll(reader)
			if len(rest) > 0 {
				//nolint:bodyclose // it is in memory
				next, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(rest)), nil)
				require.NoError(t, err)
				require.Equal(t, 200, next.StatusCode, "%s", rest)
				require.Empty(t, next.Header.Get("Everhook-Run-Id"))
				require.Equal(t, 1, strings.Count(string(rest), "HTTP/1.1 "))
			}
		})
	}
	t.Cleanup(func() {
		runs, err := shared.count(context.Background(), "EverhookFlow = '"+open.key+"'")
		require.NoError(t, err)
		require.Zero(t, runs)
	})
}
