package receiver

import (
	"bytes"
	"strings"

	"github.com/everhook/everhook"
)

// Entry is what a record has of a delivery.
type Entry struct {
	Record
	// ID is that of the delivery.
	ID string
	// Version is the version of the flow that took it.
	Version int
	// Caller is the name that the credentials have; empty for none.
	Caller string
	// Cause says more about a refusal than the caller was told; empty for no more.
	Cause string
	// Verified is set if its signature is right.
	Verified bool
	// Fields are what Route.Index returned.
	Fields []Field
	// Request is what the caller sent; nil if Route.Record is not set, or the caller did not show who it is.
	Request *Request
}

// Field is a value by which a delivery is found.
type Field struct{ Name, Value string }

// Request is a request without its credentials.
type Request struct {
	Method, Query string
	// Headers are by lower-case names, without those of content encodings.
	Headers map[string]string
	// Body is without content encodings, if they could be removed. Cut is set if it is only the beginning.
	Body []byte
	Cut  bool
}

// Taken reports whether a delivery with that outcome is durable, or was left out by the flow's own condition. All
// others were refused, or were no deliveries.
func (r Reason) Taken() bool {
	switch r {
	case Accepted, Answered, Waiting, Late, Gone, Skipped:
		return true
	default:
		return false
	}
}

// Reasons are the outcomes of deliveries that were taken, and of those that were refused, sorted. Handshaken is
// neither.
func Reasons() (taken, refused []Reason) {
	return []Reason{Accepted, Answered, Gone, Late, Skipped, Waiting}, []Reason{BadSignature, BodiesFull, Busy,
		ClientRate, Ended, Forbidden, InboxFull, Internal, Invalid, KeyReused, Malformed, MediaType, Method,
		NotFound, Overloaded, RateLimited, Slowed, TooLarge, TooSlow, Unauthorized, Unavailable, WaitOver}
}

// keepForJournal keeps what is recorded of the delivery, before its body is dropped.
func (c *call) keepForJournal(r *Receiver) {
	if c.recorded || r.options.Journal == nil || c.route == nil || c.delivery.ID == "" {
		return
	}
	c.recorded = true
	if c.route.Record == 0 && c.route.Index == nil || c.reply.reason == BadSignature {
		return
	}
	headers := allHeaders(c)
	if c.route.Index != nil && c.query != nil {
		c.fields = c.route.Index(headers, c.query, c.parsed)
	}
	if c.route.Record > 0 {
		c.request = c.kept(headers)
	}
}

// kept is the request as it is recorded.
func (c *call) kept(headers everhook.Mapping) *Request {
	q := &Request{Method: c.method(), Query: c.plainQuery(), Headers: make(map[string]string, len(headers)),
		Cut: len(c.body) > c.route.Record, Body: bytes.Clone(c.body[:min(len(c.body), c.route.Record)])}
	for name, value := range headers {
		if c.decoded && name == "content-encoding" || name == "content-length" {
			continue
		}
		q.Headers[name], _ = value.(string)
	}
	return q
}

// plainQuery is the query as it was sent, without a signature.
func (c *call) plainQuery() string {
	query := string(c.ctx.URI().QueryString())
	s := c.route.Signature
	if s == nil || s.Preset.Signature.Query == "" {
		return query
	}
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); name != s.Preset.Signature.Query {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "&")
}

// journal hands over what is recorded of the call. A page that was opened, a question of a browser, and a look at an
// answer are no deliveries.
func (r *Receiver) journal(c *call, record Record) {
	switch {
	case r.options.Journal == nil || c.route == nil || c.lookup:
		return
	case record.Reason == Probe || record.Reason == Preflight || record.Reason == Opened:
		return
	}
	e := Entry{Record: record, ID: c.delivery.ID, Caller: c.caller, Cause: c.cause, Verified: c.verified,
		Fields: c.fields, Request: c.request}
	if e.ID == "" {
		e.ID = everhook.NewDeliveryID(r.options.Clock())
	}
	if e.Cause == "" && !record.Reason.Taken() {
		e.Cause = c.reply.detail
	}
	if c.route.Version != nil {
		e.Version = c.route.Version.Number
	}
	r.options.Journal(e)
}
