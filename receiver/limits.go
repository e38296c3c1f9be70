package receiver

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/everhook/everhook"
)

// Rate bounds the deliveries of a flow: PerSecond on average, Burst at once. Each receiver counts its own.
type Rate struct {
	PerSecond float64
	Burst     int
}

// buckets count deliveries by flow. They outlive routes, of which there is a new one whenever something changed.
type buckets struct {
	mu     sync.Mutex
	byFlow map[string]*rate.Limiter
}

// of gives the bucket of a flow, with the rate that it has now.
func (b *buckets) of(flow string, r Rate) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter, ok := b.byFlow[flow]
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
		b.byFlow[flow] = limiter
	}
	if limiter.Limit() != rate.Limit(r.PerSecond) {
		limiter.SetLimit(rate.Limit(r.PerSecond))
	}
	if limiter.Burst() != r.Burst {
		limiter.SetBurst(r.Burst)
	}
	return limiter
}

// withinRate counts the delivery. Deliveries that were refused before do not count: with them, strangers could use up
// the rate of callers with credentials.
func withinRate(r *Receiver, c *call) (reply, bool) {
	if c.route.Rate == nil {
		return reply{}, false
	}
	limiter, now := r.buckets.of(c.route.bucket(), *c.route.Rate), time.Now()
	if limiter.AllowN(now, 1) {
		return reply{}, false
	}
	wait := (1 - limiter.TokensAt(now)) / c.route.Rate.PerSecond
	return refuse(RateLimited, "deliveries come faster than this webhook takes them").retryAfter(seconds(wait)), true
}

// fitsSchema checks the whole body, not only the part that the run keeps.
func fitsSchema(_ *Receiver, c *call) (reply, bool) {
	if c.route.Schema == nil {
		return reply{}, false
	}
	problems, err := c.route.Schema(c.parsed)
	switch {
	case err != nil:
		return refuse(TooLarge, err.Error()), true
	case len(problems) > 0:
		return invalid(problems), true
	}
	return reply{}, false
}

// shownProblems is how many places of a body that does not fit are recorded.
const shownProblems = 5

func invalid(problems []everhook.ProblemDetail) reply {
	problem := refusals[Invalid]
	problem.Detail = "the body does not fit the webhook's schema"
	problem.Errors = problems
	refusal := problemReply(problem).because(Invalid)
	refusal.detail = problem.Detail + ":"
	for _, wrong := range problems[:min(len(problems), shownProblems)] {
		refusal.detail += " " + wrong.Pointer
	}
	return refusal
}
