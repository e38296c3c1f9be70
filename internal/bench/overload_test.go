package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

// mix returns typical flows: answered at once, answered after an effect, and answered before one.
func mix(partner string) []string {
	ask := `{ key: ask, type: http-request, timeout: 5s, config: { method: POST, url: '` + partner +
		`', body: { order: 7 } } }`
	ok := `{ key: ok, type: response, config: { body: { ok: true } } }`
	return []string{
		flow,
		"key: mix-effect\nmode: sync\ntrigger: { type: webhook, token: mix-effect-token-that-is-long }\nnodes: [" +
			ask + ", " + ok + "]\n",
		"key: mix-async\nmode: async\ntrigger: { type: webhook, token: mix-async-token-that-is-long }\nnodes: [" + ask +
			"]\n",
	}
}

// apply makes a flow file the enabled version of its key.
func apply(b *testing.B, s *server.Server, flow string) (url string) {
	compiled, problems := flowfile.Load("bench.yaml", []byte(flow), nodes.Standard())
	require.NotNil(b, compiled, problems)
	_, err := s.Catalog().Apply(b.Context(), compiled.Definition, "")
	require.NoError(b, err)
	return s.HookURL(compiled.Definition.Trigger.Config["token"].(string))
}

// outcomes counts the answers of calls.
type outcomes struct {
	mutex                      sync.Mutex
	good, waiting, refused     int
	failed                     map[string]int
	answeredTimes, refusedOnes []time.Duration
}

func (o *outcomes) call(ctx context.Context, web *http.Client, url string) {
	began := time.Now()
	status, detail := post(ctx, web, url)
	took := time.Since(began)
	o.mutex.Lock()
	defer o.mutex.Unlock()
	switch status {
	case http.StatusOK:
		o.good++
		o.answeredTimes = append(o.answeredTimes, took)
	case http.StatusAccepted:
		o.waiting++
	case http.StatusServiceUnavailable:
		o.refused++
		o.refusedOnes = append(o.refusedOnes, took)
	default:
		if o.failed == nil {
			o.failed = map[string]int{}
		}
		o.failed[fmt.Sprintf("%d %.60s", status, detail)]++
	}
}

func post(ctx context.Context, web *http.Client, url string) (status int, detail string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(request)))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := web.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// offer calls the URLs in turn at a rate, whether calls are answered or not.
func offer(ctx context.Context, web *http.Client, urls []string, perSecond float64, length time.Duration) *outcomes {
	var o outcomes
	var calls sync.WaitGroup
	began := time.Now()
	for n := 0; time.Since(began) < length; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))))
		calls.Go(func() { o.call(ctx, web, urls[n%len(urls)]) })
	}
	calls.Wait()
	return &o
}

// BenchmarkOverload sends twice as many calls as the product can answer, and then few. The bars: it keeps answering at
// 0.8 of its capacity, refuses the others within 50 ms, and recovers when the load drops.
func BenchmarkOverload(b *testing.B) {
	const callers, length = 32, 10 * time.Second
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(partner.Close)
	s := launch(b, flow)
	var urls []string
	for _, flow := range mix(partner.URL) {
		urls = append(urls, apply(b, s, flow))
	}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	var next atomic.Int64
	one := func(ctx context.Context) error {
		if status, detail := post(ctx, web, urls[int(next.Add(1))%len(urls)]); status != http.StatusOK {
			return fmt.Errorf("status %d: %s", status, detail)
		}
		return nil
	}
	for b.Loop() {
		atOnce(b, one, callers, length/5)
		capacity := atOnce(b, one, callers, length)
		over := offer(b.Context(), web, urls, 2*capacity, 2*length)
		after := offer(b.Context(), web, urls, capacity/4, length/2)
		served := float64(after.good) / float64(after.good+after.waiting+after.refused+len(after.failed))
		b.Logf("capacity %.0f/s; at twice of it %d answered, %d later, %d refused, %v failed; then %d answered, %d "+
			"later, %d refused, %v failed", capacity, over.good, over.waiting, over.refused, over.failed, after.good,
			after.waiting, after.refused, after.failed)
		b.ReportMetric(capacity, "capacity/s")
		b.ReportMetric(float64(over.good)/(2*length).Seconds()/capacity, "goodput-ratio")
		b.ReportMetric(milliseconds(quantile(over.answeredTimes, 99)), "answered-p99-ms")
		require.NotZero(b, over.refused)
		b.ReportMetric(milliseconds(quantile(over.refusedOnes, 50)), "refused-p50-ms")
		b.ReportMetric(milliseconds(quantile(over.refusedOnes, 99)), "refused-p99-ms")
		b.ReportMetric(served, "recovered-share")
		b.ReportMetric(milliseconds(quantile(after.answeredTimes, 99)), "recovered-p99-ms")
	}
	b.ReportMetric(0, "ns/op")
}
