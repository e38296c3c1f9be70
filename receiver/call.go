package receiver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
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
	// Lookup is set if the call asks for the answer of an earlier run.
	Lookup bool
	// Duplicate is set if another delivery with the same dedupe key has started the run.
	Duplicate bool
	// NoAnswer is set if the answer of an async flow could not be made. Its caller got 200 ok.
	NoAnswer bool
	// Remote is the address of the other end of the connection.
	Remote net.Addr
	// Client is the caller's address, according to trusted proxies if there are any. The zero Addr means unknown.
	Client netip.Addr
}

// call is one HTTP request while it is answered. Nothing that it keeps for longer may point into header: fasthttp
// reuses its memory.
type call struct {
	header  *fasthttp.RequestHeader
	ctx     *fasthttp.RequestCtx
	framing framing
	began   time.Time

	// client is the address of the caller once clientKnown is set; see Receiver.client.
	client    netip.Addr
	hasClient bool
	askedFor  bool
	// counted is set once the request counts towards the rate of its client.
	counted bool

	token string
	// caller is the name of the caller that the credentials are of; empty: they name none.
	caller string
	// sentPath is the path that was sent, if it is not the plain one; see plainPath.
	sentPath string
	// wait is the wait that the call resumes; nil for calls of other URLs.
	wait  *waitURL
	route *Route
	body  []byte
	// decoded is set once the content encodings of the body were removed, or could not be. NotDecoded is the reply if a
	// signature needed that.
	decoded    bool
	notDecoded *reply
	// bytes is the size of the body that was read. The body itself is dropped early.
	bytes int
	// taken is the body's share of the budget, and turn is set while the body has a turn.
	taken share
	turn  bool
	// query and parsed are the whole query and body. The delivery has only the part that the run sees.
	query  everhook.Mapping
	parsed any
	// cause is the reason of a refusal for the log. The caller does not see it.
	cause string
	// consumed is true once the body was read to its end, so that the next request can be read.
	consumed bool
	// lost is true if it is unknown where the next request begins.
	lost     bool
	delivery everhook.Delivery
	durable  time.Duration
	noAnswer bool
	lookup   bool
	// verified is set once the signature was found to be right.
	verified bool
	// request and fields are what is recorded of the delivery; recorded is set once they are made.
	request  *Request
	fields   []Field
	recorded bool
	// span is that of a delivery whose caller is let in; nil before and for other calls.
	span  trace.Span
	reply reply
}

// callKey is the key of the call in its RequestCtx.
type callKey struct{}

// endpoint makes a Fiber handler of a function that makes a reply.
func (r *Receiver) endpoint(handle func(*call, *fiber.Ctx) reply) fiber.Handler {
	return func(f *fiber.Ctx) error {
		c := callOf(f.Context())
		c.reply = handle(c, f)
		return nil
	}
}

// callOf gives the call of a request. It is made when it is first asked for: by expect if the client asks before it
// sends its body, else by guard.
func callOf(ctx *fasthttp.RequestCtx) *call {
	if c, ok := ctx.UserValue(callKey{}).(*call); ok {
		return c
	}
	c := &call{header: &ctx.Request.Header, ctx: ctx, began: time.Now()}
	ctx.SetUserValue(callKey{}, c)
	return c
}

// guard wraps Fiber's handler. It refuses requests whose end is ambiguous, turns panics into replies, and closes the
// connection if part of a body may be left in it, because that part would be read as the next request.
func (r *Receiver) guard(route fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		c := callOf(ctx)
		defer r.finish(c)
		defer r.catch(c)
		var err error
		if c.framing, err = readFraming(c.header); err != nil {
			c.lost = true
			c.reply = refuse(Malformed, err.Error())
			return
		}
		var limited bool
		if c.reply, limited = r.withinClientRate(c); limited {
			return
		}
		if !knownMethods[string(c.header.Method())] {
			c.reply = refuse(UnknownMethod, "")
			return
		}
		c.usePlainPath()
		route(ctx)
	}
}

// knownMethods are the methods that Fiber routes. It answers all others itself.
var knownMethods = func() map[string]bool {
	known := map[string]bool{}
	for _, method := range fiber.DefaultMethods {
		known[method] = true
	}
	return known
}()

// catch makes a reply of a panic. It must be deferred itself.
func (r *Receiver) catch(c *call) {
	if caught := recover(); caught != nil {
		r.options.Logger.Error("panic while answering a call", "panic", fmt.Sprint(caught), "stack",
			string(debug.Stack()))
		c.lost = true
		c.reply = refuse(Internal, "")
	}
}

// finish writes the reply of a call.
func (r *Receiver) finish(c *call) {
	c.keepForJournal(r)
	r.dropBody(c, 0)
	if limited := connOf(c.ctx).limited; limited != nil {
		limited.Waits()
	}
	if !c.leavesClean() {
		c.ctx.SetConnectionClose()
		connOf(c.ctx).linger.Store(true)
	}
	c.reply.write(&c.ctx.Response)
	c.allowPage(&c.ctx.Response)
	r.record(c)
}

// works says that the caller has sent all of its request and waits, so that its connection is not closed to make room
// for others. False: it was closed just now.
func (c *call) works() bool {
	limited := connOf(c.ctx).limited
	return limited == nil || limited.Busy()
}

// drainBytes is the length of an unread body up to which the connection is kept: fasthttp reads and drops such a body.
const drainBytes = 64 << 10

// leavesClean reports whether the next request can be read from the connection.
func (c *call) leavesClean() bool {
	switch {
	case c.lost:
		return false
	case c.consumed || c.framing == (framing{}):
		return true
	default:
		return !c.header.ConnectionClose() && !c.framing.chunked && c.framing.declared <= drainBytes
	}
}

// protocolError answers a request that fasthttp can't read. fasthttp then closes the connection.
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

// expect runs the checks of the head for a client that asks before it sends its body (Expect: 100-continue). It returns
// 100 to have the body sent. For any other status the reply is complete, and fasthttp closes the connection.
func (r *Receiver) expect(ctx *fasthttp.RequestCtx) int {
	c := callOf(ctx)
	if !r.refusesBody(c) {
		return fiber.StatusContinue
	}
	c.lost = true
	r.finish(c)
	return c.reply.status
}

// refusesBody reports whether the call ends before its body, with the reply set.
func (r *Receiver) refusesBody(c *call) (refused bool) {
	refused = true
	defer r.catch(c)
	var err error
	if c.framing, err = readFraming(c.header); err != nil {
		c.reply = refuse(Malformed, err.Error())
		return
	}
	var limited bool
	if c.reply, limited = r.withinClientRate(c); !limited {
		c.reply, refused = r.refuseHead(c)
	}
	return
}

// refuseHead runs the checks that need only the head.
func (r *Receiver) refuseHead(c *call) (reply, bool) {
	c.usePlainPath()
	path := string(c.ctx.URI().PathOriginal())
	if token, found := strings.CutPrefix(path, triggerPath); found {
		c.token = token
		return r.refuse(c, headChecks)
	}
	if wait, found := readWaitURL(c.ctx.URI()); found {
		c.wait = wait
		if refusal, refused := r.refuse(c, []check{admitted}); refused {
			return refusal, true
		}
		refusal, refused := r.refuse(c, resumeHeadChecks)
		return refusal.of(wait.run), refused
	}
	return notFound(), !strings.HasPrefix(path, answerPath) && path != healthPath && path != readyPath
}

func (r *Receiver) record(c *call) {
	record := Record{
		Run: c.reply.run, Reason: c.reply.reason, Status: c.reply.status, Bytes: c.bytes,
		Duration: time.Since(c.began), Durable: c.durable, NoAnswer: c.noAnswer, Duplicate: c.reply.duplicate,
		Lookup: c.lookup, Remote: c.ctx.RemoteAddr(),
	}
	if c.route != nil {
		record.Flow, record.Node = c.route.Flow, c.route.Node
	}
	record.Client, _ = r.client(c)
	r.options.Observe(record)
	r.journal(c, record)
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
	if c.caller != "" {
		attributes = append(attributes, slog.String("caller", c.caller))
	}
	if c.cause != "" {
		attributes = append(attributes, slog.String("cause", c.cause))
	}
	if id := c.traceID(); id != "" {
		attributes = append(attributes, slog.String("trace", id))
	}
	r.options.Logger.LogAttrs(c.ctx, slog.LevelInfo, "delivery", attributes...)
}
