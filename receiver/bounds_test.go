package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

func TestTheValuesOfABodyAreBounded(t *testing.T) {
	t.Parallel()
	all := accepting(receiver.FormatJSON, receiver.FormatXML, receiver.FormatText)
	all[asyncToken].MaxBody = 1 << 20
	for name, test := range map[string]struct{ mediaType, within, over string }{
		"JSON":        {"application/json", `[{"":0},{"":0},1,2,3,4,5]`, `[{"":0},{"":0},1,2,3,4,5,6]`},
		"nested JSON": {"application/json", `[[[[[[[[[]]]]]]]]]`, `[[[[[[[[[[[]]]]]]]]]]]`},
		"a member":    {"application/json", `{"a":[1,2,3,4,5,6,7,8]}`, `{"a":[1,2,3,4,5,6,7,8,9]}`},
		"XML": {"text/xml", "<a>" + strings.Repeat("<b/>", 9) + "</a>", "<a>" + strings.Repeat("<b/>", 10) +
			"</a>"},
		"attributes": {"text/xml", `<a b="" c="" d="" e="" f="" g="" h="" i="" j=""/>`,
			`<a b="" c="" d="" e="" f="" g="" h="" i="" j="" k=""/>`},
		"texts in XML": {"text/xml", `<a b="">x<c d="">y</c><e f="">z</e></a>`,
			`<a b="">x<c d="">y</c><e f="">z</e><g h=""/></a>`},
		"one value of 1M": {"text/plain", strings.Repeat("[", 1<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{MaxValues: 10}, all, engine)
			requests := post(asyncToken, test.within, "Content-Type: "+test.mediaType)
			if test.over != "" {
				requests += post(asyncToken, test.over, "Content-Type: "+test.mediaType)
			}
			got := exchange(t, s, requests+last)
			require.True(t, strings.HasPrefix(got[0], "200\n"), got[0])
			if test.over != "" {
				require.Equal(t, "413\n"+problemType+
					`{"type":"urn:everhook:problem:body-too-large","title":"Too large",`+
					`"status":413,"detail":"the body has more than the 10 values that are taken here"}`, got[1])
			}
			require.Len(t, engine.got(), 1)
		})
	}
}

func TestTheRequestsOfAnAddressAreBounded(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	from := func(address string) string { return post(asyncToken, "{}", "X-Forwarded-For: "+address) }
	expecting := lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x", "X-Forwarded-For: 192.0.2.1",
		"Content-Length: 2", "Expect: 100-continue") + "{}"
	for name, test := range map[string]struct {
		proxies []netip.Prefix
		calls   string
		want    string
	}{
		"a connection's": {nil, strings.Repeat(post(asyncToken, "{}"), 4), "200 200 200 429"},
		"refused calls as well": {nil, strings.Repeat(post(unknownToken, "{}"), 3) + post(asyncToken, "{}"),
			"404 404 404 429"},
		"what a stranger claims": {nil, from("192.0.2.1") + from("192.0.2.2") + from("192.0.2.3") + from("192.0.2.4"),
			"200 200 200 429"},
		"each behind a proxy": {trusted, strings.Repeat(from("192.0.2.1"), 4) + from("192.0.2.2"),
			"200 200 200 429 200"},
		"a network of IPv6": {trusted, from("2001:db8::1") + from("2001:db8::2") + from("2001:db8:0:0:9::") +
			from("2001:db8::3") + from("2001:db8:0:1::"), "200 200 200 429 200"},
		"a proxy's own calls are not": {trusted, strings.Repeat(post(asyncToken, "{}"), 6),
			"200 200 200 200 200 200"},
		"those that hide behind a proxy": {trusted, strings.Repeat(from("nobody"), 4) + from("192.0.2.1"),
			"200 200 200 429 200"},
		"a client that asks first counts": {trusted, expecting + from("192.0.2.1") + from("192.0.2.1") + from(
			"192.0.2.1"), "100 200 200 200 429"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{ClientRate: 0.01, ClientBurst: 3, TrustedProxies: test.proxies}, someFlows(),
				&starter{})
			c := dial(t, s)
			_, err := io.WriteString(c, test.calls)
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			var statuses []string
			for _, reply := range replies(t, c, false) {
				statuses = append(statuses, reply[:3])
				if strings.HasPrefix(reply, "429") {
					require.Contains(t, reply, "Retry-After: 100\n")
					require.Equal(t, "urn:everhook:problem:rate-limited", decode(t, reply)["type"])
				}
			}
			require.Equal(t, test.want, strings.Join(statuses, " "))
		})
	}
}

// begin sends a delivery whose body does not end. fasthttp reads the first 8 KiB of a declared body on its own.
func begin(t *testing.T, s *service, token string, headers ...string) net.Conn {
	t.Helper()
	c := dial(t, s)
	_, err := io.WriteString(c, lines(append([]string{"POST /api/webhook:trigger/" + token + " HTTP/1.1", "Host: x"},
		headers...)...)+map[bool]string{false: strings.Repeat(" ", 16<<10)}[strings.HasPrefix(headers[0], "Transfer")])
	require.NoError(t, err)
	return c
}

func TestBodiesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(i int) []string{
		"declared": func(i int) []string {
			return []string{"Content-Length: 1048576", fmt.Sprint("X-Forwarded-For: 192.0.2.", i)}
		},
		"in chunks": func(i int) []string {
			return []string{"Transfer-Encoding: chunked", fmt.Sprint("X-Forwarded-For: 192.0.2.", i)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{MaxBodyBytes: 4 << 20,
				TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, someFlows(), &starter{})
			var open []net.Conn
			for i := range 3 {
				open = append(open, begin(t, s, asyncToken, slow(i)...))
			}
			require.Eventually(t, func() bool { return s.BodyBytes() == 3<<20 }, time.Minute, time.Millisecond)

			got := exchange(t, s, post(asyncToken, strings.Repeat(" ", 1<<20), "X-Forwarded-For: 192.0.2.9"))
			require.Equal(t, "503\n"+problemType+"Retry-After: 1\n"+closing+
				`{"type":"urn:everhook:problem:too-many-bodies","title":"Too many bodies","status":503,`+
				`"detail":"too many bodies are being received; send it again"}`,
				got[0])
			require.Contains(t, exchange(t, s, post(asyncToken, `"small"`)+last)[0], "200\n", "small bodies have room")
			require.Contains(t, s.log.String(), "outcome=bodies-full status=503")

			require.NoError(t, open[0].Close())
			require.Eventually(t, func() bool { return s.BodyBytes() == 2<<20 }, time.Minute, time.Millisecond)
			require.Contains(t, exchange(t, s, post(asyncToken, strings.Repeat(" ", 1<<20-1)+"1",
				"X-Forwarded-For: 192.0.2.9")+last)[0], "200\n")
			for _, c := range open {
				c.Close()
			}
			require.Eventually(t, func() bool { return s.BodyBytes() == 0 }, time.Minute, time.Millisecond)
		})
	}
}

func TestOneClientHasHalfOfTheBudgetForBodies(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{MaxBodyBytes: 4 << 20,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, someFlows(), &starter{})
	slow := []string{"Content-Length: 1048576", "X-Forwarded-For: 2001:db8::1"}
	begin(t, s, asyncToken, slow...)
	begin(t, s, asyncToken, slow...)
	require.Eventually(t, func() bool { return s.BodyBytes() == 2<<20 }, time.Minute, time.Millisecond)
	body := strings.Repeat(" ", 1<<20-1) + "1"
	require.Contains(t, exchange(t, s, post(asyncToken, body, "X-Forwarded-For: 2001:db8::2"))[0], "503\n")
	require.Contains(t, exchange(t, s, post(asyncToken, body, "X-Forwarded-For: 2001:db8:0:1::1")+last)[0], "200\n")
}

func TestEveryCallGivesItsShareOfTheBudgetBack(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{}, someFlows(), &starter{})
	large := strings.Repeat(" ", largeBody)
	for _, body := range []string{"{}", "{", large, large + "1", `[` + large, ""} {
		exchange(t, s, post(asyncToken, body)+last)
		exchange(t, s, chunkedPost(asyncToken, body)+last)
		exchange(t, s, post(signedToken, body)+last)
		exchange(t, s, post(schemaToken, body)+last)
		exchange(t, s, post(syncToken, body)+last)
		exchange(t, s, post(lockedToken, body)+last)
		c := dial(t, s)
		_, err := io.WriteString(c, strings.TrimSuffix(post(asyncToken, body+"}"), "}"))
		require.NoError(t, err)
		c.Close()
	}
	require.Eventually(t, func() bool { return s.BodyBytes() == 0 }, time.Minute, time.Millisecond)
}

const largeBody = 64 << 10

// TestBodiesOfSmallValuesLeaveMemoryAndNeighbours is the attack of a stranger: small values, ten bodies at the same
// time. It is not parallel, because it measures the memory of the process.
func TestBodiesOfSmallValuesLeaveMemoryAndNeighbours(t *testing.T) {
	const small = `{"":0},`
	deep := strings.Repeat(`{"":`, 98) + "0" + strings.Repeat("}", 98) + ","
	for name, body := range map[string]string{
		"over the limit":        "[" + strings.Repeat(small, 1<<20/len(small)-1) + "0]",
		"just under it":         "[" + strings.Repeat(small, 49_990) + "0]",
		"just under it, nested": "[" + strings.Repeat(deep, 1000) + "0]",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, receiver.Options{}, someFlows(), &counter{starter: &starter{}})
			before := heap(t)
			var peak atomic.Uint64
			var attack sync.WaitGroup
			for range 10 {
				attack.Go(func() {
					for range 2 {
						exchange(t, s, post(asyncToken, body)+last)
						peak.Store(max(peak.Load(), heap(t)))
					}
				})
			}
			over := make(chan struct{})
			go func() {
				attack.Wait()
				close(over)
			}()
			calls, worst := 0, time.Duration(0)
			for open := true; open; calls++ {
				began := time.Now()
				require.Contains(t, exchange(t, s, post(syncToken, "{}")+last)[0], "202\n")
				worst = max(worst, time.Since(began))
				select {
				case <-over:
					open = false
				case <-time.After(time.Millisecond):
				}
			}
			t.Logf("%d calls of a neighbour, the slowest took %v; %d MB of heap", calls, worst,
				(int64(peak.Load())-int64(before))>>20)
			require.Less(t, worst, 2*time.Second)
			require.Less(t, int64(peak.Load())-int64(before), int64(300<<20))
		})
	}
}

func heap(t testing.TB) uint64 {
	t.Helper()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse
}

// forgetful is an engine that keeps nothing of a delivery.
type forgetful struct {
	*starter
	body weak.Pointer[any]
}

func (f *forgetful) Prepare(_ *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	f.body = weak.Make(&d.Trigger["body"].([]any)[0])
	return &prepared{f.starter, everhook.Delivery{}}, nil
}

func (f *forgetful) PrepareCall(_ string, _ everhook.RunID, call everhook.ResumeCall) (receiver.PreparedCall, error) {
	f.body = weak.Make(&call.Data["body"].([]any)[0])
	return &preparedCall{starter: f.starter}, nil
}

func TestABodyIsDroppedBeforeItsRunIsWaitedFor(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Repeat("1,", largeBody) + "1]"
	for name, request := range map[string]string{
		"async":  post(asyncToken, body),
		"sync":   post(syncToken, body),
		"resume": resume(resumePath("large", ""), body),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waits, goOn := make(chan struct{}), make(chan struct{})
			pause := func() {
				close(waits)
				<-goOn
			}
			engine := &forgetful{starter: waiting()}
			engine.size = 1000
			engine.start = func(context.Context, everhook.Delivery) error {
				pause()
				return nil
			}
			engine.run = func(context.Context, everhook.Delivery, time.Duration) (*everhook.Answer, error) {
				pause()
				return nil, nil
			}
			engine.resume = func(context.Context, string, everhook.RunID, everhook.ResumeCall) (everhook.Resumed,
				error) {
				pause()
				return everhook.Resumed{Answer: everhook.Answer{Status: 200}}, nil
			}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			c := dial(t, s)
			_, err := io.WriteString(c, request+last)
			require.NoError(t, err)
			select {
			case <-waits:
			case <-time.After(time.Minute):
				t.Fatal("the engine was not asked")
			}
			require.EqualValues(t, 1000, s.BodyBytes(), "what the engine holds counts")
			require.Eventually(t, func() bool {
				runtime.GC()
				return engine.body.Value() == nil
			}, time.Minute, time.Millisecond)
			close(goOn)
			require.Len(t, replies(t, c, false), 2)
			require.Zero(t, s.BodyBytes())
		})
	}
}

func TestADeliveryThatTheEngineDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"413\n": everhook.Errorf(everhook.TypeLimit, "the delivery is larger than a run can be started with"),
		"503\n": errors.New("a defect"),
	} {
		s := serve(t, receiver.Options{}, someFlows(), &starter{prepare: func(everhook.Delivery) error { return err }})
		got := exchange(t, s, post(asyncToken, "{}")+post(syncToken, "{}")+last)
		require.True(t, strings.HasPrefix(got[0], want), got[0])
		require.True(t, strings.HasPrefix(got[1], want), got[1])
	}
}
