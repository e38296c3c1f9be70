package receiver

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// CORS says which pages may call a flow from their scripts (the Fetch standard, "CORS protocol"). Browsers send no
// cookies with such calls, and no credentials but those that the script sets itself.
type CORS struct {
	// Origins are the origins of the pages, as "https://shop.example", in lower case. "*" stands for all.
	Origins []string
	// Headers are the headers that scripts may set, besides Content-Type.
	Headers []string
	// MaxAge is how long a browser remembers what it may send; 0: as long as the browser chooses.
	MaxAge time.Duration
}

const anyOrigin = "*"

// exposed are the headers of replies that scripts may read, besides those that every script can.
const exposed = "Everhook-Duplicate, Everhook-Run-Id, Everhook-Skipped, Location, Retry-After"

// allowed gives the value of Access-Control-Allow-Origin for a page. It is never made of what the request says, but of
// what the flow lists.
func (c *CORS) allowed(origin []byte) (string, bool) {
	if len(origin) == 0 {
		return "", false
	}
	for _, listed := range c.Origins {
		if listed == anyOrigin || listed == string(origin) {
			return listed, true
		}
	}
	return "", false
}

// preflight answers a browser that asks whether a page may call; that ends the call. A page that is not listed is
// refused, and the browser calls nothing.
func preflight(_ *Receiver, c *call) (reply, bool) {
	if c.route.CORS == nil || string(c.header.Method()) != fiber.MethodOptions ||
		len(c.header.Peek(fiber.HeaderAccessControlRequestMethod)) == 0 {
		return reply{}, false
	}
	if _, ok := c.route.CORS.allowed(c.header.Peek(fiber.HeaderOrigin)); !ok {
		return refuse(Forbidden, "pages of this origin may not call the webhook"), true
	}
	methods := c.route.methods()
	if c.lookup {
		methods = answerMethods
	}
	r := reply{reason: Preflight, status: fiber.StatusNoContent}.
		with(fiber.HeaderAccessControlAllowMethods, strings.Join(methods, ", ")).
		with(fiber.HeaderAccessControlAllowHeaders,
			strings.Join(append([]string{fiber.HeaderContentType}, c.route.CORS.Headers...), ", "))
	if age := int(c.route.CORS.MaxAge.Seconds()); age > 0 {
		r = r.with(fiber.HeaderAccessControlMaxAge, strconv.Itoa(age))
	}
	return r, true
}

// allowPage adds what lets a page read the reply to a call of a flow, whatever the reply is.
func (c *call) allowPage(response *fasthttp.Response) {
	// The reply to a token that is disabled is that to an unknown one.
	if c.route == nil || c.route.CORS == nil || !c.route.Enabled && !c.lookup {
		return
	}
	cors := c.route.CORS
	if !slices.Contains(cors.Origins, anyOrigin) {
		// The reply differs by the origin, also for callers that are no pages.
		if vary := response.Header.Peek(fiber.HeaderVary); len(vary) > 0 {
			response.Header.Set(fiber.HeaderVary, string(vary)+", "+fiber.HeaderOrigin)
		} else {
			response.Header.Set(fiber.HeaderVary, fiber.HeaderOrigin)
		}
	}
	origin, ok := cors.allowed(c.header.Peek(fiber.HeaderOrigin))
	if !ok {
		return
	}
	response.Header.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	if c.reply.reason != Preflight {
		response.Header.Set(fiber.HeaderAccessControlExposeHeaders, exposed)
	}
}
