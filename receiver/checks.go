package receiver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

// check is one reason to refuse a delivery.
type check func(*Receiver, *call) (reply, bool)

// The checks of a delivery, in the order in which a caller learns of what is wrong. Nothing in them reaches the engine.
var (
	// headChecks need the head of the request alone.
	headChecks = []check{servable, isPost, declaredLength, credentials}
	// bodyChecks read and parse the body, and complete the delivery.
	bodyChecks = []check{readBody, parseQuery, parseBody, dedupeKey}
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

func notFound() reply {
	return refuse(NotFound, "there is nothing at this URL; check it, and whether the flow is enabled")
}

func isPost(_ *Receiver, c *call) (reply, bool) { return allow(c, fiber.MethodPost) }

// allow refuses every other method, and names those that are taken.
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

// credentials lets in who has any of the flow's user names and passwords (RFC 7617).
func credentials(r *Receiver, c *call) (reply, bool) {
	if len(c.route.Basic) == 0 {
		return reply{}, false
	}
	user, password, given := basicAuth(string(c.header.Peek(fiber.HeaderAuthorization)))
	if !given {
		return unauthorized("send a user name and a password: curl -u USER:PASSWORD …"), true
	}
	matches, unknown := 0, false
	for _, credential := range c.route.Basic {
		want, err := credential.Password()
		if err != nil {
			r.options.Logger.Error("a webhook password cannot be read", "flow", c.route.Flow, "error", err)
			unknown = true
			continue
		}
		matches |= sameText(user, credential.Username) & sameText(password, want)
	}
	switch {
	case matches == 1:
		return reply{}, false
	case unknown:
		return refuse(Unavailable, "the credentials cannot be checked now; try again").retryAfter(retrySeconds), true
	default:
		return unauthorized("the user name or the password is wrong"), true
	}
}

func unauthorized(detail string) reply {
	return refuse(Unauthorized, detail).with(fiber.HeaderWWWAuthenticate, `Basic realm="everhook", charset="UTF-8"`)
}

func basicAuth(header string) (user, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// sameText is 1 for equal texts, and takes as long for every other text of the same length as a.
func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
