package deliverylog_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/store/storetest"
)

// opener opens a log: several of one place stand for several processes.
type opener func(t *testing.T, o deliverylog.Options) *deliverylog.Log

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, open opener)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "deliveries.db")
		test(t, func(t *testing.T, o deliverylog.Options) *deliverylog.Log { return file(t, path, o) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		at := storetest.Place(storetest.Postgres(t))
		test(t, func(t *testing.T, o deliverylog.Options) *deliverylog.Log {
			log := deliverylog.OpenShared(at.Open(t).Postgres(), strict(t, o))
			t.Cleanup(func() { require.NoError(t, log.Close()) })
			return log
		})
	})
}

func file(t *testing.T, path string, o deliverylog.Options) *deliverylog.Log {
	t.Helper()
	log, err := deliverylog.OpenFile(t.Context(), path, strict(t, o))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// strict fails the test when a write fails, unless the options say otherwise.
func strict(t *testing.T, o deliverylog.Options) deliverylog.Options {
	if o.Failed == nil {
		o.Failed = func(err error, lost int) { t.Errorf("%v, %d lost", err, lost) }
	}
	return o
}

// start is when the records of tests begin. It is not long ago, so that they are kept.
var start = time.Now().Add(-time.Hour).Truncate(time.Second)

// made returns a record of a second after start.
func made(second int, flow, outcome string) *deliverylog.Record {
	return &deliverylog.Record{ID: everhook.NewDeliveryID(start.Add(time.Duration(second) * time.Second)), Flow: flow,
		Version: 3, Outcome: outcome, Status: 202, Bytes: 12, Duration: 1500 * time.Microsecond,
		Run: everhook.NewRunID(), Client: "203.0.113.7"}
}

func add(t *testing.T, log *deliverylog.Log, records ...*deliverylog.Record) {
	t.Helper()
	for _, r := range records {
		log.Add(r)
	}
	require.NoError(t, log.Flush(t.Context()))
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{})
		r := made(0, "orders", "unauthorized")
		r.Cause, r.Node, r.Duplicate, r.Caller = "no \x00 such key", "wait", true, "shop"
		r.Signature = deliverylog.Invalid
		r.ReplayOf = everhook.NewDeliveryID(start)
		r.Fields = []deliverylog.Field{{Name: "order.id", Value: "7"}, {Name: "order.id", Value: "8"}}
		r.Request = &deliverylog.Request{Method: "POST", Query: "a=1", Headers: map[string]string{"x-id": "5"},
			Body: []byte("{\"order\":\x00\xff")}
		add(t, log, r)
		got, err := log.Get(t.Context(), r.ID)
		require.NoError(t, err)
		want := *r
		want.Cause, want.HasRequest = "no \uFFFD such key", true
		require.Equal(t, &want, got)
		require.Equal(t, start.UTC(), got.ReceivedAt())
		require.True(t, got.Request.Whole())
		_, err = log.Get(t.Context(), everhook.NewDeliveryID(start))
		require.ErrorIs(t, err, deliverylog.ErrNoRecord)
		total, err := log.Total(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, total.Records)
	})
}

func TestBodiesAreCutAndNeverWholeThen(t *testing.T) {
	t.Parallel()
	log := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{})
	r := made(0, "orders", "accepted")
	r.Request = &deliverylog.Request{Method: "POST", Body: []byte(strings.Repeat("ab", deliverylog.MaxBody))}
	add(t, log, r)
	got, err := log.Get(t.Context(), r.ID)
	require.NoError(t, err)
	require.Len(t, got.Request.Body, deliverylog.MaxBody)
	require.False(t, got.Request.Whole())
}

// TestSearchesFindWhatTheySay compares searches with a loop over all records.
func TestSearchesFindWhatTheySay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{})
		var all []*deliverylog.Record
		flows, outcomes := []string{"a", "b", "c"}, []string{"accepted", "skipped", "unauthorized", "invalid"}
		for i := range 600 {
			r := made(i/3, flows[rand.IntN(3)], outcomes[rand.IntN(4)])
			if rand.IntN(2) == 0 {
				r.Fields = []deliverylog.Field{{Name: "order.id", Value: fmt.Sprint(rand.IntN(30))},
					{Name: "mail", Value: fmt.Sprint(rand.IntN(20), "@example.com")}}
			}
			all = append(all, r)
		}
		add(t, log, all...)
		slices.SortFunc(all, func(a, b *deliverylog.Record) int { return strings.Compare(b.ID, a.ID) })
		for i := range 150 {
			f := randomFilter(all)
			var want []string
			for _, r := range all {
				if selects(f, r) {
					want = append(want, r.ID)
				}
			}
			require.Equal(t, want, pages(t, log, f), "search %d: %+v", i, f)
		}
		names, err := log.Fields(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{"mail", "order.id"}, names)
	})
}

// pages reads all pages of a search.
func pages(t *testing.T, log *deliverylog.Log, f deliverylog.Filter) (ids []string) {
	t.Helper()
	for {
		page, err := log.List(t.Context(), f)
		require.NoError(t, err)
		for _, r := range page {
			ids = append(ids, r.ID)
		}
		if len(page) < f.Limit {
			return ids
		}
		f.Below = page[len(page)-1].ID
	}
}

func randomFilter(all []*deliverylog.Record) deliverylog.Filter {
	f := deliverylog.Filter{Limit: 1 + rand.IntN(60)}
	chance := func(set func()) {
		if rand.IntN(2) == 0 {
			set()
		}
	}
	chance(func() { f.Flows = [][]string{{"a"}, {"b", "c"}, {"unknown"}, {}}[rand.IntN(4)] })
	chance(func() { f.Outcomes = [][]string{{"skipped"}, {"unauthorized", "invalid"}, {"unknown"}}[rand.IntN(3)] })
	chance(func() { f.After = start.Add(time.Duration(rand.IntN(200)) * time.Second) })
	chance(func() { f.Before = start.Add(time.Duration(rand.IntN(200)) * time.Second) })
	switch rand.IntN(6) {
	case 0:
		f.Run = string(all[rand.IntN(len(all))].Run)
	case 1:
		f.Field, f.Value = "order.id", fmt.Sprint(rand.IntN(30))
	case 2:
		f.Field, f.Value = "mail", fmt.Sprint(rand.IntN(3))+"*"
	case 3:
		f.Value = fmt.Sprint(rand.IntN(20), "@example.com")
	}
	return f
}

// selects says what List has to select.
func selects(f deliverylog.Filter, r *deliverylog.Record) bool {
	value := f.Value == "" || f.Run != "" || slices.ContainsFunc(r.Fields, func(field deliverylog.Field) bool {
		begins, isStart := strings.CutSuffix(f.Value, "*")
		return (f.Field == "" || f.Field == field.Name) &&
			(field.Value == f.Value || isStart && strings.HasPrefix(field.Value, begins))
	})
	return (f.Flows == nil || slices.Contains(f.Flows, r.Flow)) &&
		(f.Outcomes == nil || slices.Contains(f.Outcomes, r.Outcome)) &&
		(f.After.IsZero() || !r.ReceivedAt().Before(f.After)) &&
		(f.Before.IsZero() || r.ReceivedAt().Before(f.Before)) &&
		(f.Run == "" || f.Run == string(r.Run)) && value
}

func TestRefusedDeliveriesAreSampledAndCounted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{})
		const sent = 500
		for range sent {
			log.Sample(made(0, "orders", "unauthorized"))
		}
		log.Sample(made(0, "orders", "invalid"))
		log.Sample(made(0, "other", "unauthorized"))
		require.NoError(t, log.Flush(t.Context()))
		count := func(f deliverylog.Filter) (records, deliveries int) {
			all, err := log.List(t.Context(), f)
			require.NoError(t, err)
			for _, r := range all {
				records, deliveries = records+1, deliveries+1+r.Omitted
			}
			return records, deliveries
		}
		require.Eventually(t, func() bool {
			records, deliveries := count(deliverylog.Filter{Flows: []string{"orders"},
				Outcomes: []string{"unauthorized"}})
			return deliveries == sent && records >= 10 && records <= 40
		}, time.Minute, 10*time.Millisecond, "all are counted")
		records, _ := count(deliverylog.Filter{Outcomes: []string{"invalid"}})
		require.Equal(t, 1, records)
		records, _ = count(deliverylog.Filter{Flows: []string{"other"}})
		require.Equal(t, 1, records)
	})
}

func TestRecordsAreKeptByAgeAndBySize(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{Keep: time.Hour, MaxBytes: 1 << 20})
		old, recent := made(-7200, "orders", "accepted"), made(1800, "orders", "accepted")
		old.Fields = []deliverylog.Field{{Name: "order.id", Value: "old"}}
		old.Request = &deliverylog.Request{Method: "POST"}
		add(t, log, old, recent)
		require.NoError(t, log.Sweep(t.Context()))
		require.Equal(t, []string{recent.ID}, pages(t, log, deliverylog.Filter{Limit: 10}))
		require.Empty(t, pages(t, log, deliverylog.Filter{Value: "old", Limit: 10}))
		_, err := log.Get(t.Context(), old.ID)
		require.ErrorIs(t, err, deliverylog.ErrNoRecord)

		var last *deliverylog.Record
		for i := range 2500 {
			last = made(1900+i/10, "orders", "accepted")
			last.Cause = strings.Repeat("x", 400)
			log.Add(last)
		}
		require.NoError(t, log.Flush(t.Context()))
		require.NoError(t, log.Sweep(t.Context()))
		total, err := log.Total(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, total.Bytes, int64(1<<20))
		left := pages(t, log, deliverylog.Filter{Limit: 1000})
		require.Len(t, left, int(total.Records))
		require.NotEmpty(t, left)
		newest, _ := everhook.DeliveryTime(left[0])
		require.Equal(t, last.ReceivedAt(), newest, "the newest stay")
	})
}

func TestDeletedRecordsLeaveNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		log := open(t, deliverylog.Options{})
		gone, stays := made(0, "orders", "accepted"), made(1, "orders", "accepted")
		for _, r := range []*deliverylog.Record{gone, stays} {
			r.Fields = []deliverylog.Field{{Name: "mail", Value: "ann@example.com"}}
			r.Request = &deliverylog.Request{Method: "POST", Body: []byte(r.ID)}
		}
		add(t, log, gone, stays)
		n, err := log.Delete(t.Context(), []string{gone.ID, everhook.NewDeliveryID(start)})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, []string{stays.ID}, pages(t, log, deliverylog.Filter{Value: "ann@example.com", Limit: 10}))
		total, err := log.Total(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, total.Records)
	})
}

func TestProcessesShareALog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open opener) {
		first, second := open(t, deliverylog.Options{}), open(t, deliverylog.Options{})
		for i := range 2000 {
			first.Add(made(i, "a", "accepted"))
			second.Add(made(i, "b", "accepted"))
		}
		require.NoError(t, first.Flush(t.Context()))
		require.NoError(t, second.Flush(t.Context()))
		total, err := first.Total(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 4000, total.Records)
		page, err := second.List(t.Context(), deliverylog.Filter{Flows: []string{"a"}, Limit: 5})
		require.NoError(t, err)
		require.Len(t, page, 5)
	})
}

func TestALogThatIsFullLosesRecordsAndSaysSo(t *testing.T) {
	t.Parallel()
	var lost atomic.Int64
	log := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{
		Redact: func(text string) string { return text },
		Failed: func(_ error, n int) { lost.Add(int64(n)) }})
	const sent = 400
	for range sent {
		r := made(0, "orders", "accepted")
		r.Request = &deliverylog.Request{Method: "POST", Body: make([]byte, deliverylog.MaxBody)}
		log.Add(r)
	}
	require.NoError(t, log.Flush(t.Context()))
	log.Add(made(1, "orders", "accepted"))
	require.NoError(t, log.Flush(t.Context()))
	total, err := log.Total(t.Context())
	require.NoError(t, err)
	require.Positive(t, lost.Load())
	require.EqualValues(t, sent+1, total.Records+lost.Load())
}

func TestAnotherDatabaseIsNoDeliveryLog(t *testing.T) {
	t.Parallel()
	place := storetest.Place(filepath.Join(t.TempDir(), "everhook.db"))
	place.Open(t)
	_, err := deliverylog.OpenFile(t.Context(), string(place), deliverylog.Options{})
	require.ErrorContains(t, err, "not a delivery log")
}

func TestASearchThatWouldReadTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	log := file(t, filepath.Join(t.TempDir(), "log.db"), deliverylog.Options{})
	for i := range deliverylog.MaxBegun + 1 {
		r := made(i/100, "a", "accepted")
		r.Fields = []deliverylog.Field{{Name: "id", Value: fmt.Sprintf("order-%d", i)}}
		log.Add(r)
		if i%10_000 == 0 {
			require.NoError(t, log.Flush(t.Context()))
		}
	}
	require.NoError(t, log.Flush(t.Context()))
	_, err := log.List(t.Context(), deliverylog.Filter{Value: "order-*"})
	require.ErrorIs(t, err, deliverylog.ErrBroad)
	page, err := log.List(t.Context(), deliverylog.Filter{Value: "order-2*", Limit: 5})
	require.NoError(t, err)
	require.Len(t, page, 5)
}
