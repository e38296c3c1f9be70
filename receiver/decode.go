package receiver

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

// isEncoded reports whether the body has content encodings that are not removed yet.
func (c *call) isEncoded() bool {
	return !c.decoded && len(c.body) > 0 && len(c.header.Peek(fiber.HeaderContentEncoding)) > 0
}

// decodeBody removes the content encodings of the body. Before that, the body has a turn, and a share of the budget for
// all that it may become: MaxBody bounds the decoded body too.
func decodeBody(r *Receiver, c *call) (reply, bool) {
	if !c.isEncoded() {
		return reply{}, false
	}
	c.decoded = true
	values := c.header.PeekAll(fiber.HeaderContentEncoding)
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	names, err := content.Names(texts...)
	if err != nil {
		return refuse(MediaType, err.Error()), true
	}
	if unknown := content.Unknown(names); unknown != "" {
		unknown = everhook.Shorten(unknown, 40)
		c.cause = fmt.Sprintf("the sender encodes the body (Content-Encoding %q): let the sender use %s or none",
			unknown, content.Encodings)
		return refuse(MediaType, fmt.Sprintf("send the body as it is, or with a Content-Encoding of %s, not %q",
			content.Encodings, unknown)).with(fiber.HeaderAcceptEncoding, content.Encodings), true
	}
	if len(names) == 0 {
		return reply{}, false
	}
	if refusal, refused := r.enterTurn(c); refused {
		return refusal, true
	}
	// A step from one encoding to the next is in memory together with its result.
	steps := int64(min(len(names), 2))
	if !r.bodies.change(&c.taken, int64(len(c.body))+steps*c.route.MaxBody) {
		return bodiesFull(), true
	}
	decoded, err := content.Decode(c.body, names, c.route.MaxBody)
	switch {
	case errors.Is(err, content.ErrTooLarge):
		return refuse(TooLarge, fmt.Sprintf("a body may have %s here, also without its Content-Encoding",
			everhook.Size(c.route.MaxBody))), true
	case err != nil:
		return refuse(Malformed, everhook.Shorten(err.Error(), 200)), true
	}
	c.body = decoded
	if !c.header.IsGet() {
		c.delivery.Digest = digestOf(decoded)
	}
	r.bodies.change(&c.taken, int64(len(decoded)))
	return reply{}, false
}

// content gives the body without its content encodings for a signature that needs what is in it. If there is none, the
// call is to be refused with notDecoded.
func (r *Receiver) content(c *call) ([]byte, error) {
	if refusal, refused := decodeBody(r, c); refused {
		c.notDecoded = &refusal
		return nil, errNotDecoded
	}
	return c.body, nil
}

var errNotDecoded = errors.New("the body is not decoded")
