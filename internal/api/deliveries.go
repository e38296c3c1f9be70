package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/receiver"
)

// Deliveries are the deliveries on record.
type Deliveries interface {
	// List returns the records that a filter selects, the newest first.
	List(ctx context.Context, filter deliverylog.Filter) ([]deliverylog.Record, error)
	// Get returns one record with its request; deliverylog.ErrNoRecord if there is none.
	Get(ctx context.Context, id string) (*deliverylog.Record, error)
	// Replay starts a run with a delivery on record, and returns when it is durable. Replays with the same key, which
	// is not empty, are one replay. It returns deliverylog.ErrNoRecord, or a *runs.Refusal with the reason if it is not
	// possible.
	Replay(ctx context.Context, id string, wanted ReplayRequest, key []byte) (runs.Replayed, error)
	// Sample returns the last delivery of a flow that has data; deliverylog.ErrNoRecord if there is none.
	Sample(ctx context.Context, flow string) (*Sample, error)
	// Erase deletes records with a value, see deliverylog.Log.Erase.
	Erase(ctx context.Context, match runs.Match, dry bool, after string) (deliverylog.Erased, error)
}

// Delivery is a delivery on record.
type Delivery struct {
	ID         string         `json:"id"`
	Flow       string         `json:"flow"`
	Version    int            `json:"version,omitempty" doc:"The version of the flow that took it."`
	Node       string         `json:"node,omitempty" doc:"The waiting node that it was for; empty for the trigger."`
	ReceivedAt time.Time      `json:"receivedAt"`
	Outcome    string         `json:"outcome" doc:"One word for how it ended, as in metrics and in the log."`
	Cause      string         `json:"cause,omitempty" doc:"Why it was refused."`
	Status     int            `json:"status,omitempty" doc:"The HTTP status of the reply."`
	Bytes      int            `json:"bytes" doc:"The size of the body."`
	Micros     int64          `json:"micros" doc:"How long the caller waited, in microseconds."`
	Run        everhook.RunID `json:"run,omitempty" doc:"The run that it started, resumed, or is a duplicate for."`
	Duplicate  bool           `json:"duplicate,omitempty" doc:"Another delivery with the same dedupe key started the run."`
	ReplayOf   string         `json:"replayOf,omitempty" doc:"The delivery that was replayed."`
	Client     string         `json:"client,omitempty" doc:"The address of the caller."`
	Caller     string         `json:"caller,omitempty" doc:"The name that the credentials have; of a replay, the person or token."`
	Signature  string         `json:"signature,omitempty" enum:"valid,invalid" doc:"What the check of its signature found."`
	// Fields are the values of trigger.index.
	Fields  []deliverylog.Field `json:"fields,omitempty" doc:"The values of the paths in trigger.index."`
	Omitted int                 `json:"omitted,omitempty" doc:"How many deliveries with this outcome came after it and were not recorded, because there were too many."`
	// Kept is set if its request is on record.
	Kept bool `json:"kept,omitempty" doc:"Its request is on record."`
}

// DeliveryDetail is a delivery with its request.
type DeliveryDetail struct {
	Delivery
	Request *DeliveryRequest `json:"request,omitempty" doc:"What the caller sent, with trigger.record: body."`
}

// DeliveryRequest is what a caller sent, without credentials.
type DeliveryRequest struct {
	Method   string            `json:"method"`
	Query    string            `json:"query,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty" doc:"The body, if it is text."`
	Base64   []byte            `json:"base64,omitempty" doc:"The body, if it is not text."`
	Cut      bool              `json:"cut,omitempty" doc:"The body has more bytes than are kept."`
	Redacted bool              `json:"redacted,omitempty" doc:"Secrets were replaced."`
}

// DeliveryList is a page of deliveries, the newest first.
type DeliveryList struct {
	Deliveries []Delivery `json:"deliveries"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

// DeliveryOf is a record as the API shows it.
func DeliveryOf(r *deliverylog.Record) Delivery {
	return Delivery{ID: r.ID, Flow: r.Flow, Version: r.Version, Node: r.Node, ReceivedAt: r.ReceivedAt(),
		Outcome: r.Outcome, Cause: r.Cause, Status: r.Status, Bytes: r.Bytes, Micros: r.Duration.Microseconds(),
		Run: r.Run, Duplicate: r.Duplicate, ReplayOf: r.ReplayOf, Client: r.Client, Caller: r.Caller,
		Signature: r.Signature, Fields: r.Fields, Omitted: r.Omitted, Kept: r.HasRequest}
}

// RequestOf is a kept request as the API shows it; nil for none.
func RequestOf(q *deliverylog.Request) *DeliveryRequest {
	if q == nil {
		return nil
	}
	shown := &DeliveryRequest{Method: q.Method, Query: q.Query, Headers: q.Headers, Cut: q.Cut, Redacted: q.Redacted}
	// A body that was cut off may end within a character.
	if utf8.Valid(q.Body) || q.Cut && utf8.Valid(q.Body[:max(0, len(q.Body)-utf8.UTFMax)]) {
		shown.Body = strings.ToValidUTF8(string(q.Body), "")
	} else {
		shown.Base64 = q.Body
	}
	return shown
}

// Groups of outcomes by which deliveries can be filtered.
const (
	// Taken are the deliveries that are durable, and those that the flow's own condition left out.
	Taken = "taken"
	// Refused are all others.
	Refused = "refused"
)

// DeliveryFilter are the parameters that select deliveries.
type DeliveryFilter struct {
	Flow    string `query:"flow" json:"flow,omitempty" doc:"Only deliveries to the flow with this key."`
	Outcome string `query:"outcome" json:"outcome,omitempty" doc:"Only deliveries with this outcome, such as accepted or unauthorized; taken or refused for all of that kind."`
	Text    string `query:"text" json:"text,omitempty" maxLength:"1000" doc:"A value of trigger.index (7), one of a certain path (order.id=7), a run ID or a delivery ID. A value that ends with * stands for all that begin so." example:"order.id=7"`
	After   string `query:"after" json:"after,omitempty" doc:"Only deliveries that came then or later: a time as RFC 3339, or how long ago it was, such as 90m or 7d." example:"2026-07-30T12:00:00Z"`
	Before  string `query:"before" json:"before,omitempty" doc:"Only deliveries that came before: see after."`
}

// Resolve refuses a filter that is none, before the operation runs.
func (f *DeliveryFilter) Resolve(huma.Context) []error {
	if _, err := f.Parse("/query", time.Now()); err != nil {
		return []error{err}
	}
	return nil
}

func (f *DeliveryFilter) texts() []string {
	return []string{f.Flow, f.Outcome, f.Text, f.After, f.Before}
}

// Parse returns the filter of the records. Its error is a problem with the pointer of the parameter, below another one.
func (f *DeliveryFilter) Parse(at string, now time.Time) (filter deliverylog.Filter, err error) {
	if f.Flow != "" {
		if !everhook.IsFlowKey(f.Flow) {
			return filter, notFlowKey(at+"/flow", f.Flow)
		}
		filter.Flows = []string{f.Flow}
	}
	if filter.Outcomes, err = outcomes(at+"/outcome", f.Outcome); err != nil {
		return filter, err
	}
	text := strings.TrimSpace(f.Text)
	name, value, named := strings.Cut(text, "=")
	_, isDelivery := everhook.DeliveryTime(text)
	_, isRun := everhook.ParseRunID(text)
	switch {
	case strings.HasPrefix(text, "0") && isDelivery: // as the ID of every delivery begins, for centuries
		filter.ID = text
	case isRun:
		filter.Run = text
	case named:
		path, err := everhook.ParsePath(strings.TrimSpace(name))
		if err != nil {
			return filter, wrongf(at+"/text", "%v", err)
		}
		filter.Field, filter.Value = path.String(), strings.TrimSpace(value)
	default:
		filter.Value = text
	}
	if filter.After, err = parseTime(at+"/after", f.After, now); err != nil {
		return filter, err
	}
	filter.Before, err = parseTime(at+"/before", f.Before, now)
	return filter, err
}

// outcomes are those of a parameter; nil: all.
func outcomes(at, text string) ([]string, error) {
	taken, refused := receiver.Reasons()
	var chosen []receiver.Reason
	switch {
	case text == "":
		return nil, nil
	case text == Taken:
		chosen = taken
	case text == Refused:
		chosen = refused
	case slices.Contains(slices.Concat(taken, refused, []receiver.Reason{receiver.Handshaken}), receiver.Reason(text)):
		chosen = []receiver.Reason{receiver.Reason(text)}
	default:
		return nil, wrongf(at, "%q is no outcome of a delivery; use %s, %s, or one of %v", everhook.Shorten(text, 40),
			Taken, Refused, slices.Concat(taken, refused))
	}
	names := make([]string, len(chosen))
	for i, reason := range chosen {
		names[i] = string(reason)
	}
	return names, nil
}

// ParseDeliveries parses the query of a page of deliveries.
func ParseDeliveries(query url.Values) (DeliveryFilter, deliverylog.Filter, error) {
	f := DeliveryFilter{Flow: query.Get("flow"), Outcome: query.Get("outcome"), Text: query.Get("text"),
		After: query.Get("after"), Before: query.Get("before")}
	filter, err := f.Parse("/query", time.Now())
	if err != nil {
		return f, filter, err
	}
	if filter.Below = query.Get("below"); filter.Below != "" {
		if _, ok := everhook.DeliveryTime(filter.Below); !ok {
			return f, filter, errors.New("this page of deliveries does not exist")
		}
	}
	return f, filter, nil
}

type listDeliveriesInput struct {
	DeliveryFilter
	Paging
}

func listDeliveries(s *service) {
	add(s, operation{id: "list-deliveries", method: http.MethodGet, path: "/api/v1/deliveries", tag: tagDeliveries,
		role: access.Viewer, summary: "List deliveries",
		description: "All calls of webhook URLs that were taken, and a sample of those that were refused, the newest " +
			"first. A delivery appears within a second. Those of one moment may be sorted otherwise than they came."},
		func(ctx context.Context, in *listDeliveriesInput) (*reply[DeliveryList], error) {
			filter, err := in.Parse("/query", time.Now())
			if err != nil {
				return nil, err
			}
			cursor := cursorOf("deliveries", in.texts()...)
			if filter.Below, err = in.after(cursor); err != nil {
				return nil, err
			}
			filter.Limit = in.limit()
			records, err := s.Deliveries.List(ctx, filter)
			if errors.Is(err, deliverylog.ErrBroad) {
				return nil, wrongf("/query/text", "%v", err)
			}
			if err != nil {
				return nil, err
			}
			list := DeliveryList{Deliveries: []Delivery{}}
			for i := range records {
				list.Deliveries = append(list.Deliveries, DeliveryOf(&records[i]))
			}
			if len(records) == filter.Limit {
				list.Next = cursor.page(records[len(records)-1].ID)
			}
			return answer(list), nil
		})
}

// NamedDelivery is the parameter that names a delivery.
type NamedDelivery struct {
	ID string `path:"id" doc:"The ID of the delivery: 26 characters of 0-9 and a-v."`
}

// Resolve refuses an ID that is none.
func (n *NamedDelivery) Resolve(huma.Context) []error {
	if _, ok := everhook.DeliveryTime(n.ID); !ok {
		return []error{wrongf("/path/id", "a delivery ID is 26 characters of 0-9 and a-v")}
	}
	return nil
}

func getDelivery(s *service) {
	add(s, operation{id: "get-delivery", method: http.MethodGet, path: "/api/v1/deliveries/{id}", tag: tagDeliveries,
		role: access.Viewer, summary: "Show a delivery with its request"},
		func(ctx context.Context, in *NamedDelivery) (*reply[DeliveryDetail], error) {
			record, err := s.Deliveries.Get(ctx, in.ID)
			if err != nil {
				return nil, noDelivery(err)
			}
			return answer(DeliveryDetail{DeliveryOf(record), RequestOf(record.Request)}), nil
		})
}

// noDelivery is the problem for a delivery that is not on record.
func noDelivery(err error) error {
	if errors.Is(err, deliverylog.ErrNoRecord) {
		return fail(notFound, fmt.Sprint(err))
	}
	return err
}
