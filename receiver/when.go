package receiver

import "github.com/everhook/everhook"

// headerSkipped marks the reply to a delivery that started no run, because the flow ignores it.
const headerSkipped = "Everhook-Skipped"

// startsRun ends the call of a delivery that the flow skips. Its condition sees the whole delivery, not only the part
// that the run keeps. If the condition fails, the delivery starts a run, which ends with that error.
func startsRun(r *Receiver, c *call) (reply, bool) {
	if c.route.When == nil {
		return reply{}, false
	}
	ok, err := c.route.When(allHeaders(c), c.query, c.parsed)
	if err != nil {
		c.delivery.Failure = everhook.AsError(err).At(everhook.TriggerStep)
		return reply{}, false
	}
	if ok {
		return reply{}, false
	}
	return answerReply(r.skippedAnswer(c), "").with(headerSkipped, "true").because(Skipped), true
}

func (r *Receiver) skippedAnswer(c *call) everhook.Answer {
	if c.route.SkippedAnswer != nil {
		own, err := c.route.SkippedAnswer(c.delivery.Trigger)
		if err == nil {
			return own
		}
		c.noAnswer = true
		r.options.Logger.Warn("the answer to a skipped delivery cannot be made, its caller gets 200 ok", "flow",
			c.route.Flow, "error", err)
	}
	return everhook.Answer{Status: 200, Body: everhook.Of("ok")}
}
