package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const waitingFlow = `
key: waiting
mode: async
trigger: { type: webhook, token: waiting-token-that-is-long-enough }
nodes:
  - { key: lines, type: calculation, config: { expression: trigger.body.lines } }
  - { key: pause, type: delay, config: { duration: 1h } }
  - { key: count, type: calculation, config: { expression: len(nodes.lines) } }
`

// BenchmarkWaitingRuns has the built binary start 1,000 runs with a body of 0.95 MB each, which wait then, and reads
// how much memory it has. The bar: 1 GB.
func BenchmarkWaitingRuns(b *testing.B) {
	const runs, callers = 1000, 4
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "waiting.yaml"), []byte(waitingFlow), 0o600))
	for name, body := range map[string]func(number int) []byte{"orders": order, "hostile": hostile} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir())
				url := "http://" + p.address + "/api/webhook:trigger/waiting-token-that-is-long-enough"
				var group errgroup.Group
				group.SetLimit(callers)
				for number := range runs {
					group.Go(func() error { return deliverBody(b, url, body(number)) })
				}
				require.NoError(b, group.Wait())
				b.ReportMetric(p.residentMegabytes(b), "MB-waiting")
				b.ReportMetric(p.peakMegabytes(b), "MB-peak")
				p.stop()
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// deliverBody sends a delivery until it is taken: the receiver refuses large bodies that come faster than it parses
// them.
func deliverBody(b *testing.B, url string, body []byte) error {
	for {
		status, err := deliverOnce(b, url, body)
		switch {
		case err != nil || status == http.StatusOK:
			return err
		case status != http.StatusServiceUnavailable:
			return fmt.Errorf("status %d", status)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func deliverOnce(b *testing.B, url string, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// order is one as a shop sends it.
func order(number int) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, `{"id":"order-%d","customer":{"name":"Ada","email":"ada@example.com"},"lines":[`, number)
	for i := 0; text.Len() < 950_000; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"sku":"SKU-%06d","name":"thing %d","quantity":%d,"price":%d.%02d,"currency":"EUR",`+
			`"attributes":{"color":"blue","size":"XL"},"tags":["new","sale"]}`, (i+number)*7919%1_000_003, i, i%9+1,
			i%500,
			i%100)
	}
	text.WriteString("]}")
	return text.Bytes()
}

// hostile takes the most memory for the values that a delivery may have.
func hostile(int) []byte {
	return []byte(`{"lines":[` + strings.TrimSuffix(strings.Repeat(`{"":0},`, 49_000), ",") + `]}`)
}
