package receiver

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/everhook/everhook"
)

// waitURL holds the parts of a resume URL.
type waitURL struct {
	token, node, iteration, ticket string
	run                            everhook.RunID
}

// readWaitURL reads a resume URL; false: it is none. What it gives is not to be trusted before admitted has seen the
// ticket.
func readWaitURL(uri *fasthttp.URI) (*waitURL, bool) {
	path, found := strings.CutPrefix(string(uri.PathOriginal()), everhook.ResumePath)
	parts := strings.Split(path, "/")
	if !found || len(parts) != 3 || !everhook.IsToken(parts[0]) || !everhook.IsNodeKey(parts[2]) {
		return nil, false
	}
	run, ok := everhook.ParseRunID(parts[1])
	if !ok {
		return nil, false
	}
	// The first of several counts: it is ours, and a caller may have added others.
	query := uri.QueryArgs()
	return &waitURL{
		token: parts[0], run: run, node: parts[2],
		ticket: string(query.Peek(everhook.ResumeTicket)), iteration: string(query.Peek(everhook.ResumeIteration)),
	}, true
}

// The checks of a call that resumes a run, in the order of those of a delivery. Its ticket was seen before: nothing
// else reaches the engine.
var (
	resumeHeadChecks = []check{resumeMethods, waits, takesMethod, declaredLength, addresses, credentials,
		headHandshake, linkPage}
	resumeBodyChecks = []check{roomForBody, readBody, unsignedHandshake, signed, withinRate, parseQuery, decodeBody,
		takeTurn, parseBody, confirmation, fitsSchema}
)

// resume takes a call that a run waits for.
func (r *Receiver) resume(c *call, _ *fiber.Ctx) reply {
	wait, ok := readWaitURL(c.ctx.URI())
	if !ok {
		return notFound()
	}
	c.wait = wait
	if refusal, refused := r.refuse(c, []check{admitted}); refused {
		return refusal
	}
	return c.forPeople(r.admit(c).of(wait.run))
}

// admit goes on with a call whose ticket is right.
func (r *Receiver) admit(c *call) reply {
	if refusal, refused := r.refuse(c, resumeHeadChecks); refused {
		return refusal
	}
	r.trace(c)
	if refusal, refused := r.refuse(c, resumeBodyChecks); refused {
		return refusal
	}
	data := c.delivery.Trigger
	delete(data, "id")
	prepared, err := r.starter.PrepareCall(c.route.Flow, c.wait.run, everhook.ResumeCall{ID: c.delivery.ID,
		Node: c.wait.node, Iteration: c.wait.iteration, Data: data, Answer: r.resumeAnswer(c, data)})
	if err != nil {
		return r.notResumed(c, err)
	}
	r.dropBody(c, int64(prepared.Size()))
	return r.bring(c, prepared)
}

// admitted admits callers that know the URL. An unknown token and a wrong ticket get the same reply.
func admitted(r *Receiver, c *call) (reply, bool) {
	flow, ok := r.flows.Resumable(c.wait.token)
	if !ok || !everhook.NewResume("", flow.Secret, c.wait.run).Admits(c.wait.ticket, c.wait.node, c.wait.iteration) {
		return notFound(), true
	}
	c.token = c.wait.token
	return reply{}, false
}

// resumeMethods refuses what no node takes, before the node is looked for.
func resumeMethods(_ *Receiver, c *call) (reply, bool) {
	if c.header.IsGet() || c.header.IsHead() {
		return reply{}, false
	}
	return allow(c, fiber.MethodPost)
}

// waits finds the node, in the version that the run runs.
func waits(r *Receiver, c *call) (reply, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), r.options.StartTimeout)
	defer cancel()
	route, err := r.waitRoute(ctx, c.wait)
	switch {
	case errors.Is(err, everhook.ErrNoRun), errors.Is(err, ErrNoWait):
		return noRun(), true
	case err != nil:
		r.options.Logger.Error("a run that is called back cannot be looked up", "run", c.wait.run, "node", c.wait.node,
			"error", err)
		return refuse(Unavailable, "the run cannot be looked up now; send the call again").retryAfter(retrySeconds),
			true
	}
	c.route = route
	return reply{}, false
}

func (r *Receiver) waitRoute(ctx context.Context, wait *waitURL) (*Route, error) {
	flow, ok := r.flows.Resumable(wait.token)
	if !ok {
		return nil, everhook.ErrNoRun
	}
	version, err := r.starter.RunVersion(ctx, flow.Flow, wait.run)
	if err != nil {
		return nil, err
	}
	return flow.Route(ctx, version, wait.node)
}

// bring acknowledges a call once it is durable in its run. It counts as held: it waits for a worker.
func (r *Receiver) bring(c *call, prepared PreparedCall) reply {
	ctx, leave, ok := r.occupy(context.Background(), c, r.resuming, r.options.StartTimeout)
	if !ok {
		return tooManyHeld()
	}
	defer leave()
	resumed, err := prepared.Resume(ctx)
	switch {
	case err != nil && hasGone(ctx):
		return notKnownKept().because(Gone)
	case err != nil:
		return r.notResumed(c, err)
	}
	return answerReply(resumed.Answer, c.wait.run).because(Accepted).duplicateIf(resumed.Duplicate)
}

// resumeAnswer is the answer for the caller, if this call is the first.
func (r *Receiver) resumeAnswer(c *call, data everhook.Mapping) everhook.Answer {
	answer := everhook.Answer{Status: fiber.StatusOK, Body: everhook.Of("ok")}
	if c.route.ResumeAnswer == nil {
		return answer
	}
	own, err := c.route.ResumeAnswer(data, c.wait.run, c.wait.iteration)
	if err != nil {
		c.noAnswer = true
		r.options.Logger.Warn("the answer to a call that resumes a run cannot be made, its caller gets 200 ok", "flow",
			c.route.Flow, "run", c.wait.run, "node", c.wait.node, "error", err)
		return answer
	}
	return own
}

func (r *Receiver) notResumed(c *call, err error) reply {
	limit, isLimit := errors.AsType[*everhook.Error](err)
	switch {
	case isLimit && limit.Type == everhook.TypeLimit:
		return refuse(TooLarge, limit.Message)
	case errors.Is(err, everhook.ErrNoRun):
		return noRun()
	case errors.Is(err, everhook.ErrRunEnded):
		return refuse(Ended, "the run has ended and takes no calls; the call is not kept")
	case errors.Is(err, everhook.ErrWaitOver):
		return refuse(WaitOver, "the call came after its deadline, or the run went on without it; the call is not kept")
	case errors.Is(err, everhook.ErrInboxFull):
		return refuse(InboxFull, "the run keeps many calls that came before it waits for them, and takes no more; "+
			"send the call again later").retryAfter(retrySeconds)
	}
	r.options.Logger.Error("a call could not be brought to its run", "flow", c.route.Flow, "run", c.wait.run, "node",
		c.wait.node, "error", err)
	return notKnownKept()
}

func notKnownKept() reply {
	return refuse(Unavailable, "it is not known whether the call is kept; send it again").retryAfter(retrySeconds)
}
