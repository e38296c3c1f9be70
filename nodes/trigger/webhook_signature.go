package trigger

import (
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookSignature says how a sender signs its calls with a secret. The raw bytes of the body are verified.
type WebhookSignature struct {
	// Kind is the provider, whose headers, signed parts and timeouts are known. `hmac` is for all other senders; the
	// fields below then describe the signature.
	Kind string `json:"preset" required:"true" enum:"standard-webhooks,github,stripe,slack,shopify,linear,meta,hmac"`
	// Secrets lists the accepted secrets, each as `{ secret: NAME }`. Give two while one replaces the other.
	Secrets []Credential `json:"secrets" required:"true" single:"true"`
	// Tolerance is how far the time of sending may differ from the time of receipt, in both directions. Without it, the
	// value of the provider, or 5m.
	Tolerance *everhook.Duration `json:"tolerance,omitempty"`
	// VerifyToken answers the subscription request (GET) of `meta`, as `{ secret: NAME }`.
	VerifyToken *Credential `json:"verifyToken,omitempty"`
	// Header has the signature. Several signatures are separated by commas. Required for `hmac`, and only for it.
	Header string `json:"header,omitempty"`
	// Algorithm is the hash. Only for `hmac`.
	Algorithm string `json:"algorithm,omitempty" enum:"sha1,sha256,sha512" default:"sha256"`
	// Encoding is how the signature is written as text. Only for `hmac`.
	Encoding string `json:"encoding,omitempty" enum:"hex,base64,base64url" default:"hex"`
	// Prefix is the text before the signature, for example `sha256=`. Only for `hmac`.
	Prefix string `json:"prefix,omitempty"`
	// Signed is the text that is signed: `body`, or a text with the placeholders {id}, {timestamp} and {body}. Only for
	// `hmac`.
	Signed string `json:"signed,omitempty" default:"body"`
	// IDHeader has the ID of the delivery, if {id} is signed. Only for `hmac`.
	IDHeader string `json:"idHeader,omitempty"`
	// TimestampHeader has the time of sending, if {timestamp} is signed: seconds or milliseconds since 1970, or RFC
	// 3339. Only for `hmac`.
	TimestampHeader string `json:"timestampHeader,omitempty"`
}

// genericTolerance is that of hmac where it signs a time.
const genericTolerance = 5 * time.Minute

// Preset returns the description of the sender, with the fields of the flow applied.
func (s *WebhookSignature) Preset() signature.Preset {
	preset, _ := signature.Find(s.Kind)
	if s.Kind == signature.Generic {
		preset.Scheme = s.generic()
	}
	if s.Tolerance != nil {
		preset.Tolerance = s.Tolerance.Std()
	}
	return preset
}

func (s *WebhookSignature) generic() signature.Scheme {
	method := signature.Method{Prefix: s.Prefix, Algorithm: signature.SHA256, Encoding: signature.Hex}
	if s.Algorithm != "" {
		method.Algorithm = signature.Algorithm(s.Algorithm)
	}
	if s.Encoding != "" {
		method.Encoding = signature.Encoding(s.Encoding)
	}
	scheme := signature.Scheme{
		Header: s.Header, Separator: ",", Methods: []signature.Method{method}, ID: s.IDHeader,
		Timestamp: signature.Source{Header: s.TimestampHeader}, Tolerance: genericTolerance,
	}
	if strings.Contains(s.Prefix, ",") {
		scheme.Separator = ""
	}
	// Validate has reported the error.
	scheme.Signed, _ = signature.ParseTemplate(s.signed())
	return scheme
}

func (s *WebhookSignature) signed() string {
	if s.Signed == "" {
		return "body"
	}
	return s.Signed
}

func (s *WebhookSignature) validate(v *kind.Validation) {
	validateCredentials(v, "/signature/secrets", "secret", s.Secrets)
	if s.Kind == signature.Generic {
		s.validateGeneric(v)
	} else {
		for _, field := range []struct{ name, value string }{
			{"header", s.Header}, {"algorithm", s.Algorithm}, {"encoding", s.Encoding}, {"prefix", s.Prefix},
			{"signed", s.Signed},
			{"idHeader", s.IDHeader}, {"timestampHeader", s.TimestampHeader},
		} {
			if field.value != "" {
				v.Error("/signature/"+field.name, fmt.Sprintf("the preset %s says that itself", s.Kind),
					"remove it, or write `preset: hmac` and all of how the sender signs")
			}
		}
	}
	preset := s.Preset()
	for i, secret := range s.Secrets {
		if err := preset.CheckSecret(secret.Literal); secret.Secret == "" && err != nil {
			v.Error(fmt.Sprintf("/signature/secrets/%d", i), "the secret cannot be used: "+err.Error(),
				"write `{ secret: NAME }`")
		}
	}
	s.validateTolerance(v, preset)
	switch {
	case s.VerifyToken != nil && preset.Subscription == nil:
		v.Error("/signature/verifyToken", fmt.Sprintf("%s asks for no token", s.Kind), "remove it")
	case s.VerifyToken == nil && preset.Subscription != nil:
		v.Warn("/signature", fmt.Sprintf("%s asks for a token when the URL is subscribed, and gets no answer", s.Kind),
			"add `verifyToken: { secret: NAME }`")
	case s.VerifyToken != nil:
		s.VerifyToken.warnIfLiteral(v, "/signature/verifyToken", "token")
	}
}

func (s *WebhookSignature) validateTolerance(v *kind.Validation, preset signature.Preset) {
	switch {
	case s.Tolerance == nil:
	case !preset.Timestamp.IsSet():
		v.Error("/signature/tolerance", "the time of sending is not signed, so there is nothing to compare",
			"remove it")
	case *s.Tolerance <= 0:
		v.Error("/signature/tolerance", "the tolerance must be greater than 0", "write for example 5m, or leave it out")
	}
}

func (s *WebhookSignature) validateGeneric(v *kind.Validation) {
	validateHeader(v, "/signature/header", s.Header)
	template, err := signature.ParseTemplate(s.signed())
	if err != nil {
		v.Error("/signature/signed", err.Error(), "write for example `{timestamp}.{body}`")
		return
	}
	s.validatePlace(v, "idHeader", s.IDHeader, "{id}", template.HasID())
	s.validatePlace(v, "timestampHeader", s.TimestampHeader, "{timestamp}", template.HasTimestamp())
}

// validatePlace reports a header whose value is not signed, because it proves nothing, and a signed value without a
// place.
func (s *WebhookSignature) validatePlace(v *kind.Validation, field, header, place string, signed bool) {
	switch {
	case header == "" && signed:
		v.Error("/signature/signed", fmt.Sprintf("%s is signed, and nothing says which header has it", place),
			fmt.Sprintf("add `%s`", field))
	case header != "" && !signed:
		v.Error("/signature/"+field, fmt.Sprintf("%s is not signed, so its value can be forged",
			place), fmt.Sprintf("add %s to `signed`, or remove it", place))
	case header != "":
		validateHeader(v, "/signature/"+field, header)
	}
}

// CallerWait suits the provider whose signature is verified.
func (w *Webhook) CallerWait() everhook.Duration {
	if w.Signature == nil {
		return 0
	}
	return everhook.Duration(w.Signature.Preset().Wait)
}

// impatient warns of a wait after which the provider has given up.
func (w *Webhook) impatient(v *kind.Validation) {
	if w.Signature == nil || v.Definition.Mode != everhook.Sync {
		return
	}
	patience := everhook.Duration(w.Signature.Preset().Patience)
	if wait := v.Definition.Options.Wait; patience > 0 && wait > patience {
		v.Flow().Warn("/options/wait",
			fmt.Sprintf("%s waits about %s for an answer and then takes the delivery for failed",
				w.Signature.Kind, patience.Std()), "lower it, or leave it out")
	}
}

// namesEvents reports whether the preset knows the ID of an event.
func (s *WebhookSignature) namesEvents() bool {
	preset := s.Preset()
	return preset.DedupeHeader != "" || len(preset.DedupeBody) > 0
}
