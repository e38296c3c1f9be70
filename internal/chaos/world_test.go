package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// patience bounds every wait for something that happens soon.
	patience  = 90 * time.Second
	thinkTime = 40 * time.Millisecond
)

// late is how long a caller may wait for a reply. Callers of sync flows are held for ten seconds; in the short form the
// processes share a busy machine with other tests.
func late() time.Duration { return scale(time.Minute, 12*time.Second) }

// kind is a flow that callers call. Its effects are the nodes that call the partner, each once in every run.
type kind struct {
	key          string
	sync, dedupe bool
	effects      []string
	nodes        string
}

func (k kind) token() string { return k.key + "-token-that-is-long-enough" }

func (k kind) file() string {
	mode, more := "async", "  response: { body: { order: '{{ trigger.body.order }}' } }\n"
	if k.sync {
		mode, more = "sync", ""
	}
	if k.dedupe {
		more += "  dedupe: { key: 'headers[\"x-delivery-id\"]' }\n"
	}
	return fmt.Sprintf("key: %s\nmode: %s\ntrigger:\n  type: webhook\n  maxBody: 2MiB\n  token: %s\n%snodes:\n%s",
		k.key,
		mode, k.token(), more, k.nodes)
}

func kinds(partner string) []kind {
	ask := func(node, more string) string {
		return "  - { key: " + node + ", type: http-request, timeout: 5s, config: { method: POST, url: '" + partner +
			"/" +
			node + "', body: { order: '{{ trigger.body.order }}', run: '{{ system.runId }}'" + more + " } } }\n"
	}
	answer := "  - { key: ok, type: response, config: { body: { order: '{{ trigger.body.order }}', " +
		"id: '{{ uuid() }}' } } }\n"
	return []kind{
		{"sync-pure", true, false, nil, answer},
		{"sync-effect", true, true, []string{"charge"}, ask("charge", "") + answer},
		{"async-effects", false, false, []string{"one", "two"}, ask("one", "") +
			"  - { key: pause, type: delay, config: { duration: 1s } }\n" + ask("two", "")},
		{"async-dedupe", false, true, []string{"book"}, ask("book", "")},
		{"waits", false, false, []string{"ask", "told"}, ask("ask", `, notify: '{{ resumeUrl("call") }}'`) +
			"  - { key: call, type: wait-for-call, config: { deadline: 1h } }\n" + ask("told", "")},
		{"sleeps", false, false, []string{"woke"},
			"  - { key: pause, type: delay, config: { until: '{{ trigger.body.until }}' } }\n" + ask("woke", "")},
	}
}

// partner is the system that flows call. It does each thing once for a key, and calls back.
type partner struct {
	*httptest.Server
	mutex sync.Mutex
	// keys and runs are the idempotency keys and runs of each effect, by node and order.
	keys, runs map[string]map[string]bool
	callbacks  sync.WaitGroup
}

func newPartner(t *testing.T) *partner {
	p := &partner{keys: map[string]map[string]bool{}, runs: map[string]map[string]bool{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *partner) serve(w http.ResponseWriter, r *http.Request) {
	var body struct{ Order, Run, Notify string }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	effect, key := strings.TrimPrefix(r.URL.Path, "/")+" "+body.Order, r.Header.Get("Idempotency-Key")
	p.mutex.Lock()
	first := !p.keys[effect][key]
	note(p.keys, effect, key)
	note(p.runs, effect, body.Run)
	p.mutex.Unlock()
	if first && body.Notify != "" {
		p.callbacks.Go(func() { callBack(body.Notify) })
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"ok":true}`))
}

// callBack calls a resume URL until the call is taken.
func callBack(url string) {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(200 * time.Millisecond) {
		response, err := http.Post(url, "application/json", strings.NewReader(`{}`))
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode < http.StatusInternalServerError {
			return
		}
	}
}

func note(m map[string]map[string]bool, key, value string) {
	if m[key] == nil {
		m[key] = map[string]bool{}
	}
	m[key][value] = true
}

// record is one call, as its caller saw it.
type record struct {
	kind      kind
	order     string
	status    int
	run, body string
	failure   string
	began     time.Time
	took      time.Duration
	duplicate bool
	receiver  *process
}

// world is everything around the processes.
type world struct {
	t       *testing.T
	partner *partner
	kinds   []kind
	// receivers are the processes that callers call. Admin is the base of the admin address.
	receivers []*process
	admin     string
	web       *http.Client

	mutex  sync.Mutex
	ledger []record
	orders atomic.Int64

	callers sync.WaitGroup
	stop    context.CancelFunc
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, partner: newPartner(t), stop: func() {},
		web: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 512}}}
	w.kinds = kinds(w.partner.URL)
	return w
}

func (w *world) files() (files []string) {
	for _, k := range w.kinds {
		files = append(files, k.file())
	}
	return files
}

func (w *world) kind(key string) kind {
	for _, k := range w.kinds {
		if k.key == key {
			return k
		}
	}
	panic(key)
}

// single is one process with everything.
func (w *world) single(clock string) *process {
	hooks, admin := freeAddress(w.t), freeAddress(w.t)
	p := newProcess(w.t, "server", childSettings{Flows: w.files(), Data: w.t.TempDir(), Listen: hooks, Admin: admin,
		Clock: clock}, "http://"+hooks+"/readyz")
	w.receivers, w.admin = []*process{p}, "http://"+admin
	return p
}

// call makes one call and writes it down.
func (w *world) call(k kind, order, body string) record {
	r := record{kind: k, order: order, began: time.Now(), receiver: w.receivers[rand.IntN(len(w.receivers))]}
	url := "http://" + r.receiver.settings.Listen + "/api/webhook:trigger/" + k.token()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Delivery-Id", order)
		var response *http.Response
		if response, err = w.web.Do(request); err == nil {
			var data []byte
			data, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
			r.status, r.body, r.run = response.StatusCode, string(data), response.Header.Get("Everhook-Run-Id")
			r.duplicate = response.Header.Get("Everhook-Duplicate") == "true"
		}
	}
	r.took = time.Since(r.began)
	if err != nil {
		r.status, r.failure = 0, err.Error()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.ledger = append(w.ledger, r)
	return r
}

// deliver calls, and as senders do, again until a call with a key is answered.
func (w *world) deliver(k kind, order, body string) {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		r := w.call(k, order, body)
		if r.status/100 == 2 || !k.dedupe || time.Since(began) > patience {
			return
		}
	}
}

func (w *world) order() string { return fmt.Sprintf("o%d", w.orders.Add(1)) }

// load lets callers call until quiet.
func (w *world) load(callers int) {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	for range callers {
		w.callers.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(time.Duration(rand.ExpFloat64() * float64(thinkTime)))
				k := w.kinds[rand.IntN(len(w.kinds)-1)] // without the sleepers
				order := w.order()
				if k.dedupe && rand.IntN(4) == 0 { // twice at the same moment
					w.callers.Go(func() { w.deliver(k, order, orderBody(order)) })
				}
				w.deliver(k, order, orderBody(order))
			}
		})
	}
}

func orderBody(order string) string { return fmt.Sprintf(`{"order":%q}`, order) }

// quiet stops the callers, and waits until every acknowledged run is listed and every listed run has ended: lists are
// later than runs, by seconds after a fault.
func (w *world) quiet() {
	w.stop()
	w.callers.Wait()
	w.partner.callbacks.Wait()
	began := time.Now()
	for open := -1; open != 0; time.Sleep(200 * time.Millisecond) {
		if open = w.open(); time.Since(began) > 2*patience {
			w.t.Errorf("%d runs are open %v after the last fault", open, time.Since(began))
			return
		}
	}
}

// open counts the runs that have not ended or are not listed, and is -1 while there are no lists.
func (w *world) open() (open int) {
	for _, k := range w.kinds {
		runs, err := w.runs(k.key)
		if err != nil {
			return -1
		}
		w.mutex.Lock()
		for _, r := range w.ledger {
			if _, listed := runs[r.run]; r.kind.key == k.key && r.run != "" && r.status/100 == 2 && !listed {
				open++
			}
		}
		w.mutex.Unlock()
		for _, status := range runs {
			if status == "pending" {
				open++
			}
		}
	}
	return open
}

// runs are the runs of a flow, by their ID, with their statuses.
func (w *world) runs(flow string) (map[string]string, error) {
	statuses := map[string]string{}
	for page := ""; ; {
		status, body := get(w.admin + "/api/v1/runs?limit=200&flow=" + flow + page)
		var list struct {
			Runs []struct{ ID, Status string }
			Next string
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("status %d: %s", status, body)
		}
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, err
		}
		for _, run := range list.Runs {
			if statuses[run.ID] != "resolved" { // a run that failed may have been run again
				statuses[run.ID] = run.Status
			}
		}
		if list.Next == "" {
			return statuses, nil
		}
		page = "&page=" + list.Next
	}
}

func get(url string) (status int, body []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, []byte(err.Error())
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = response.Body.Close() }()
	var data bytes.Buffer
	_, _ = io.Copy(&data, response.Body)
	return response.StatusCode, data.Bytes()
}
