package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/inbox"
)

// inboxView are deliveries that wait to be started, or that cannot be started.
type inboxView struct {
	Rows []inboxRow
	Dead bool
	Flow string
	// MayChange is set if the actor may start dead letters again and drop them.
	MayChange bool
	// More is the address of the next page; empty on the last one.
	More string
	Now  time.Time
	// Problem is the reason why there is no list.
	Problem string
}

// inboxRow is a delivery in the inbox.
type inboxRow struct {
	inbox.Row
	Now time.Time
}

// Clock is when it was received, with the day if that is not today.
func (r inboxRow) Clock() string {
	text, _, _ := strings.Cut(clock(r.ReceivedAt, r.Now), ".")
	return text
}

// Size is how many bytes it has.
func (r inboxRow) Size() string { return everhook.Size(r.Bytes).String() }

// mayInbox reports whether this process has an inbox that the actor may see.
func (c *console) mayInbox(r *http.Request) bool {
	return c.options.Inbox != nil && access.From(r.Context()).MayEverywhere(access.Viewer)
}

// inbox lists deliveries that wait, the oldest first.
func (c *console) inbox(w http.ResponseWriter, r *http.Request) {
	if !c.permits(w, r, access.Viewer, true) || !c.hasInbox(w, r) {
		return
	}
	query := r.URL.Query()
	view := inboxView{Dead: query.Has("dead"), Flow: query.Get("flow"), Now: time.Now(),
		MayChange: access.From(r.Context()).MayEverywhere(access.Operator)}
	after, err := strconv.ParseInt(query.Get("page"), 10, 64)
	if query.Has("page") && (err != nil || after < 0) || view.Flow != "" && !everhook.IsFlowKey(view.Flow) {
		c.refuse(w, r, http.StatusBadRequest, "These deliveries cannot be listed", "This page does not exist.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	rows, err := c.options.Inbox.List(ctx, inbox.Filter{Flow: view.Flow, Dead: view.Dead, After: after,
		Limit: listedDeliveries})
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the inbox could not be listed", "error", err)
		view.Problem = err.Error()
	}
	for _, row := range rows {
		view.Rows = append(view.Rows, inboxRow{row, view.Now})
	}
	if len(rows) == listedDeliveries {
		next := url.Values{"page": {strconv.FormatInt(rows[len(rows)-1].ID, 10)}}
		if view.Flow != "" {
			next.Set("flow", view.Flow)
		}
		if view.Dead {
			next.Set("dead", "")
		}
		view.More = "/inbox?" + next.Encode()
	}
	p := c.page(r, "Inbox", view)
	p.Live = after == 0
	c.show(w, r, http.StatusOK, "inbox", p)
}

func (c *console) hasInbox(w http.ResponseWriter, r *http.Request) bool {
	if c.options.Inbox == nil {
		c.refuse(w, r, http.StatusNotFound, "No inbox here", "This process has no inbox; look at one with the role "+
			"receiver.")
		return false
	}
	return true
}

func (c *console) retryDead(w http.ResponseWriter, r *http.Request) {
	c.changeDead(w, r, "a dead letter is started again", api.Inbox.Revive)
}

func (c *console) dropDead(w http.ResponseWriter, r *http.Request) {
	c.changeDead(w, r, "a dead letter is deleted", api.Inbox.Drop)
}

// changeDead changes a dead letter, and leads back to their list.
func (c *console) changeDead(w http.ResponseWriter, r *http.Request, done string,
	change func(api.Inbox, context.Context, int64) (inbox.Row, error)) {
	if !c.permits(w, r, access.Operator, true) || !c.hasInbox(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		err = inbox.ErrNoRow
	}
	var row inbox.Row
	if err == nil {
		row, err = change(c.options.Inbox, ctx, id)
	}
	switch {
	case err == nil:
		c.options.Logger.InfoContext(ctx, done, "flow", row.Flow, "run", row.Run, "id", id)
		http.Redirect(w, r, "/inbox?dead", http.StatusSeeOther)
	case errors.Is(err, inbox.ErrNoRow):
		c.refuse(w, r, http.StatusNotFound, "No such dead letter", "It was started again or deleted in the meantime.")
	default:
		c.refuse(w, r, http.StatusServiceUnavailable, "The dead letter is as it was", err.Error())
	}
}
