package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// AuditEntry is a line of the audit trail.
type AuditEntry struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"`
	// Actor is the ID of the actor, ActorName its name at that time.
	Actor     string `json:"actor"`
	ActorName string `json:"actorName,omitempty"`
	// Address is the client address; empty for changes by the server itself.
	Address string `json:"address,omitempty"`
	// Action is a verb, Object the kind of what was changed, and Name which one.
	Action string         `json:"action"`
	Object string         `json:"object"`
	Name   string         `json:"name,omitempty"`
	Detail map[string]any `json:"detail,omitempty"`
}

// AuditList is a page of the audit trail, the newest first.
type AuditList struct {
	Entries []AuditEntry `json:"entries"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

type listAuditInput struct {
	Actor  string `query:"actor" maxLength:"200" doc:"Only changes by this actor, by its ID."`
	Action string `query:"action" maxLength:"50" doc:"Only these changes, such as enable."`
	Object string `query:"object" maxLength:"50" doc:"Only changes of this kind of thing, such as flow."`
	Name   string `query:"name" maxLength:"200" doc:"Only changes of the thing with this name."`
	After  string `query:"after" doc:"Only changes then or later: a time as RFC 3339, or how long ago it was, such as 7d."`
	Before string `query:"before" doc:"Only changes before: see after."`
	Paging
	since, until time.Time
}

// Resolve reads the times.
func (in *listAuditInput) Resolve(huma.Context) []error {
	var errs []error
	now := time.Now()
	for _, bound := range []struct {
		name, text string
		at         *time.Time
	}{{"after", in.After, &in.since}, {"before", in.Before, &in.until}} {
		var err error
		if *bound.at, err = parseTime("/query/"+bound.name, bound.text, now); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func listAudit(s *service) {
	add(s, operation{id: "list-audit", method: http.MethodGet, path: "/api/v1/audit", tag: tagAudit,
		role: access.Admin, everywhere: true, summary: "Read the audit trail"},
		func(ctx context.Context, in *listAuditInput) (*reply[AuditList], error) {
			cursor := cursorOf("audit", in.Actor, in.Action, in.Object, in.Name, in.After, in.Before)
			place, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			before, _ := strconv.ParseInt(place, 10, 64)
			entries, err := s.Store.Audit(ctx, store.AuditFilter{Actor: in.Actor, Action: in.Action,
				Object: in.Object, Name: in.Name, Since: in.since, Until: in.until, Before: before,
				Limit: in.limit() + 1})
			if err != nil {
				return nil, err
			}
			list := AuditList{Entries: []AuditEntry{}}
			for _, e := range entries[:min(len(entries), in.limit())] {
				list.Entries = append(list.Entries, AuditEntry{ID: e.ID, At: e.At, Actor: e.Actor,
					ActorName: e.ActorName, Address: e.Address, Action: e.Action, Object: e.Object, Name: e.Name,
					Detail: e.Detail})
			}
			if len(entries) > in.limit() {
				list.Next = cursor.page(strconv.FormatInt(list.Entries[in.limit()-1].ID, 10))
			}
			return answer(list), nil
		})
}
