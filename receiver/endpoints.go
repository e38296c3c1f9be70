package receiver

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

const (
	triggerPath = "/api/webhook:trigger/"
	answerPath  = "/api/webhook:answer/"
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	// retrySeconds is what Retry-After asks for where nothing better is known.
	retrySeconds = 5
	// maxAnswerWait bounds ?wait= of the answer endpoint.
	maxAnswerWait = 5 * time.Minute
)

func (r *Receiver) nothing(*call, *fiber.Ctx) reply { return notFound() }

// trigger takes a delivery.
func (r *Receiver) trigger(c *call, f *fiber.Ctx) reply {
	c.token = strings.Clone(f.Params("token"))
	taken := r.take(c)
	if c.header.IsGet() && c.delivery.ID != "" && taken.headers[fiber.HeaderCacheControl] == "" {
		// A repeated GET must reach the flow.
		taken = taken.with(fiber.HeaderCacheControl, "no-store")
	}
	return taken
}

func (r *Receiver) take(c *call) reply {
	if refusal, refused := r.refuse(c, headChecks); refused {
		return refusal
	}
	r.trace(c)
	if refusal, refused := r.refuse(c, bodyChecks); refused {
		return refusal
	}
	var answer everhook.Answer
	if c.route.Mode == everhook.Async {
		answer = r.asyncAnswer(c)
	}
	c.keepForJournal(r)
	prepared, err := r.starter.Prepare(c.route.Version, c.delivery)
	if err != nil {
		return r.notStarted(c, err)
	}
	r.dropBody(c, int64(prepared.Size()))
	if c.route.Mode == everhook.Async {
		return r.start(c, prepared, answer)
	}
	return r.hold(c, prepared)
}

// asyncAnswer makes the answer for the caller of an async flow.
func (r *Receiver) asyncAnswer(c *call) everhook.Answer {
	answer := everhook.Answer{Status: 200, Body: everhook.Of("ok")}
	if c.route.AsyncAnswer == nil {
		return answer
	}
	own, err := c.route.AsyncAnswer(c.delivery.Trigger, c.delivery.RunID)
	if err != nil {
		c.noAnswer = true
		r.options.Logger.Warn("the answer of an async flow cannot be made, its caller gets 200 ok", "flow",
			c.route.Flow, "run", c.delivery.RunID, "error", err)
		return answer
	}
	return own
}

// start acknowledges a delivery once its run is durable.
func (r *Receiver) start(c *call, run Prepared, answer everhook.Answer) reply {
	ctx, cancel := context.WithTimeout(c.within(context.Background()), r.options.StartTimeout)
	defer cancel()
	began := time.Now()
	started, err := run.Start(ctx)
	if err != nil {
		return r.notStarted(c, err)
	}
	c.durable = time.Since(began)
	return answerReply(answer, c.delivery.RunID).because(Accepted).duplicateIf(started.Duplicate)
}

// hold keeps the caller until its run has an answer.
func (r *Receiver) hold(c *call, prepared Prepared) reply {
	ctx, leave, ok := r.occupy(r.holding, c, r.held, c.route.Wait+r.options.StartTimeout)
	if !ok {
		return tooManyHeld()
	}
	defer leave()
	run := c.delivery.RunID
	started, err := prepared.Run(ctx, c.route.Wait)
	switch {
	case err != nil:
		return r.notStarted(c, err)
	case started.Answer == nil && hasGone(ctx):
		return r.waiting(c, run, everhook.Pending).because(Gone)
	case started.Answer != nil:
		return answerReply(*started.Answer, run).duplicateIf(started.Duplicate)
	case c.route.OnWait == fiber.StatusGatewayTimeout:
		return late(run).duplicateIf(started.Duplicate)
	default:
		return r.waiting(c, run, everhook.Pending).duplicateIf(started.Duplicate)
	}
}

// hasGone reports whether the caller has hung up.
func hasGone(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errGone) }

func tooManyHeld() reply {
	return refuse(Busy, "too many callers wait for an answer; try again").retryAfter(retrySeconds)
}

func (r *Receiver) notStarted(c *call, err error) reply {
	if refused, ok := errors.AsType[*everhook.Error](err); ok {
		switch refused.Type {
		case everhook.TypeLimit:
			return refuse(TooLarge, refused.Message)
		case everhook.TypeKeyReused:
			return refuse(KeyReused, refused.Message).of(c.delivery.RunID)
		}
	}
	if errors.Is(err, everhook.ErrOverloaded) {
		return refuse(Overloaded, "the delivery is not stored; send it again").retryAfter(retrySeconds)
	}
	r.options.Logger.Error("a delivery could not be made durable", "flow", c.route.Flow, "run", c.delivery.RunID,
		"error", err)
	return refuse(Unavailable, "the delivery is not stored; send it again").retryAfter(retrySeconds)
}

func late(run everhook.RunID) reply {
	problem := refusals[Late]
	problem.Detail = "the run goes on without its caller"
	problem.RunID = run
	return problemReply(problem).because(Late).of(run)
}

// standing describes the state of a run to a caller whose answer does not exist yet.
type standing struct {
	RunID    everhook.RunID  `json:"runId"`
	Status   everhook.Status `json:"status"`
	Location string          `json:"location,omitempty"`
}

func (r *Receiver) waiting(c *call, run everhook.RunID, status everhook.Status) reply {
	location := r.options.PublicURL + answerPath + c.token + "/" + string(run)
	return jsonReply(fiber.StatusAccepted, standing{RunID: run, Status: status, Location: location}).
		with(fiber.HeaderLocation, location).retryAfter(retrySeconds).because(Waiting).of(run)
}

// answer gives the answer of an earlier run, also when the flow is disabled since.
func (r *Receiver) answer(c *call, f *fiber.Ctx) reply {
	c.lookup = true
	c.token = strings.Clone(f.Params("token"))
	if _, ok := r.route(c); !ok {
		return notFound()
	}
	if refusal, refused := preflight(r, c); refused {
		return refusal
	}
	if refusal, refused := allow(c, answerMethods...); refused {
		return refusal
	}
	if refusal, refused := r.refuse(c, []check{addresses, credentials}); refused {
		return refusal
	}
	c.works()
	run, ok := everhook.ParseRunID(strings.Clone(f.Params("run")))
	if !ok {
		return noRun()
	}
	wait, err := everhook.ParseDuration(f.Query("wait", "0"))
	if err != nil {
		return refuse(Malformed, "wait: "+err.Error())
	}
	return r.outcome(c, run, min(time.Duration(wait), maxAnswerWait))
}

func (r *Receiver) outcome(c *call, run everhook.RunID, wait time.Duration) reply {
	ctx, leave := context.WithTimeout(r.holding, wait+r.options.StartTimeout)
	if wait > 0 {
		var ok bool
		if ctx, leave, ok = r.occupy(r.holding, c, r.asking, wait+r.options.StartTimeout); !ok {
			return tooManyHeld()
		}
	}
	defer leave()
	outcome, err := r.starter.Outcome(ctx, c.route.Flow, run, wait)
	switch {
	case errors.Is(err, everhook.ErrNoRun):
		return noRun()
	case hasGone(ctx):
		return r.waiting(c, run, everhook.Pending).because(Gone)
	case err != nil:
		r.options.Logger.Error("a run could not be looked up", "flow", c.route.Flow, "run", run, "error", err)
		return refuse(Unavailable, "the run cannot be looked up now; try again").retryAfter(retrySeconds)
	case outcome.Answer != nil:
		return answerReply(*outcome.Answer, run)
	case c.route.Mode == everhook.Async || outcome.Status.Ended():
		return jsonReply(fiber.StatusOK, standing{RunID: run, Status: outcome.Status}).of(run)
	default:
		return r.waiting(c, run, outcome.Status)
	}
}

// answerMethods are those by which an answer can be asked for.
var answerMethods = []string{fiber.MethodGet, fiber.MethodHead}

func noRun() reply { return refuse(NotFound, "there is no such run, or it has expired") }

// health reports that the process answers.
func (r *Receiver) health(c *call, _ *fiber.Ctx) reply {
	if refusal, refused := allow(c, fiber.MethodGet, fiber.MethodHead); refused {
		return refusal
	}
	return answerReply(everhook.Answer{Status: fiber.StatusOK, Body: everhook.Of("ok")}, "").because(Probe)
}

// ready reports whether this process should receive deliveries.
func (r *Receiver) ready(c *call, f *fiber.Ctx) reply {
	if r.isStopping() {
		return refuse(Unavailable, "stopping").because(Probe)
	}
	if err := r.options.Ready(); err != nil {
		r.options.Logger.Warn("not ready", "error", err)
		return refuse(Unavailable, "not ready").because(Probe)
	}
	return r.health(c, f)
}
