package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/receiver"
)

// listedDeliveries is how many deliveries a page has.
const listedDeliveries = 50

// deliveriesView is a table of deliveries.
type deliveriesView struct {
	Rows   []deliveryRow
	Filter api.DeliveryFilter
	// Since and Until are the bounds of the filter as form fields show them.
	Since, Until string
	// Older is the address of the next page; empty on the last one.
	Older string
	// Inbox is set if this process has the deliveries that wait.
	Inbox bool
	Now   time.Time
	// Problem is the reason why there is no list.
	Problem string
}

// Filtered reports whether the list has a filter.
func (v deliveriesView) Filtered() bool { return v.Filter != api.DeliveryFilter{} }

// Taken and Refused are the outcomes by which the list can be filtered.
func (deliveriesView) Taken() []receiver.Reason {
	taken, _ := receiver.Reasons()
	return taken
}

// Refused is described at Taken.
func (deliveriesView) Refused() []receiver.Reason {
	_, refused := receiver.Reasons()
	return refused
}

// Recent are links to what is looked for most.
func (v deliveriesView) Recent() []link {
	var links []link
	for _, l := range []struct{ text, outcome, after string }{
		{"Refused, last hour", api.Refused, "1h"}, {"Refused, last day", api.Refused, "24h"}, {"Last hour", "", "1h"},
	} {
		f := api.DeliveryFilter{Flow: v.Filter.Flow, Outcome: l.outcome, After: l.after}
		links = append(links, link{l.text, deliveriesPath(f, "")})
	}
	return links
}

// deliveriesPath is the address of a list of deliveries, of those below an ID.
func deliveriesPath(f api.DeliveryFilter, below string) string {
	query := url.Values{}
	for name, value := range map[string]string{"flow": f.Flow, "outcome": f.Outcome, "text": f.Text, "after": f.After,
		"before": f.Before, "below": below} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return "/deliveries"
	}
	return "/deliveries?" + query.Encode()
}

// deliveryRow is a delivery on a page.
type deliveryRow struct {
	api.Delivery
	Now time.Time
}

// Tone is the style of its outcome.
func (d deliveryRow) Tone() string {
	switch reason := receiver.Reason(d.Outcome); {
	case reason == receiver.Skipped || reason == receiver.Handshaken:
		return string(everhook.Cancelled)
	case reason.Taken():
		return string(everhook.Resolved)
	case d.Status >= http.StatusInternalServerError:
		return string(everhook.Errored)
	default:
		return string(everhook.Failed)
	}
}

// Clock is when it was received, to the second, with the day if that is not today.
func (d deliveryRow) Clock() string {
	text, _, _ := strings.Cut(clock(d.ReceivedAt, d.Now), ".")
	return text
}

// Took is how long its caller waited.
func (d deliveryRow) Took() string { return lasted(time.Duration(d.Micros) * time.Microsecond) }

// Size is that of its body.
func (d deliveryRow) Size() string { return everhook.Size(d.Bytes).String() }

// RunPath is the page of its run; empty without one.
func (d deliveryRow) RunPath() string {
	if d.Run == "" {
		return ""
	}
	return runPath(runs.Summary{Flow: d.Flow, ID: d.Run})
}

// deliveries lists deliveries, page by page.
func (c *console) deliveries(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	shown, filter, err := api.ParseDeliveries(query)
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "These deliveries cannot be listed", err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	filter.Limit = listedDeliveries
	view := deliveriesView{Filter: shown, Since: field(filter.After), Until: field(filter.Before), Now: time.Now(),
		Inbox: c.mayInbox(r)}
	records, err := c.options.Deliveries.List(ctx, filter)
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the deliveries could not be listed", "error", err)
		view.Problem = err.Error()
	}
	for i := range records {
		view.Rows = append(view.Rows, deliveryRow{api.DeliveryOf(&records[i]), view.Now})
	}
	if len(records) == filter.Limit {
		shown.After, shown.Before = bound(filter.After), bound(filter.Before)
		view.Older = deliveriesPath(shown, records[len(records)-1].ID)
	}
	p := c.page(r, "Deliveries", view)
	p.Live = filter.Below == ""
	c.show(w, r, http.StatusOK, "deliveries", p)
}

// deliveryView is one delivery.
type deliveryView struct {
	deliveryRow
	Request *api.DeliveryRequest
	// MayReplay is set if the actor may replay it; Once makes a form that is sent twice one replay.
	MayReplay bool
	Once      string
	// Current is the enabled version of its flow; 0: there is none.
	Current int
}

// Headers are the names of the headers of the request, sorted.
func (v deliveryView) Headers() []string { return everhook.SortedKeys(v.Request.Headers) }

const notOnRecord = "There is no such delivery on record, or it is kept no longer."

func (c *console) delivery(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	record, err := c.options.Deliveries.Get(ctx, r.PathValue("id"))
	switch {
	case errors.Is(err, deliverylog.ErrNoRecord):
		c.refuse(w, r, http.StatusNotFound, "No such delivery", notOnRecord)
		return
	case err != nil:
		c.refuse(w, r, http.StatusServiceUnavailable, "This delivery cannot be read", err.Error())
		return
	}
	view := deliveryView{deliveryRow: deliveryRow{api.DeliveryOf(record), time.Now()},
		Request: api.RequestOf(record.Request), Once: rand.Text(),
		MayReplay: access.From(r.Context()).May(access.Operator) && record.Node == "" &&
			(record.Request != nil || record.Run != "")}
	if flows, err := c.options.Flows.Flows(ctx); err == nil {
		if i := slices.IndexFunc(flows, func(f api.Flow) bool { return f.Key == record.Flow }); i >= 0 {
			view.Current = flows[i].Version
		}
	}
	c.show(w, r, http.StatusOK, "delivery", c.page(r, record.Flow+" · delivery", view))
}

// replayTimeout bounds a replay from a page.
const replayTimeout = 30 * time.Second

// replay starts a run with a delivery, and leads to the page of the run.
func (c *console) replay(w http.ResponseWriter, r *http.Request) {
	if !c.permits(w, r, access.Operator, false) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), replayTimeout)
	defer cancel()
	id := r.PathValue("id")
	var wanted api.ReplayRequest
	switch version := r.PostFormValue("version"); version {
	case "", "same":
	case "current":
		wanted.Current = true
	default:
		number, err := strconv.Atoi(version)
		if err != nil || number < 1 {
			c.refuse(w, r, http.StatusBadRequest, "Not replayed", fmt.Sprintf("%q is not the number of a version",
				everhook.Shorten(version, 40)))
			return
		}
		wanted.Version = number
	}
	once := r.PostFormValue("once")
	if once == "" {
		once = rand.Text()
	}
	replayed, err := c.options.Deliveries.Replay(ctx, id, wanted, []byte("page "+everhook.Shorten(once, 100)))
	refusal, refused := errors.AsType[*runs.Refusal](err)
	switch {
	case err == nil:
		http.Redirect(w, r, runPath(runs.Summary{Flow: replayed.Flow, ID: replayed.ID}), http.StatusSeeOther)
	case refused:
		c.refuse(w, r, http.StatusConflict, "Not replayed", refusal.Error())
	case errors.Is(err, deliverylog.ErrNoRecord):
		c.refuse(w, r, http.StatusNotFound, "Not replayed", notOnRecord)
	default:
		c.refuse(w, r, http.StatusServiceUnavailable, "Not replayed", err.Error())
	}
}

// permits refuses an actor without a role, with a page.
func (c *console) permits(w http.ResponseWriter, r *http.Request, needed access.Role, everywhere bool) bool {
	require := access.Require
	if everywhere {
		require = access.RequireEverywhere
	}
	if err := require(r.Context(), needed); err != nil {
		c.refuse(w, r, http.StatusForbidden, "You may not do this", err.Error())
		return false
	}
	return true
}
