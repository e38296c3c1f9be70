package receiver_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

// TestARefusedBodyIsNotKept is not parallel: it counts what the process allocates.
func TestARefusedBodyIsNotKept(t *testing.T) {
	const size = 10 << 20
	s := serve(t, receiver.Options{}, someFlows(), &starter{})
	for name, head := range map[string][]string{
		"over the cap": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1",
			fmt.Sprintf("Content-Length: %d", size)},
		"an unknown token": {"POST /api/webhook:trigger/" + unknownToken + " HTTP/1.1",
			fmt.Sprintf("Content-Length: %d", size)},
		"an unknown token, chunked": {"POST /api/webhook:trigger/" + unknownToken + " HTTP/1.1",
			"Transfer-Encoding: chunked"},
		"no credentials, chunked": {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1",
			"Transfer-Encoding: chunked"},
		"another address, chunked": {"POST /api/webhook:trigger/" + elsewhereToken + " HTTP/1.1",
			"Transfer-Encoding: chunked"},
		"no token, chunked": {"POST /api/webhook:trigger/" + bearerToken + " HTTP/1.1",
			"Transfer-Encoding: chunked"},
		"signed, over the cap": {"POST /api/webhook:trigger/" + signedToken + " HTTP/1.1",
			fmt.Sprintf("Content-Length: %d", size)},
		"over a small cap, chunked": {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1",
			"Transfer-Encoding: chunked", basic("shop", password)},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, s)
			chunk := bytes.Repeat([]byte{' '}, 32<<10)
			if strings.Contains(name, "chunked") {
				chunk = fmt.Appendf(nil, "%x\r\n%s\r\n", len(chunk), chunk)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := io.WriteString(c, lines(append(head, "Host: x")...))
			require.NoError(t, err)
			for sent := 0; err == nil && sent < size; sent += len(chunk) {
				_, err = c.Write(chunk)
			}
			got := replies(t, c, false)
			runtime.ReadMemStats(&after)
			require.Len(t, got, 1)
			require.Contains(t, got[0], closing)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

func TestDeepJSONIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[asyncToken].MaxBody = 4 << 20
	s := serve(t, receiver.Options{MaxValues: 4 << 20}, all, &starter{})
	for _, body := range []string{strings.Repeat("[", 2<<20), strings.Repeat(`{"a":`, 400<<10), "[" +
		strings.Repeat("[],", 600<<10) + strings.Repeat("[", 200)} {
		began := time.Now()
		got := exchange(t, s, post(asyncToken, body)+last)[0]
		require.Contains(t, decode(t, got)["detail"], "nested deeper than 100")
		require.Less(t, time.Since(began), 5*time.Second)
	}
}

func BenchmarkReceiver(b *testing.B) {
	large := strings.Repeat(" ", 2000)
	for _, bench := range []struct {
		name, request string
		status        int
	}{
		{"404", post(unknownToken, "{}"), 404},
		{"401", post(lockedToken, "{}", basic("shop", "wrong")), 401},
		{"401 bearer", post(bearerToken, "{}", "Authorization: Bearer wrong"), 401},
		{"403", post(elsewhereToken, "{}"), 403},
		{"bad signature", post(signedToken, `{"event":"order.paid"}`, "X-Hub-Signature-256: sha256="+
			strings.Repeat("0", 64)), 401},
		{"no signature", post(signedToken, `{"event":"order.paid"}`), 401},
		{"429", post(limitedToken, "{}"), 429},
		{"422", post(schemaToken, "{}"), 422},
		{"405", lines("PUT /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x"), 405},
		{"413", post(lockedToken, large), 413},
		{"400", post(asyncToken, "{"), 400},
		{"accepted", strings.Replace(post(asyncToken,
			`{"event":"order.paid","order":{"id":17,"items":[{"sku":"a","n":1},{"sku":"b","n":2}]}}`,
			"Content-Type: application/json"), " HTTP", "?shop[id]=7 HTTP", 1), 200},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := serve(b, receiver.Options{ClientRate: 1e9, Guesses: 1e9,
				Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))},
				someFlows(),
				&counter{starter: &starter{}})
			c := dial(b, s)
			reader := bufio.NewReader(c)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.WriteString(c, bench.request); err != nil {
					b.Fatal(err)
				}
				if status := skipReply(b, reader); status != bench.status {
					b.Fatalf("status %d", status)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// skipReply reads a reply with a Content-Length and gives its status.
func skipReply(b *testing.B, reader *bufio.Reader) (status int) {
	length := 0
	for first := true; ; first = false {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		switch {
		case first:
			fmt.Sscanf(string(line[9:12]), "%d", &status)
		case len(line) == 2:
			_, err := reader.Discard(length)
			if err != nil {
				b.Fatal(err)
			}
			return status
		case strings.HasPrefix(string(line), "Content-Length:"):
			fmt.Sscanf(string(line[15:]), "%d", &length)
		}
	}
}
