package receiver

import (
	"cmp"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook/internal/signature"
)

// Signature says how deliveries of a flow are signed.
type Signature struct {
	// Preset is the scheme.
	Preset signature.Preset
	// Secrets are those under which a signature may be right, any of them.
	Secrets []Credential
	// Topics are those whose messages are taken, for presets that have topics.
	Topics []string
}

// signed verifies the signature on the bytes as received. Some senders sign before they compress: if it is not right,
// and the body has content encodings, it is verified on the decoded body.
func signed(r *Receiver, c *call) (reply, bool) {
	s := c.route.Signature
	if s == nil || s.Preset.Unsigned {
		return reply{}, false
	}
	if s.Preset.ReadsBody() {
		if refusal, refused := takeTurn(r, c); refused {
			return refusal, true
		}
	}
	secrets, err := r.secretsOf(c, s)
	if err == nil {
		m, encoded := r.message(c), c.isEncoded()
		err = s.Preset.Verify(m, secrets)
		if encoded && errors.Is(err, signature.Mismatch) && c.notDecoded == nil {
			err = r.verifyDecoded(c, m, secrets)
		}
	}
	refused, isRefused := errors.AsType[signature.Refused](err)
	switch {
	case err == nil:
		c.verified = true
		return reply{}, false
	case c.notDecoded != nil:
		return *c.notDecoded, true
	case !isRefused:
		r.options.Logger.Error("the signature of a webhook cannot be checked", "flow", c.route.Flow, "error", err)
	case refused != signature.Mismatch || len(secrets) >= len(s.Secrets):
		c.cause = string(refused)
		return refuse(BadSignature, "the signature is missing, wrong, or not of this time"), true
	}
	return refuse(Unavailable, "the signature cannot be checked now; try again").retryAfter(retrySeconds), true
}

// verifyDecoded verifies the signature on the body without its content encodings. One that cannot be decoded is not
// signed.
func (r *Receiver) verifyDecoded(c *call, m signature.Message, secrets []string) error {
	refusal, refused := decodeBody(r, c)
	switch {
	case refused && refusal.reason == BodiesFull: // it may be signed, and is to be sent again
		c.notDecoded = &refusal
		return errNotDecoded
	case refused:
		return signature.Mismatch
	}
	m.Body, m.Content = c.body, nil
	return c.route.Signature.Preset.Verify(m, secrets)
}

// secretsOf reads the secrets that can be read, or fetches the provider's certificate.
func (r *Receiver) secretsOf(c *call, s *Signature) ([]string, error) {
	if s.Preset.Certificate != nil {
		certificate, err := r.certificate(c, s)
		return []string{certificate}, err
	}
	secrets := make([]string, 0, len(s.Secrets))
	for _, credential := range s.Secrets {
		if secret, ok := r.look(c, credential); ok {
			secrets = append(secrets, secret)
		}
	}
	return secrets, nil
}

// message is the call as signatures see it.
func (r *Receiver) message(c *call) signature.Message {
	m := signature.Message{Header: func(name string) []string { return values(c, name) }, Body: c.body,
		ReceivedAt: c.delivery.ReceivedAt}
	if s := c.route.Signature; s != nil && s.Preset.UsesContent() && c.isEncoded() {
		m.Content = func() ([]byte, error) { return r.content(c) }
	}
	if s := c.route.Signature; s != nil && s.Preset.UsesURL() {
		m.Base, m.Target = r.options.PublicURL, target(c)
	}
	m.Method = c.method()
	return m
}

// method is the method of the call.
func (c *call) method() string {
	if c.header.IsPost() {
		return fiber.MethodPost
	}
	return string(c.header.Method())
}

// target is the path and the query as they were sent.
func target(c *call) string {
	uri := c.ctx.URI()
	path := cmp.Or(c.sentPath, string(uri.PathOriginal()))
	if query := uri.QueryString(); len(query) > 0 {
		return path + "?" + string(query)
	}
	return path
}
