package catalog

import (
	"fmt"

	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// calls sets the fields of a route that say which calls are accepted, from which callers, and which parts are kept.
func (c *Catalog) calls(route *receiver.Route, webhook *trigger.WebhookCalls) {
	route.MaxBody = int64(trigger.DefaultMaxBody)
	if webhook.MaxBody > 0 {
		route.MaxBody = int64(webhook.MaxBody)
	}
	for _, format := range webhook.Formats() {
		route.Accept = append(route.Accept, receiver.Format(format))
	}
	route.Raw, route.BigIntegers = webhook.Raw, webhook.Numbers == trigger.NumbersText
	route.Headers = webhook.Request.Headers
	route.Query, route.Body = trigger.Paths(webhook.Request.Query), trigger.Paths(webhook.Request.Body)
	c.access(route, webhook)
}

// access sets the fields of a route for the authentication of callers.
func (c *Catalog) access(route *receiver.Route, webhook *trigger.WebhookCalls) {
	for _, allowed := range webhook.Allow {
		route.Allow = append(route.Allow, allowed.Prefix())
	}
	for _, user := range webhook.Auth.Basic {
		route.Basic = append(route.Basic, receiver.BasicCredential{Username: user.Username,
			Password: c.credential(user.Password), Caller: user.Caller})
	}
	if bearer := webhook.Auth.Bearer; bearer != nil {
		route.Bearer = c.tokens(bearer.Tokens)
	}
	if key := webhook.Auth.APIKey; key != nil {
		route.APIKey = &receiver.APIKey{Header: key.Header, Values: c.tokens(key.Values)}
	}
	if signed := webhook.Signature; signed != nil {
		route.Signature = &receiver.Signature{Preset: signed.Preset(), Secrets: c.credentials(signed.Secrets),
			Topics: signed.Topics}
		c.handshakes(route, signed)
	}
	if limit := webhook.RateLimit; limit != nil {
		route.Rate = &receiver.Rate{PerSecond: limit.Rate, Burst: limit.Size()}
	}
	if webhook.Schema.IsSet() {
		route.Schema = webhook.Schema.Check
	}
	route.NeverKept = webhook.NeverKept()
}

// handshakes are those of the preset. One that asks for a token is answered if the flow has one.
func (c *Catalog) handshakes(route *receiver.Route, signed *trigger.WebhookSignature) {
	for _, handshake := range route.Signature.Preset.Handshakes {
		answered := receiver.Handshake{Handshake: handshake}
		for range handshake.Tokens() {
			if signed.VerifyToken != nil {
				answered.Tokens = append(answered.Tokens, c.credential(*signed.VerifyToken))
			}
		}
		if len(answered.Tokens) == handshake.Tokens() {
			route.Handshakes = append(route.Handshakes, answered)
		}
	}
}

func (c *Catalog) tokens(all []trigger.CallerCredential) []receiver.Token {
	tokens := make([]receiver.Token, 0, len(all))
	for _, one := range all {
		tokens = append(tokens, receiver.Token{Value: c.credential(one.Credential), Caller: one.Caller})
	}
	return tokens
}

func (c *Catalog) credentials(all []trigger.Credential) []receiver.Credential {
	credentials := make([]receiver.Credential, 0, len(all))
	for _, credential := range all {
		credentials = append(credentials, c.credential(credential))
	}
	return credentials
}

func (c *Catalog) credential(credential trigger.Credential) receiver.Credential {
	if credential.Secret == "" {
		return func() (string, error) { return credential.Literal, nil }
	}
	return func() (string, error) { return c.options.Secrets.Lookup(credential.Secret) }
}

// badSecrets reports why a signature cannot be verified: a URL that is not known, or a secret that is not a valid key.
func (c *Catalog) badSecrets(signed *trigger.WebhookSignature) string {
	if signed == nil {
		return ""
	}
	preset := signed.Preset()
	if preset.Signed.HasURL() && !c.options.KnowsURL {
		return "the sender signs the URL that it calls, and this server does not know it: start it with --public-url"
	}
	for _, credential := range signed.Secrets {
		if credential.Secret == "" {
			continue
		}
		value, err := c.options.Secrets.Lookup(credential.Secret)
		if err == nil {
			err = preset.CheckSecret(value)
		}
		if err != nil {
			return fmt.Sprintf("the secret %s cannot be used for %s: %v", credential.Secret, signed.Kind, err)
		}
	}
	return ""
}
