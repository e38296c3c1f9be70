package receiver

import (
	"bytes"
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

// Signature says how deliveries of a flow are signed.
type Signature struct {
	// Preset is the scheme, and how the provider asks whether the URL is meant for it.
	Preset signature.Preset
	// Secrets are those under which a signature may be right, any of them.
	Secrets []Credential
	// VerifyToken is the token that a subscription must contain. Nil: no subscription is answered.
	VerifyToken Credential
}

// subscribed reports whether the flow answers a provider's GET handshake.
func (s *Signature) subscribed() bool {
	return s != nil && s.Preset.Subscription != nil && s.VerifyToken != nil
}

// takesMethod: every flow takes POST, and GET when it is a provider that asks.
func takesMethod(_ *Receiver, c *call) (reply, bool) {
	if c.route.Signature.subscribed() && c.header.IsGet() &&
		c.route.Signature.Preset.Subscription.IsOne(queryValue(c)) {
		return reply{}, false
	}
	return allow(c, fiber.MethodPost)
}

// subscription answers a provider that asks with GET; that ends the call.
func subscription(r *Receiver, c *call) (reply, bool) {
	if !c.header.IsGet() {
		return reply{}, false
	}
	token, ok := r.look(c, c.route.Signature.VerifyToken)
	if !ok {
		return refuse(Unavailable, "the token cannot be checked now; try again").retryAfter(retrySeconds), true
	}
	challenge, ok := c.route.Signature.Preset.Subscription.Answer(queryValue(c), token)
	if !ok {
		return refuse(Unauthorized, "the subscription is not known here"), true
	}
	return handshake(challenge), true
}

// queryValue reads the query flat: providers put dots into names.
func queryValue(c *call) func(name string) string {
	_, query, _ := bytes.Cut(c.header.RequestURI(), []byte{'?'})
	parsed, _ := url.ParseQuery(string(query))
	return parsed.Get
}

// handshake echoes a provider's challenge, as text that no browser shows as a page.
func handshake(challenge string) reply {
	return bodyReply(fiber.StatusOK, everhook.Of(challenge)).with(fiber.HeaderXContentTypeOptions,
		"nosniff").because(Handshake)
}

// signed verifies the signature on the raw bytes.
func signed(r *Receiver, c *call) (reply, bool) {
	s := c.route.Signature
	if s == nil {
		return reply{}, false
	}
	secrets := make([]string, 0, len(s.Secrets))
	for _, credential := range s.Secrets {
		if secret, ok := r.look(c, credential); ok {
			secrets = append(secrets, secret)
		}
	}
	err := s.Preset.Verify(signature.Message{
		Header: func(name string) []string { return values(c, name) }, Body: c.body, ReceivedAt: c.delivery.ReceivedAt,
	}, secrets)
	refused, isRefused := errors.AsType[signature.Refused](err)
	switch {
	case err == nil:
		return reply{}, false
	case !isRefused:
		r.options.Logger.Error("a secret of a webhook cannot be used", "flow", c.route.Flow, "error", err)
	case refused != signature.Mismatch || len(secrets) == len(s.Secrets):
		c.cause = string(refused)
		return refuse(BadSignature, "the signature is missing, wrong, or not of this time"), true
	}
	return refuse(Unavailable, "the signature cannot be checked now; try again").retryAfter(retrySeconds), true
}

// confirmation answers a provider that asks with a delivery, signed as every other; that ends the call.
func confirmation(_ *Receiver, c *call) (reply, bool) {
	if c.route.Signature == nil || c.route.Signature.Preset.Confirmation == nil {
		return reply{}, false
	}
	challenge, ok := c.route.Signature.Preset.Confirmation.Answer(c.parsed)
	if !ok {
		return reply{}, false
	}
	return handshake(challenge), true
}
