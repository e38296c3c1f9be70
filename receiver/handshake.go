package receiver

import (
	"bytes"
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

// Handshake is a request of a provider that verifies the URL, with the tokens that the sender must know, in the order
// of their conditions.
type Handshake struct {
	signature.Handshake
	Tokens []Credential
}

// takesMethod: a flow takes the methods that it names, and GET or HEAD when it is a question that the flow answers.
func takesMethod(_ *Receiver, c *call) (reply, bool) {
	if c.header.IsPost() && len(c.route.Methods) == 0 || headQuestion(c) != nil {
		return reply{}, false
	}
	return allow(c, c.route.methods()...)
}

// headQuestion returns the handshake that a call without a body is, or nil.
func headQuestion(c *call) *Handshake {
	if len(c.route.Handshakes) == 0 || !c.header.IsGet() && !c.header.IsHead() {
		return nil
	}
	return asked(c, nil, false)
}

// headHandshake answers a question without a body; that ends the call.
func headHandshake(r *Receiver, c *call) (reply, bool) {
	if question := headQuestion(c); question != nil {
		return r.answerHandshake(c, question, nil), true
	}
	return reply{}, false
}

// maxUnsigned bounds the body of an unsigned handshake, in bytes: it is parsed for strangers. It has no content
// encoding.
const maxUnsigned = 4 << 10

// unsignedHandshake answers a question that the provider does not sign; that ends the call.
func unsignedHandshake(r *Receiver, c *call) (reply, bool) {
	if len(c.route.Handshakes) == 0 || len(c.body) > maxUnsigned || !hasUnsigned(c.route) || c.isEncoded() {
		return reply{}, false
	}
	m := r.message(c)
	body := m.Document()
	if h := asked(c, body, true); h != nil {
		return r.answerHandshake(c, h, body), true
	}
	return reply{}, false
}

func hasUnsigned(route *Route) bool {
	for i := range route.Handshakes {
		if route.Handshakes[i].Unsigned {
			return true
		}
	}
	return false
}

// confirmation answers a question that is a delivery, signed as every other; that ends the call.
func confirmation(r *Receiver, c *call) (reply, bool) {
	if len(c.route.Handshakes) == 0 {
		return reply{}, false
	}
	if h := asked(c, c.parsed, false); h != nil {
		return r.answerHandshake(c, h, c.parsed), true
	}
	return reply{}, false
}

// asked returns the handshake that a call is, or nil.
func asked(c *call, body any, unsigned bool) *Handshake {
	q := questionOf(c, body)
	for i := range c.route.Handshakes {
		if h := &c.route.Handshakes[i]; h.Unsigned == unsigned && h.Is(q) {
			return h
		}
	}
	return nil
}

func questionOf(c *call, body any) *signature.Question {
	return &signature.Question{Method: string(c.header.Method()), Query: queryValue(c), Body: body,
		Header: func(name string) string { return string(c.header.Peek(name)) }}
}

// queryValue reads the query flat: providers put dots into names.
func queryValue(c *call) func(name string) string {
	var parsed url.Values
	return func(name string) string {
		if parsed == nil {
			_, query, _ := bytes.Cut(c.header.RequestURI(), []byte{'?'})
			parsed, _ = url.ParseQuery(string(query))
		}
		return parsed.Get(name)
	}
}

func (r *Receiver) answerHandshake(c *call, h *Handshake, body any) reply {
	q := questionOf(c, body)
	if len(h.Tokens) > 0 {
		if refusal, refused := r.slowed(c); refused {
			return refusal
		}
	}
	tokens := make([]string, 0, len(h.Tokens))
	for _, credential := range h.Tokens {
		token, ok := r.look(c, credential)
		if !ok {
			return refuse(Unavailable, "the token cannot be checked now; try again").retryAfter(retrySeconds)
		}
		tokens = append(tokens, token)
	}
	if !h.Knows(q, tokens) {
		r.guesses.Wrong(r.guesser(c), c.route.bucket(), c.began)
		return refuse(Unauthorized, "the subscription is not known here")
	}
	var scheme *signature.Scheme
	secret := ""
	if h.NeedsSecret() {
		var ok bool
		if scheme, secret, ok = r.firstSecret(c); !ok {
			return refuse(Unavailable, "the challenge cannot be answered now; try again").retryAfter(retrySeconds)
		}
	}
	answer, err := h.Reply(q, scheme, secret)
	switch {
	case errors.Is(err, signature.ErrChallenge):
		return refuse(Malformed, err.Error())
	case err != nil:
		r.options.Logger.Error("a challenge of a webhook cannot be answered", "flow", c.route.Flow, "error", err)
		return refuse(Unavailable, "the challenge cannot be answered now; try again").retryAfter(retrySeconds)
	}
	if h.Call.IsSet() {
		if refusal, refused := r.confirm(c, q, h); refused {
			return refusal
		}
	}
	return handshakeReply(cmp.Or(h.Status, fiber.StatusOK), answer)
}

// firstSecret is the first secret of the flow's signature that can be read.
func (r *Receiver) firstSecret(c *call) (*signature.Scheme, string, bool) {
	if c.route.Signature == nil {
		return nil, "", false
	}
	for _, credential := range c.route.Signature.Secrets {
		if secret, ok := r.look(c, credential); ok {
			return &c.route.Signature.Preset.Scheme, secret, true
		}
	}
	return nil, "", false
}

// handshakeReply is an answer that browsers never show as a page, whatever it echoes.
func handshakeReply(status int, answer any) reply {
	var body *everhook.Value
	if answer != nil {
		body = everhook.Of(answer)
	}
	if text, ok := answer.(string); ok {
		body = everhook.Of(strings.ToValidUTF8(text, "\uFFFD"))
	}
	return bodyReply(status, body).with(fiber.HeaderXContentTypeOptions, "nosniff").because(Handshaken)
}
