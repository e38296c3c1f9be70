package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/console"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
)

// records are deliveries on record.
type records struct {
	all []deliverylog.Record
	// asked is the last filter, replayed the last replay.
	asked    deliverylog.Filter
	replayed api.ReplayRequest
	key      string
	err      error
}

func (r *records) List(_ context.Context, f deliverylog.Filter) ([]deliverylog.Record, error) {
	r.asked = f
	return r.all[:min(len(r.all), f.Limit)], r.err
}

func (r *records) Get(_ context.Context, id string) (*deliverylog.Record, error) {
	for i := range r.all {
		if r.all[i].ID == id {
			return &r.all[i], nil
		}
	}
	return nil, deliverylog.ErrNoRecord
}

func (r *records) Replay(_ context.Context, id string, wanted api.ReplayRequest, key []byte) (runs.Replayed, error) {
	r.replayed, r.key = wanted, string(key)
	return runs.Replayed{ID: runA, Flow: "orders", ReplayOf: id}, r.err
}

func (*records) Sample(context.Context, string) (*api.Sample, error) {
	return nil, deliverylog.ErrNoRecord
}

func (*records) Erase(context.Context, runs.Match, bool, string) (deliverylog.Erased, error) {
	return deliverylog.Erased{}, nil
}

// box is an inbox.
type box struct {
	rows    []inbox.Row
	changed string
}

func (b *box) List(_ context.Context, f inbox.Filter) ([]inbox.Row, error) {
	var rows []inbox.Row
	for _, row := range b.rows {
		if row.DeadAt.IsZero() != f.Dead {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (b *box) Row(_ context.Context, id int64) (inbox.Row, error) {
	for _, row := range b.rows {
		if row.ID == id {
			return row, nil
		}
	}
	return inbox.Row{}, inbox.ErrNoRow
}

func (b *box) Revive(_ context.Context, id int64) (inbox.Row, error) { return b.change("retry", id) }

func (b *box) Drop(_ context.Context, id int64) (inbox.Row, error) { return b.change("drop", id) }

func (b *box) change(how string, id int64) (inbox.Row, error) {
	for _, row := range b.rows {
		if row.ID == id && !row.DeadAt.IsZero() {
			b.changed = how
			return row, nil
		}
	}
	return inbox.Row{}, inbox.ErrNoRow
}

var (
	deliveryA = everhook.NewDeliveryID(time.Now().Add(-time.Minute))
	deliveryB = everhook.NewDeliveryID(time.Now().Add(-time.Hour))
)

func noDeliveries() admin.Options {
	o := (&server{}).options()
	o.Deliveries, o.Inbox = &records{}, &box{}
	return o
}

// busyDeliveries have every content, with texts that are hard to lay out.
func busyDeliveries() admin.Options {
	long := strings.Repeat("nobreak", 40)
	all := []deliverylog.Record{
		{ID: deliveryA, Flow: "orders", Version: 3, Outcome: "answered", Status: 200, Bytes: 1200, Run: runA,
			Duplicate: true, Client: "2001:db8::7", Caller: long, Signature: deliverylog.Valid, HasRequest: true,
			Duration: 12 * time.Millisecond, Fields: []deliverylog.Field{{Name: "order.id", Value: long[:200]}},
			Request: &deliverylog.Request{Method: "POST", Query: "a=" + long, Redacted: true, Cut: true,
				Headers: map[string]string{"content-type": "application/json", "x-" + long: long},
				Body:    []byte(`{"order": {"text": "` + long + `"}}`)}},
		{ID: deliveryB, Flow: strings.Repeat("k", 63), Version: 12345, Outcome: "unauthorized", Status: 401,
			Cause: "send a key " + long, Omitted: 12345, Client: "203.0.113.7"},
	}
	for _, outcome := range []string{"accepted", "skipped", "unavailable", "handshake"} {
		all = append(all, deliverylog.Record{ID: everhook.NewDeliveryID(time.Now()), Flow: "stock", Outcome: outcome,
			Status: map[string]int{"unavailable": 503}[outcome], ReplayOf: deliveryA})
	}
	o := busyServer().options()
	o.Deliveries = &records{all: all}
	waits := inbox.Row{ID: 4, Flow: strings.Repeat("k", 63), Version: 7, Run: runA, ReceivedAt: time.Now(), Bytes: 2000}
	dead := waits
	dead.ID, dead.DeadAt, dead.Reason = 5, time.Now(), "the run cannot be started: "+long
	other := dead
	other.ID = 6
	o.Inbox = &box{rows: []inbox.Row{waits, dead, other}}
	return o
}

func TestDeliveriesAreShown(t *testing.T) {
	t.Parallel()
	o := busyDeliveries()
	page := open(o, "/deliveries?flow=orders&outcome=refused&text=order.id%3D7&after=1h").Body.String()
	for _, text := range []string{"/deliveries/" + deliveryA, "unauthorized", "send a key", "and 12345 more like it",
		"/runs/" + string(runA) + "?flow=orders", "duplicate", "order.id", "/inbox?dead"} {
		require.Contains(t, page, text)
	}
	asked := o.Deliveries.(*records).asked
	require.Equal(t, []string{"orders"}, asked.Flows)
	require.Contains(t, asked.Outcomes, "unauthorized")
	require.NotContains(t, asked.Outcomes, "accepted")
	require.Equal(t, "order.id", asked.Field)
	require.Equal(t, "7", asked.Value)
	require.WithinDuration(t, time.Now().Add(-time.Hour), asked.After, time.Minute)
	for _, wrong := range []string{"?outcome=lost", "?flow=A+B", "?after=soon", "?below=x", "?text=a..b%3D1"} {
		require.Equal(t, http.StatusBadRequest, open(o, "/deliveries"+wrong).Code, wrong)
	}

	page = open(o, "/deliveries/"+deliveryA).Body.String()
	for _, text := range []string{"Secrets in it were replaced", "only the beginning is on record", "application/json",
		"version 3, which took it", "2001:db8::7", "valid"} {
		require.Contains(t, page, text)
	}
	page = open(o, "/deliveries/"+deliveryB).Body.String()
	require.Contains(t, page, "The request is not on record")
	require.NotContains(t, page, "<form", "there is nothing to replay")
	require.Equal(t, http.StatusNotFound, open(o, "/deliveries/"+everhook.NewDeliveryID(time.Now())).Code)
	require.Equal(t, http.StatusNotFound, open(o, "/deliveries/x").Code)
}

// submitted is the answer to a form.
type submitted struct {
	status   int
	location string
}

// submit posts a form of a page to the admin address.
func submit(t *testing.T, o admin.Options, path string, form url.Values, headers ...string) submitted {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, serve(t, o)+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return submitted{response.StatusCode, response.Header.Get("Location")}
}

func TestADeliveryIsReplayedFromItsPage(t *testing.T) {
	t.Parallel()
	o := busyDeliveries()
	all := o.Deliveries.(*records)
	path := "/deliveries/" + deliveryA + "/replay"
	response := submit(t, o, path, url.Values{"once": {"a"}, "version": {"current"}})
	require.Equal(t, http.StatusSeeOther, response.status)
	require.Equal(t, "/runs/"+string(runA)+"?flow=orders", response.location)
	require.Equal(t, api.ReplayRequest{Current: true}, all.replayed)
	require.Equal(t, "page a", all.key, "a form that is sent twice is one replay")
	submit(t, o, path, url.Values{"version": {"2"}})
	require.Equal(t, api.ReplayRequest{Version: 2}, all.replayed)
	require.Equal(t, http.StatusBadRequest, submit(t, o, path, url.Values{"version": {"x"}}).status)
	require.Equal(t, http.StatusForbidden, submit(t, o, path, nil, "Sec-Fetch-Site", "cross-site").status,
		"another site cannot replay")
	all.err = runs.Refusef("the run goes on")
	require.Equal(t, http.StatusConflict, submit(t, o, path, nil).status)

	viewer := access.Actor{ID: "v", Role: access.Viewer}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, path, nil)
	console.New(o).ServeHTTP(w, r.WithContext(access.With(r.Context(), viewer)))
	require.Equal(t, http.StatusForbidden, w.Code)
}

func TestTheInboxIsShownAndChanged(t *testing.T) {
	t.Parallel()
	o := busyDeliveries()
	page := open(o, "/inbox").Body.String()
	require.Contains(t, page, "v7")
	require.NotContains(t, page, "<form")
	page = open(o, "/inbox?dead").Body.String()
	require.Contains(t, page, "the run cannot be started")
	require.Contains(t, page, `action="/inbox/5/retry"`)
	letters := o.Inbox.(*box)
	for _, how := range []string{"retry", "drop"} {
		response := submit(t, o, "/inbox/5/"+how, nil)
		require.Equal(t, http.StatusSeeOther, response.status)
		require.Equal(t, "/inbox?dead", response.location)
		require.Equal(t, how, letters.changed)
	}
	require.Equal(t, http.StatusNotFound, submit(t, o, "/inbox/4/drop", nil).status)
	require.Equal(t, http.StatusNotFound, submit(t, o, "/inbox/x/drop", nil).status)
	require.Equal(t, http.StatusForbidden, submit(t, o, "/inbox/5/drop", nil, "Sec-Fetch-Site",
		"cross-site").status)
	o.Inbox = nil
	require.Equal(t, http.StatusNotFound, open(o, "/inbox").Code)
	require.NotContains(t, open(o, "/deliveries").Body.String(), "/inbox")
}
