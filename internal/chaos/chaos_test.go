package chaos

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	long  = flag.Bool("long", false, "break more, and for longer: half an hour in place of half a minute")
	kills = flag.Int("kills", 0, "how often to kill; 0: 2, with -long 40")
)

// scale chooses between the short and the long form of a number or a time.
func scale[T any](short, whole T) T {
	if *long {
		return whole
	}
	return short
}

func pauseBetween(least, most time.Duration) { time.Sleep(least + rand.N(most-least)) }

// TestOneProcessUnderFaults kills, freezes and stops a process under load, fills its disk and sets its clock back.
func TestOneProcessUnderFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := filepath.Join(t.TempDir(), "clock")
	set := func(seconds int) { require.NoError(t, os.WriteFile(clock, []byte(strconv.Itoa(seconds)), 0o600)) }
	set(0)
	p := w.single(clock)
	p.start(t)
	w.load(scale(4, 8))
	var starts []time.Duration
	for range cmp.Or(*kills, scale(2, 40)) {
		pauseBetween(scale(300*time.Millisecond, 300*time.Millisecond), scale(time.Second, 6*time.Second))
		p.kill()
		starts = append(starts, p.start(t))
	}
	t.Logf("killed %d times; starts took up to %v", len(starts), slices.Max(starts))

	pauseBetween(300*time.Millisecond, time.Second)
	p.freeze(scale(time.Second, 20*time.Second))

	for range scale(1, 5) {
		pauseBetween(300*time.Millisecond, time.Second)
		took, code := p.terminate()
		require.Zero(t, code)
		require.Less(t, took, 15*time.Second)
		p.start(t)
	}

	pauseBetween(300*time.Millisecond, time.Second)
	p.down()
	free := p.fillDisk(t)
	time.Sleep(scale(2*time.Second, 40*time.Second))
	free()
	w.served(p, "the disk was full")
	p.up()

	p.down()
	set(-3600)
	require.Eventually(t, func() bool {
		_, metrics := get(w.admin + "/metrics")
		return strings.Contains(string(metrics), "\neverhook_engine_restarts 1\n") || *long && p.serves()
	}, patience, 100*time.Millisecond)
	w.served(p, "the clock was set back")
	p.up()

	time.Sleep(scale(time.Second, 10*time.Second))
	w.quiet()
	w.check()
}

// served waits until calls are answered again.
func (w *world) served(p *process, since string) {
	w.t.Helper()
	began := time.Now()
	k := w.kind("sync-pure")
	for {
		order := w.order()
		if w.call(k, order, orderBody(order)).status == http.StatusOK {
			break
		}
		require.Less(w.t, time.Since(began), patience, "no call is answered after %s", since)
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Logf("calls were answered %v after %s", time.Since(began).Round(time.Millisecond), since)
}

// TestProcessesApartUnderFaults runs two receivers, two workers and an admin process on a Temporal server of its own,
// and kills and freezes them; Temporal too.
func TestProcessesApartUnderFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hub := newProcess(t, "temporal", childSettings{Hub: filepath.Join(t.TempDir(), "address"), Data: t.TempDir()}, "")
	hub.start(t)
	temporal, data := newForwarder(t, hub.settings.Hub), t.TempDir()
	var workers []*process
	public := ""
	for i := range 2 {
		hooks := freeAddress(t)
		public = cmp.Or(public, "http://"+hooks)
		receiver := newProcess(t, fmt.Sprintf("receiver-%d", i), childSettings{Flows: w.files(), Data: data,
			Listen: hooks,
			Roles:  []string{"receiver"}, Temporal: temporal, PublicURL: public}, "http://"+hooks+"/readyz")
		receiver.start(t)
		w.receivers = append(w.receivers, receiver)
		metrics := freeAddress(t)
		worker := newProcess(t, fmt.Sprintf("worker-%d", i), childSettings{Data: data, Roles: []string{"worker"},
			Temporal: temporal, Metrics: metrics, PublicURL: public}, "http://"+metrics+"/readyz")
		worker.start(t)
		workers = append(workers, worker)
	}
	address := freeAddress(t)
	admin := newProcess(t, "admin", childSettings{Data: data, Roles: []string{"admin"}, Temporal: temporal,
		Admin:     address,
		PublicURL: public}, "http://"+address+"/readyz")
	admin.start(t)
	w.admin = "http://" + address
	w.load(scale(3, 8))

	targets := slices.Concat(w.receivers, workers)
	for i := range cmp.Or(*kills, scale(2, 30)) {
		pauseBetween(300*time.Millisecond, scale(time.Second, 5*time.Second))
		target := targets[(i*2+rand.IntN(2))%len(targets)] // in the short form a receiver and a worker
		if !*long {
			target = targets[i*2%len(targets)]
		}
		target.kill()
		target.start(t)
	}
	for _, frozen := range scale([]*process{workers[0]}, []*process{w.receivers[0], workers[0], workers[1], hub}) {
		if frozen == hub {
			for _, receiver := range w.receivers {
				receiver.down()
			}
		}
		frozen.freeze(scale(time.Second, 20*time.Second))
		for _, receiver := range w.receivers {
			receiver.up()
		}
		time.Sleep(scale(200*time.Millisecond, 8*time.Second))
	}
	for _, away := range scale([]time.Duration{2 * time.Second}, []time.Duration{time.Minute, 5 * time.Minute}) {
		for _, receiver := range w.receivers {
			receiver.down()
		}
		hub.kill()
		time.Sleep(away)
		hub.start(t)
		w.served(w.receivers[0], "Temporal was away")
		for _, receiver := range w.receivers {
			receiver.up()
		}
		time.Sleep(scale(time.Second, 10*time.Second))
	}
	w.quiet()
	w.check()
}

// TestOneProcessUnderPressure lets many runs wake at once, offers more calls than can be served, and sends large bodies
// of small values.
func TestOneProcessUnderPressure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.single("")
	p.start(t)
	pure, sleeps := w.kind("sync-pure"), w.kind("sleeps")

	herd := scale(150, 5000)
	var next sync.WaitGroup
	wake := time.Now().Add(scale(4*time.Second, 90*time.Second)).Truncate(time.Second)
	slots := make(chan struct{}, 16)
	for range herd {
		slots <- struct{}{}
		next.Go(func() {
			defer func() { <-slots }()
			order := w.order()
			body := fmt.Sprintf(`{"order":%q,"until":%q}`, order, wake.UTC().Format(time.RFC3339))
			for w.call(sleeps, order, body).status != http.StatusOK {
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	next.Wait()
	t.Logf("%d runs sleep; %v until they wake", herd, time.Until(wake).Round(time.Millisecond))
	time.Sleep(time.Until(wake))
	var meanwhile []time.Duration
	calls := 0
	for ; w.woken() < herd && time.Since(wake) < 150*time.Second; calls++ {
		order := w.order()
		if r := w.call(pure, order, orderBody(order)); r.status == http.StatusOK {
			meanwhile = append(meanwhile, r.took)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("%d of %d woke within %v; %d of %d calls were answered meanwhile, within %v (p99)", w.woken(), herd,
		time.Since(wake).Round(time.Millisecond), len(meanwhile), calls, quantile(meanwhile, 99))
	require.Equal(t, herd, w.woken())

	offered := w.offer(scale(200.0, 400.0), scale(2*time.Second, time.Minute))
	after := w.offer(10, scale(2*time.Second, 10*time.Second))
	t.Logf("under overload %s; afterwards %s", offered, after)
	require.Positive(t, offered.answered)
	require.Greater(t, after.answered, after.calls/2, "an overload is over at once")

	var storm sync.WaitGroup
	body := `[` + strings.TrimSuffix(strings.Repeat(`{"":0},`, 1<<17), ",") + `]`
	for range scale(4, 10) {
		storm.Go(func() {
			for range scale(1, 6) {
				status, _ := post(w.web, "http://"+p.settings.Listen+"/api/webhook:trigger/"+pure.token(), body)
				if status == 0 {
					t.Errorf("a large body got no reply")
				}
			}
		})
	}
	var neighbour []time.Duration
	for done := finished(&storm); !closed(done); {
		order := w.order()
		neighbour = append(neighbour, w.call(pure, order, orderBody(order)).took)
	}
	t.Logf("under a storm of large bodies a neighbour was answered within %v (p99)", quantile(neighbour, 99))
	w.quiet()
	w.check()
}

// woken counts the sleepers that have called the partner.
func (w *world) woken() (woken int) {
	w.partner.mutex.Lock()
	defer w.partner.mutex.Unlock()
	for effect := range w.partner.keys {
		if strings.HasPrefix(effect, "woke ") {
			woken++
		}
	}
	return woken
}

// offered says how the calls of offer were answered.
type offered struct {
	calls, answered, refused int
	rate                     float64
	p99, refusedP99          time.Duration
}

func (o offered) String() string {
	return fmt.Sprintf("%d calls: %d answered (%.0f/s, p99 %v), %d refused (p99 %v)", o.calls, o.answered, o.rate,
		o.p99,
		o.refused, o.refusedP99)
}

// offer makes calls at a rate, whether they are answered or not.
func (w *world) offer(perSecond float64, length time.Duration) (o offered) {
	var calls sync.WaitGroup
	var mutex sync.Mutex
	var answered, refused []time.Duration
	began := time.Now()
	for n := 0; time.Since(began) < length; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))))
		k := w.kinds[n%3] // pure, with an effect, and async
		calls.Go(func() {
			order := w.order()
			r := w.call(k, order, orderBody(order))
			mutex.Lock()
			defer mutex.Unlock()
			o.calls++
			switch r.status {
			case http.StatusOK:
				answered = append(answered, r.took)
			case http.StatusServiceUnavailable:
				refused = append(refused, r.took)
			}
		})
	}
	calls.Wait()
	o.answered, o.refused, o.rate = len(answered), len(refused), float64(len(answered))/time.Since(began).Seconds()
	o.p99, o.refusedP99 = quantile(answered, 99), quantile(refused, 99)
	return o
}

func post(web *http.Client, url, body string) (status int, failure error) {
	response, err := web.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func finished(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func quantile(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(time.Millisecond)
}

// newForwarder gives the Temporal server, whose address a file has, an address that stays when it is started again.
func newForwarder(t *testing.T, file string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go forward(conn, file)
		}
	}()
	return l.Addr().String()
}

func forward(conn net.Conn, file string) {
	defer func() { _ = conn.Close() }()
	address, err := os.ReadFile(file)
	if err != nil {
		return
	}
	upstream, err := net.Dial("tcp", string(address))
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{conn, upstream}, {upstream, conn}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}
