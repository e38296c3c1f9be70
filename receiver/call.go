package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
)

// Record is what metrics learn of one call. It holds no credential, no token and nothing of a body.
type Record struct {
	// Flow is the flow's key; empty when the call reached none.
	Flow string
	// Run is the run that the call started or asked for.
	Run everhook.RunID
	// Reason is one word for how the call ended: a Reason constant.
	Reason Reason
	// Status is the HTTP status of the reply.
	Status int
	// Bytes counts the body that was read.
	Bytes int
	// Duration is from the head of the request to the decision of the reply, Durable from then to a durable start
	// (async flows; else 0).
	Duration, Durable time.Duration
	// Node is the waiting node that the call was for; empty for deliveries and lookups.
	Node string
	// Lookup tells that the call asked for the answer of an earlier run.
	Lookup bool
	// Duplicate tells that another delivery with the same dedupe key had started the run.
	Duplicate bool
	// NoAnswer tells that the answer of an async flow could not be made, so that its caller got 200 ok.
	NoAnswer bool
	// Remote is the address of the other end of the connection.
	Remote net.Addr
	// Client is the address that the call comes from, as far as trusted proxies tell; the zero Addr: nobody knows.
	Client netip.Addr
}

// call is one HTTP request while it is answered. Nothing that it keeps for longer may point into header: fasthttp
// reuses its memory.
type call struct {
	header  *fasthttp.RequestHeader
	ctx     *fasthttp.RequestCtx
	framing framing
	began   time.Time

	token string
	// wait is what the call resumes; nil for calls of other URLs.
	wait  *waitURL
	route *Route
	body  []byte
	// query and parsed are the whole query and body; the delivery has what the run sees of them.
	query  everhook.Mapping
	parsed any
	// cause says more than the reply to a caller does, for the log.
	cause string
	// consumed tells that the body was read to its end, so that the connection stands at the next request.
	consumed bool
	// lost tells that nobody knows where the next request begins.
	lost     bool
	delivery everhook.Delivery
	durable  time.Duration
	noAnswer bool
	lookup   bool
	// span is that of a delivery whose caller is let in; nil before and for other calls.
	span  trace.Span
	reply reply
}

// callKey is where a call waits in its RequestCtx while Fiber finds the endpoint.
type callKey struct{}

// endpoint lets Fiber route to a function that makes a reply.
func (r *Receiver) endpoint(handle func(*call, *fiber.Ctx) reply) fiber.Handler {
	return func(f *fiber.Ctx) error {
		c := f.Context().UserValue(callKey{}).(*call)
		c.reply = handle(c, f)
		return nil
	}
}

// guard stands around Fiber: it refuses requests whose end is ambiguous, turns panics into replies, and leaves no byte
// of an unread body in a connection that goes on, where it would be executed as the next request.
func (r *Receiver) guard(route fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		c := &call{header: &ctx.Request.Header, ctx: ctx, began: time.Now()}
		defer r.finish(c)
		var err error
		if c.framing, err = readFraming(c.header); err != nil {
			c.lost = true
			c.reply = refuse(Malformed, err.Error())
			return
		}
		if !knownMethods[string(c.header.Method())] {
			c.reply = refuse(UnknownMethod, "")
			return
		}
		ctx.SetUserValue(callKey{}, c)
		route(ctx)
	}
}

// knownMethods are those that Fiber routes; it answers every other by itself.
var knownMethods = func() map[string]bool {
	known := map[string]bool{}
	for _, method := range fiber.DefaultMethods {
		known[method] = true
	}
	return known
}()

func (r *Receiver) finish(c *call) {
	if caught := recover(); caught != nil {
		r.options.Logger.Error("panic while answering a call", "panic", fmt.Sprint(caught), "stack",
			string(debug.Stack()))
		c.lost = true
		c.reply = refuse(Internal, "")
	}
	if !c.leaveClean() {
		c.ctx.SetConnectionClose()
		connOf(c.ctx).linger.Store(true)
	}
	c.reply.write(&c.ctx.Response)
	r.record(c)
}

// drainBytes is how much of a body is read for nothing to keep a connection.
const drainBytes = 64 << 10

// leaveClean reports whether the connection stands at the next request, after reading the rest of a short body.
func (c *call) leaveClean() bool {
	switch {
	case c.lost:
		return false
	case c.consumed || c.framing == (framing{}):
		return true
	case c.header.ConnectionClose() || c.framing.chunked || c.framing.declared > drainBytes:
		return false
	}
	// The count tells: the stream also ends when the client goes away.
	n, err := io.Copy(io.Discard, c.ctx.RequestBodyStream())
	return err == nil && n == c.framing.declared
}

// protocolError answers what is not a request that fasthttp understands. It closes the connection itself.
func (r *Receiver) protocolError(ctx *fasthttp.RequestCtx, err error) {
	c := &call{header: &ctx.Request.Header, ctx: ctx, began: time.Now()}
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &small):
		c.reply = refuse(HeadersTooLarge, fmt.Sprintf("the request line and the headers may have %s together",
			everhook.Size(r.options.MaxHeader)))
	case errors.As(err, &network) && network.Timeout():
		c.reply = refuse(TooSlow, "")
	default:
		c.reply = refuse(Malformed, "this is not an HTTP/1.1 request")
	}
	connOf(ctx).linger.Store(true)
	c.reply.write(&ctx.Response)
	r.record(c)
}

// beforeBody runs when a head was read. A client that asks before it sends its body (Expect: 100-continue) gets its
// refusal without having sent it: the request then goes on as one without a body, and the connection ends with the
// reply.
func (r *Receiver) beforeBody(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	expectation := header.Peek(fiber.HeaderExpect)
	switch {
	case len(expectation) == 0:
	case !header.IsHTTP11() || !bytes.EqualFold(expectation, []byte("100-continue")):
		header.Del(fiber.HeaderExpect)
	case r.wantsBody(header):
		// fasthttp knows this spelling alone.
		header.Set(fiber.HeaderExpect, "100-continue")
	default:
		header.Del(fiber.HeaderExpect)
		header.SetContentLength(0)
		header.SetConnectionClose()
	}
	return fasthttp.RequestConfig{}
}

// wantsBody reports whether a delivery with this head goes on to its body. It runs outside the guard: what panics here
// is left to panic there.
func (r *Receiver) wantsBody(header *fasthttp.RequestHeader) (wanted bool) {
	defer func() {
		if recover() != nil {
			wanted = false
		}
	}()
	var uri fasthttp.URI
	if uri.Parse(header.Host(), header.RequestURI()) != nil {
		return false
	}
	f, err := readFraming(header)
	if err != nil {
		return false
	}
	c := &call{header: header, framing: f}
	checks := headChecks
	if token, found := bytes.CutPrefix(uri.PathOriginal(), []byte(triggerPath)); found {
		c.token = string(token)
	} else if wait, found := readWaitURL(&uri); found {
		c.wait, checks = wait, slices.Concat([]check{admitted}, resumeHeadChecks)
	} else {
		return false
	}
	_, refused := r.refuse(c, checks)
	return !refused
}

func (r *Receiver) record(c *call) {
	record := Record{
		Run: c.reply.run, Reason: c.reply.reason, Status: c.reply.status, Bytes: len(c.body),
		Duration: time.Since(c.began), Durable: c.durable, NoAnswer: c.noAnswer, Duplicate: c.reply.duplicate,
		Lookup: c.lookup, Remote: c.ctx.RemoteAddr(),
	}
	if c.route != nil {
		record.Flow, record.Node = c.route.Flow, c.route.Node
	}
	record.Client, _ = r.client(c)
	r.options.Observe(record)
	c.endTrace(record)
	if record.Reason == Probe {
		return
	}
	attributes := []slog.Attr{
		slog.String("flow", record.Flow), slog.String("run", string(record.Run)),
		slog.String("outcome", string(record.Reason)),
		slog.Int("status", record.Status), slog.Int("bytes", record.Bytes), slog.Duration("duration", record.Duration),
		slog.String("remote", record.Remote.String()),
	}
	if len(r.options.TrustedProxies) > 0 {
		attributes = append(attributes, slog.Any("client", record.Client))
	}
	if record.Node != "" {
		attributes = append(attributes, slog.String("node", record.Node))
	}
	if c.cause != "" {
		attributes = append(attributes, slog.String("cause", c.cause))
	}
	if id := c.traceID(); id != "" {
		attributes = append(attributes, slog.String("trace", id))
	}
	r.options.Logger.LogAttrs(c.ctx, slog.LevelInfo, "delivery", attributes...)
}
