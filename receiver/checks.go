package receiver

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

// check is one reason to end a call before its delivery reaches the engine: mostly to refuse it.
type check func(*Receiver, *call) (reply, bool)

// The checks of a delivery, in the order in which they are made. None of them reaches the engine.
var (
	// headChecks need the head of the request alone.
	headChecks = []check{servable, preflight, takesMethod, declaredLength, addresses, credentials, headHandshake}
	// bodyChecks read and parse the body, and complete the delivery.
	bodyChecks = []check{roomForBody, readBody, unsignedHandshake, signed, withinRate, parseQuery, decodeBody, takeTurn,
		parseBody, confirmation, fitsSchema, startsRun, dedupeKey}
)

// refuse gives the reply of the first check that refuses the call.
func (r *Receiver) refuse(c *call, checks []check) (reply, bool) {
	for _, check := range checks {
		if refusal, refused := check(r, c); refused {
			return refusal, true
		}
	}
	return reply{}, false
}

// servable: the same reply for a token that is unknown and one that is disabled.
func servable(r *Receiver, c *call) (reply, bool) {
	route, ok := r.route(c)
	if !ok || !route.Enabled {
		return notFound(), true
	}
	return reply{}, false
}

// route finds the flow of the call's token.
func (r *Receiver) route(c *call) (*Route, bool) {
	if !everhook.IsToken(c.token) {
		return nil, false
	}
	route, ok := r.flows.Route(c.token)
	c.route = route
	return route, ok
}

// NothingHere is what callers of unknown URLs are told, by no other part of Everhook.
const NothingHere = "there is nothing at this URL; check it, and whether the flow is enabled"

func notFound() reply {
	return refuse(NotFound, NothingHere)
}

// allow refuses every method but the given ones, and lists those in the reply.
func allow(c *call, methods ...string) (reply, bool) {
	for _, method := range methods {
		if string(c.header.Method()) == method {
			return reply{}, false
		}
	}
	allowed := strings.Join(methods, ", ")
	return refuse(Method, "send "+allowed).with(fiber.HeaderAllow, allowed), true
}

func declaredLength(_ *Receiver, c *call) (reply, bool) {
	if c.framing.declared > c.route.MaxBody {
		return bodyTooLarge(c), true
	}
	return reply{}, false
}

func bodyTooLarge(c *call) reply {
	return refuse(TooLarge, fmt.Sprintf("a body may have %s here", everhook.Size(c.route.MaxBody)))
}
