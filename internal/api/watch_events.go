package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/live"
)

// Events gives streams of changes; *live.Hub implements it.
type Events interface {
	// Open begins a stream after the event with an ID, see live.Hub.Open.
	Open(actor string, after int64) (*live.Stream, error)
}

type watchEventsInput struct {
	LastEventID string `header:"Last-Event-ID" doc:"The ID of the last event that the client has had."`
}

// pingEvery is the time between two events at most, so that both sides notice a broken connection.
const pingEvery = 15 * time.Second

// sendTimeout bounds the sending of one event.
const sendTimeout = 10 * time.Second

func watchEvents(s *service) {
	add(s, operation{id: "watch-events", method: http.MethodGet, path: "/api/v1/events", tag: tagRuns,
		role: access.Viewer, summary: "Watch changes of runs and flows", media: "text/event-stream",
		description: "Server-sent events. `runs` has the runs that started or ended, as `{\"runs\": […]}`; `flows` " +
			"says that flows have changed; `reset` says that events were lost, so that everything may have changed; " +
			"`ping` says nothing. A change is told within two seconds. A stream that broke goes on after " +
			"`Last-Event-ID`."},
		func(ctx context.Context, in *watchEventsInput) (*huma.StreamResponse, error) {
			// An ID that is none is unknown, as one of another server.
			after, err := strconv.ParseInt(in.LastEventID, 10, 64)
			if in.LastEventID != "" && (err != nil || after <= 0) {
				after = 1
			}
			stream, err := s.Events.Open(access.From(ctx).ID, after)
			if errors.Is(err, live.ErrTooMany) {
				return nil, fail(tooMany, "too many streams are open; close one, or try again later").
					with("Retry-After", "30")
			}
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				defer stream.Close()
				r, w := humago.Unwrap(ctx)
				// The error is that of a client that has gone, or of a server that stops: the connection ends.
				_ = s.stream(r.Context(), stream, &eventWriter{w, http.NewResponseController(w)})
			}}, nil
		})
}

// stream sends events until the client goes, the session ends or the server stops.
func (s *service) stream(ctx context.Context, stream *live.Stream, w *eventWriter) error {
	w.Header().Set("Content-Type", "text/event-stream")
	if err := w.send(stream.At(), "ping", struct{}{}); err != nil {
		return err
	}
	for {
		waiting, cancel := context.WithTimeout(ctx, pingEvery)
		events, err := stream.Next(waiting)
		cancel()
		switch {
		case ctx.Err() != nil || errors.Is(err, live.ErrClosed):
			return err
		case s.Alive != nil && !s.Alive(ctx):
			return nil
		case err != nil:
			if err := w.send(stream.At(), "ping", struct{}{}); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := s.sendEvent(ctx, w, e); err != nil {
				return err
			}
		}
	}
}

func (s *service) sendEvent(ctx context.Context, w *eventWriter, e live.Event) error {
	switch {
	case e.Reset:
		return w.send(e.ID, "reset", struct{}{})
	case e.Flows:
		return w.send(e.ID, "flows", struct{}{})
	}
	visible, err := s.visibleRuns(ctx, e.Runs)
	if err != nil || len(visible) == 0 {
		return err
	}
	return w.send(e.ID, "runs", RunList{Runs: s.summaries(visible)})
}

// eventWriter writes server-sent events.
type eventWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *eventWriter) send(id int64, event string, data any) error {
	text, err := everhook.EncodeJSON(data)
	if err != nil {
		return err
	}
	if err := w.control.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil &&
		!errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", id, event, text); err != nil {
		return err
	}
	return w.control.Flush()
}
