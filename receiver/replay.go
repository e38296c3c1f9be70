package receiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/everhook/everhook"
)

// replayChecks parse a delivery as another route sees it. Its caller was checked when it came, and neither the
// condition nor the dedupe key of the flow counts: a person says that it is to run.
var replayChecks = []check{parseQuery, decodeBody, takeTurn, parseBody, fitsSchema}

// Replay makes the delivery of a request that was recorded, for a route: with a new ID, and with the run ID and the
// time of receipt that are given. The error says why the route does not take the request.
func (r *Receiver) Replay(route *Route, q Request, run everhook.RunID,
	receivedAt time.Time) (everhook.Delivery, error) {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(q.Method)
	ctx.Request.SetRequestURI(triggerPath + "replay?" + q.Query)
	for name, value := range q.Headers {
		ctx.Request.Header.Set(name, value)
	}
	c := &call{header: &ctx.Request.Header, ctx: ctx, route: route, body: q.Body, consumed: true}
	defer r.dropBody(c, 0)
	r.begin(c, run, receivedAt.UTC())
	c.delivery.ID = everhook.NewDeliveryID(r.options.Clock())
	if refusal, refused := r.refuse(c, replayChecks); refused {
		if refusal.detail == "" {
			return everhook.Delivery{}, errors.New("the flow does not take it")
		}
		return everhook.Delivery{}, fmt.Errorf("the flow does not take it: %s", refusal.detail)
	}
	return c.delivery, nil
}
