package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/inbox"
)

// Inbox keeps accepted deliveries whose runs are not started yet; an inbox.Box implements it. Its methods return
// inbox.ErrNoRow for a delivery that it does not have.
//
// They return inbox.ErrInUse while another process has the inbox.
type Inbox interface {
	// List returns a page, the oldest first.
	List(ctx context.Context, filter inbox.Filter) ([]inbox.Row, error)
	// Row returns a delivery that waits, or a dead letter.
	Row(ctx context.Context, id int64) (inbox.Row, error)
	// Revive lets a dead letter be started again.
	Revive(ctx context.Context, id int64) (inbox.Row, error)
	// Drop deletes a dead letter.
	Drop(ctx context.Context, id int64) (inbox.Row, error)
}

// WaitingDelivery is an accepted delivery whose run is not started yet.
type WaitingDelivery struct {
	ID         int64          `json:"id"`
	Flow       string         `json:"flow"`
	Version    int            `json:"version"`
	Run        everhook.RunID `json:"run" doc:"The ID that the run will have."`
	ReceivedAt time.Time      `json:"receivedAt"`
	Bytes      int            `json:"bytes"`
	// DeadAt and Reason are those of a dead letter.
	DeadAt *time.Time `json:"deadAt,omitempty" doc:"When it became a dead letter."`
	Reason string     `json:"reason,omitempty" doc:"Why it cannot be started."`
}

// WaitingDeliveries is a page of them, the oldest first.
type WaitingDeliveries struct {
	Deliveries []WaitingDelivery `json:"deliveries"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

func waiting(row inbox.Row) WaitingDelivery {
	d := WaitingDelivery{ID: row.ID, Flow: row.Flow, Version: row.Version, Run: row.Run,
		ReceivedAt: row.ReceivedAt.UTC(), Bytes: row.Bytes, Reason: row.Reason}
	if !row.DeadAt.IsZero() {
		dead := row.DeadAt.UTC()
		d.DeadAt = &dead
	}
	return d
}

type listInboxInput struct {
	Flow string `query:"flow" maxLength:"200" doc:"Only deliveries to the flow with this key."`
	Dead bool   `query:"dead" doc:"The dead letters: deliveries that cannot be started. Default: those that wait."`
	Paging
}

func listInbox(s *service) {
	add(s, operation{id: "list-inbox", method: http.MethodGet, path: "/api/v1/inbox", tag: tagInbox,
		role: access.Viewer, everywhere: true, summary: "List deliveries that wait to be started",
		description: "Deliveries to async flows wait while Temporal is busy or away."},
		func(ctx context.Context, in *listInboxInput) (*reply[WaitingDeliveries], error) {
			if s.Inbox == nil {
				return nil, noInbox()
			}
			cursor := cursorOf("inbox", in.Flow, strconv.FormatBool(in.Dead))
			place, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			after, _ := strconv.ParseInt(place, 10, 64)
			rows, err := s.Inbox.List(ctx, inbox.Filter{Flow: in.Flow, Dead: in.Dead, After: after, Limit: in.limit()})
			if err != nil {
				return nil, inboxError(err, "")
			}
			list := WaitingDeliveries{Deliveries: []WaitingDelivery{}}
			for _, row := range rows {
				list.Deliveries = append(list.Deliveries, waiting(row))
			}
			if len(rows) == in.limit() {
				list.Next = cursor.page(strconv.FormatInt(rows[len(rows)-1].ID, 10))
			}
			return answer(list), nil
		})
}

type waitingInput struct {
	ID int64 `path:"id" doc:"The ID of the delivery."`
}

func getWaiting(s *service) {
	add(s, operation{id: "get-waiting-delivery", method: http.MethodGet, path: "/api/v1/inbox/{id}", tag: tagInbox,
		role: access.Viewer, everywhere: true, summary: "Get a delivery that waits to be started, or a dead letter"},
		func(ctx context.Context, in *waitingInput) (*reply[WaitingDelivery], error) {
			if s.Inbox == nil {
				return nil, noInbox()
			}
			row, err := s.Inbox.Row(ctx, in.ID)
			if err != nil {
				return nil, inboxError(err, fmt.Sprintf("no delivery %d waits", in.ID))
			}
			return answer(waiting(row)), nil
		})
}

type deadLetterInput struct {
	ID int64 `path:"id" doc:"The ID of the delivery."`
}

func retryDelivery(s *service) {
	add(s, operation{id: "retry-delivery", method: http.MethodPost, path: "/api/v1/inbox/{id}/retry", tag: tagInbox,
		role: access.Operator, everywhere: true, summary: "Start a dead letter again",
		description: "It waits as the last of its flow."},
		func(ctx context.Context, in *deadLetterInput) (*reply[WaitingDelivery], error) {
			return s.changeDead(ctx, in.ID, "a dead letter is started again", Inbox.Revive)
		})
}

func dropDelivery(s *service) {
	add(s, operation{id: "drop-delivery", method: http.MethodDelete, path: "/api/v1/inbox/{id}", tag: tagInbox,
		role: access.Operator, everywhere: true, summary: "Delete a dead letter",
		description: "Its run is never started. The answer is the deleted delivery."},
		func(ctx context.Context, in *deadLetterInput) (*reply[WaitingDelivery], error) {
			return s.changeDead(ctx, in.ID, "a dead letter is deleted", Inbox.Drop)
		})
}

// changeDead changes a dead letter.
func (s *service) changeDead(ctx context.Context, id int64, done string,
	change func(Inbox, context.Context, int64) (inbox.Row, error)) (*reply[WaitingDelivery], error) {
	if s.Inbox == nil {
		return nil, noInbox()
	}
	row, err := change(s.Inbox, ctx, id)
	if err != nil {
		return nil, inboxError(err, fmt.Sprintf("there is no dead letter %d", id))
	}
	s.Logger.InfoContext(ctx, done, "flow", row.Flow, "run", row.Run, "id", id)
	return answer(waiting(row)), nil
}

// inboxError is the error for a caller. Missing is the message for a delivery that is not there.
func inboxError(err error, missing string) error {
	switch {
	case errors.Is(err, inbox.ErrNoRow):
		return fail(notFound, missing)
	case errors.Is(err, inbox.ErrInUse):
		return fail(notFound, "another process has the inbox of this data directory; ask that one")
	default:
		return err
	}
}

func noInbox() error {
	return fail(notFound, "this process has no inbox; ask one with the role receiver")
}
