package receiver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

// readBody reads the body within the flow's limit, whatever its type. It allocates only for bytes that have arrived.
func readBody(r *Receiver, c *call) (reply, bool) {
	if c.framing != (framing{}) {
		if refusal, refused := receive(c); refused {
			return refusal, true
		}
	}
	if !c.works() {
		c.lost = true
		return refuse(BodiesFull, "the connection is needed for another client; send it again").retryAfter(1), true
	}
	run := r.options.NewRunID()
	if c.wait != nil {
		run = c.wait.run
	}
	r.begin(c, run, r.options.Clock().UTC())
	return reply{}, false
}

// begin makes the delivery of a call whose body is read.
func (r *Receiver) begin(c *call, run everhook.RunID, now time.Time) {
	digested := c.body
	if c.header.IsGet() {
		digested = c.ctx.URI().QueryString()
	}
	c.delivery = everhook.Delivery{
		ID:         everhook.NewDeliveryID(now),
		RunID:      run,
		ReceivedAt: now,
		Digest:     digestOf(digested),
		Trigger: everhook.Mapping{
			"id":         string(run),
			"receivedAt": everhook.FormatTime(now),
			"headers":    keepHeaders(c),
		},
	}
}

// digestOf tells two bodies of one dedupe key apart.
func digestOf(body []byte) string {
	digest := sha256.Sum256(body)
	return hex.EncodeToString(digest[:])
}

// receive reads the bytes of a body.
func receive(c *call) (reply, bool) {
	if c.framing.chunked {
		// Once the body is read, fasthttp shows the trailers among the headers. A copy of the head keeps them out.
		head := &fasthttp.RequestHeader{}
		c.header.CopyTo(head)
		c.header = head
	}
	var err error
	c.body, err = content.ReadWithin(c.ctx.RequestBodyStream(), c.route.MaxBody, c.framing.declared)
	c.bytes = len(c.body)
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return refuse(TooSlow, "the body did not come in time"), true
	}
	switch {
	case err != nil || int64(len(c.body)) < c.framing.declared:
		c.lost = true
		return refuse(Malformed, "the body ends early, or its chunks are not well formed"), true
	case int64(len(c.body)) > c.route.MaxBody:
		return bodyTooLarge(c), true
	}
	c.consumed = true
	return reply{}, false
}

// neverKept are the headers that carry credentials in every call.
var neverKept = map[string]bool{"authorization": true, "cookie": true, "proxy-authorization": true}

func keepHeaders(c *call) map[string]any {
	kept := map[string]any{}
	for _, name := range c.route.Headers {
		name = strings.ToLower(name)
		if c.route.hides(name) {
			continue
		}
		if len(c.header.PeekAll(name)) > 0 {
			kept[name] = headerText(c, name)
		}
	}
	return kept
}

// headerText joins the values of a header that is repeated (RFC 9110, 5.3).
func headerText(c *call, name string) string {
	return strings.ToValidUTF8(string(bytes.Join(c.header.PeekAll(name), []byte(", "))), "\uFFFD")
}

func parseQuery(_ *Receiver, c *call) (reply, bool) {
	query, err := ParseQuery(string(c.ctx.URI().QueryString()))
	if err != nil {
		return refuse(Malformed, "the query: "+err.Error()), true
	}
	if c.wait != nil {
		delete(query, everhook.ResumeTicket)
		delete(query, everhook.ResumeIteration)
	}
	if s := c.route.Signature; s != nil && s.Preset.Signature.Query != "" {
		delete(query, s.Preset.Signature.Query)
	}
	c.query = query
	c.delivery.Trigger["query"] = keep(map[string]any(query), c.route.Query)
	return reply{}, false
}

// keep projects; without a list everything is kept.
func keep(v any, paths []everhook.Path) any {
	if paths == nil {
		return v
	}
	return everhook.Project(v, paths)
}
