package trigger

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookSignature says how a sender signs its calls with a secret. The raw bytes of the body are verified.
type WebhookSignature struct {
	// Kind is the provider, whose signatures, questions and timeouts are known. `hmac` is for all other senders; the
	// fields from `header` on describe their signature, and are only for it.
	Kind PresetName `json:"preset" required:"true"`
	// Secrets lists the accepted secrets, each as `{ secret: NAME }`: shared secrets, or the sender's public keys. Give
	// two while one replaces the other. Required, unless the provider has none.
	Secrets []Credential `json:"secrets,omitempty" single:"true"`
	// Topics are the ARNs of the topics whose messages are taken. Only for `aws-sns`, which requires it.
	Topics []string `json:"topics,omitempty" single:"true"`
	// Tolerance is how far the time of sending may differ from the time of receipt, in both directions. Without it, the
	// value of the provider, or 5m.
	Tolerance *everhook.Duration `json:"tolerance,omitempty"`
	// VerifyToken answers providers that ask for a token, such as `meta`, as `{ secret: NAME }`.
	VerifyToken *Credential `json:"verifyToken,omitempty"`
	// Header has the signature. Required, unless `query` or `field` has it.
	Header string `json:"header,omitempty"`
	// Query is the parameter of the URL that has the signature.
	Query string `json:"query,omitempty"`
	// Field is the path in the body, JSON or a form, that has the signature.
	Field everhook.Path `json:"field,omitempty"`
	// Separator separates the elements of the signature's place: several signatures, and the time. Empty: there is one.
	Separator *string `json:"separator,omitempty" default:","`
	// Algorithm is HMAC with a hash (`sha1` to `sha512`), `plain-sha256` of a text with {secret} in it, a signature
	// with the sender's public key (`ed25519`, `ecdsa-p256`, `rsa-…`), a JWT with a digest of the body (`jwt`), or the
	// secret itself (`token`).
	Algorithm string `json:"algorithm,omitempty" enum:"sha1,sha256,sha384,sha512,plain-sha256,ed25519,ecdsa-p256,rsa-sha1,rsa-sha256,rsa-sha512,rsa-pss-sha256,jwt,token" default:"sha256"`
	// Encoding is how the signature is written, and the digest of a JWT. `raw` is only for `token`.
	Encoding string `json:"encoding,omitempty" enum:"hex,base64,base64url,raw" default:"hex"`
	// Prefix is the text before the signature, for example `sha256=` or `v1=`.
	Prefix string `json:"prefix,omitempty"`
	// SecretEncoding is how shared secrets are written: `raw` text, or `base64` or `hex` of the key. Public keys are
	// PEM or base64 of DER.
	SecretEncoding string `json:"secretEncoding,omitempty" enum:"raw,base64,hex" default:"raw"`
	// Signed is the text that is signed: `body`, or a text with placeholders: {id}, {timestamp}, {body}, {method},
	// {url} (`--public-url`, path and query), {path}, {query}, {form:sorted} (the fields of a form, sorted, name and
	// value), {header:NAME}, {body:PATH}, {secret}. A header or a field must not hold the text around its place; one
	// field may, as {text:PATH}.
	Signed string `json:"signed,omitempty" default:"body"`
	// IDHeader has the ID of the delivery, if {id} is signed.
	IDHeader string `json:"idHeader,omitempty"`
	// TimestampHeader has the time of sending, if {timestamp} is signed: seconds or milliseconds since 1970, or RFC
	// 3339.
	TimestampHeader string `json:"timestampHeader,omitempty"`
	// TimestampElement is the prefix of the time among the elements of the signature's place, for example `t=`.
	TimestampElement string `json:"timestampElement,omitempty"`
	// TimestampField is the path in the body that has the time of sending.
	TimestampField everhook.Path `json:"timestampField,omitempty"`
	// DigestClaim is the claim of a JWT with the SHA-256 of the body, for example `payload_hash`. Required for `jwt`.
	DigestClaim string `json:"digestClaim,omitempty"`
}

// PresetName is the name of a preset of signatures.
type PresetName string

// Decode takes one of the names.
func (n *PresetName) Decode(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s is no preset; write for example `github`", everhook.TypeName(v))
	}
	if _, known := signature.Find(text); !known {
		problem := fmt.Sprintf("%q is no preset; `everhook flow reference providers` lists them, and `hmac` is for "+
			"all other senders", everhook.Shorten(text, 60))
		if near := strict.Suggest(text, signature.Names()); near != "" {
			problem += "; " + near
		}
		return errors.New(problem)
	}
	*n = PresetName(text)
	return nil
}

// JSONSchema is that of the names.
func (*PresetName) JSONSchema() map[string]any {
	return map[string]any{"title": "a [provider](providers.md), as `github`, or `hmac`", "enum": signature.Names()}
}

// genericTolerance is that of hmac where it signs a time.
const genericTolerance = 5 * time.Minute

// maxTopics bounds the topics of a flow.
const maxTopics = 100

// Preset returns the description of the sender, with the fields of the flow applied.
func (s *WebhookSignature) Preset() signature.Preset {
	preset, _ := signature.Find(string(s.Kind))
	if s.Kind == signature.Generic {
		preset.Scheme = s.generic()
	}
	if s.Tolerance != nil {
		preset.Tolerance = s.Tolerance.Std()
	}
	return preset
}

func (s *WebhookSignature) generic() signature.Scheme {
	method := signature.Method{
		Prefix: s.Prefix, Algorithm: signature.Algorithm(cmp.Or(s.Algorithm, string(signature.SHA256))),
		Encoding: signature.Encoding(cmp.Or(s.Encoding, string(signature.Hex))),
	}
	if method.Algorithm == signature.Token && s.Encoding == "" {
		method.Encoding = signature.Raw
	}
	scheme := signature.Scheme{
		Signature: signature.Place{Header: s.Header, Query: s.Query, Body: s.Field}, Separator: ",",
		Methods: []signature.Method{method}, ID: signature.Place{Header: s.IDHeader},
		Timestamp: signature.Place{Header: s.TimestampHeader, Element: s.TimestampElement, Body: s.TimestampField},
		Tolerance: genericTolerance,
		Digest:    signature.Digest{Claim: s.DigestClaim, Encoding: method.Encoding},
	}
	switch {
	case s.Separator != nil:
		scheme.Separator = *s.Separator
	case strings.Contains(s.Prefix, ",") || method.Algorithm == signature.Token:
		scheme.Separator = ""
	}
	switch s.SecretEncoding {
	case "base64":
		scheme.Keys = signature.Base64Keys
	case "hex":
		scheme.Keys = signature.HexKeys
	}
	if s.signsText() {
		// Validate has reported the error.
		scheme.Signed, _ = signature.ParseTemplate(s.signed())
	}
	return scheme
}

// signsText reports whether the algorithm signs a text: a JWT signs its claims, and a token nothing.
func (s *WebhookSignature) signsText() bool {
	return s.Algorithm != string(signature.JWT) && s.Algorithm != string(signature.Token)
}

func (s *WebhookSignature) signed() string { return cmp.Or(s.Signed, "body") }

func (s *WebhookSignature) validate(v *kind.Validation) {
	preset := s.Preset()
	s.validateSecrets(v, preset)
	if s.Kind == signature.Generic {
		s.validateGeneric(v)
	} else {
		s.validateNoFields(v)
	}
	s.validateTolerance(v, preset)
	s.validateTopics(v, preset)
	switch {
	case s.VerifyToken != nil && !preset.AsksForToken():
		v.Error("/signature/verifyToken", fmt.Sprintf("%s asks for no token", s.Kind), "remove it")
	case s.VerifyToken == nil && preset.AsksForToken():
		v.Warn("/signature", fmt.Sprintf("%s asks for a token when the URL is subscribed, and gets no answer", s.Kind),
			"add `verifyToken: { secret: NAME }`")
	case s.VerifyToken != nil:
		s.VerifyToken.warnIfLiteral(v, "/signature/verifyToken", "token")
	}
}

func (s *WebhookSignature) validateSecrets(v *kind.Validation, preset signature.Preset) {
	const pointer = "/signature/secrets"
	switch {
	case preset.TakesSecrets() && s.Secrets == nil:
		v.Error(pointer, `"secrets" is missing`, "add `secrets: { secret: NAME }`")
	case preset.TakesSecrets():
		validateCredentials(v, pointer, "secret", s.Secrets)
	case s.Secrets != nil:
		v.Error(pointer, fmt.Sprintf("%s has no secret that a flow could know", s.Kind), "remove it")
		return
	}
	for i, secret := range s.Secrets {
		if err := preset.CheckSecret(secret.Literal); secret.Secret == "" && err != nil {
			v.Error(fmt.Sprintf("%s/%d", pointer, i), "the secret cannot be used: "+err.Error(),
				"write `{ secret: NAME }`")
		}
	}
}

// validateNoFields reports fields of hmac at another preset.
func (s *WebhookSignature) validateNoFields(v *kind.Validation) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"header", s.Header != ""}, {"query", s.Query != ""}, {"field", s.Field != nil},
		{"separator", s.Separator != nil}, {"algorithm", s.Algorithm != ""}, {"encoding", s.Encoding != ""},
		{"prefix", s.Prefix != ""}, {"secretEncoding", s.SecretEncoding != ""}, {"signed", s.Signed != ""},
		{"idHeader", s.IDHeader != ""}, {"timestampHeader", s.TimestampHeader != ""},
		{"timestampElement", s.TimestampElement != ""}, {"timestampField", s.TimestampField != nil},
		{"digestClaim", s.DigestClaim != ""},
	} {
		if field.set {
			v.Error("/signature/"+field.name, fmt.Sprintf("the preset %s says that itself", s.Kind),
				"remove it, or write `preset: hmac` and all of how the sender signs")
		}
	}
}

func (s *WebhookSignature) validateTopics(v *kind.Validation, preset signature.Preset) {
	const pointer = "/signature/topics"
	switch {
	case preset.Topic == nil && s.Topics != nil:
		v.Error(pointer, fmt.Sprintf("%s has no topics", s.Kind), "remove it")
	case preset.Topic != nil && len(s.Topics) == 0:
		v.Error(pointer, fmt.Sprintf("%s signs the messages of all topics with one key, so a flow says which it takes",
			s.Kind), "add `topics: [arn:aws:sns:REGION:ACCOUNT:NAME]`")
	case len(s.Topics) > maxTopics:
		v.Error(pointer, fmt.Sprintf("%d are more than the %d that are compared", len(s.Topics), maxTopics),
			"give other topics a flow of their own")
	}
}

func (s *WebhookSignature) validateTolerance(v *kind.Validation, preset signature.Preset) {
	switch {
	case s.Tolerance == nil:
	case !preset.Timestamp.IsSet() && s.signsText():
		v.Error("/signature/tolerance", "the time of sending is not signed, so there is nothing to compare",
			"remove it")
	case *s.Tolerance <= 0:
		v.Error("/signature/tolerance", "the tolerance must be greater than 0", "write for example 5m, or leave it out")
	}
}

func (s *WebhookSignature) validateGeneric(v *kind.Validation) {
	s.validatePlaceOfSignature(v)
	if !s.signsText() {
		s.validateWithoutText(v)
		return
	}
	if s.DigestClaim != "" {
		v.Error("/signature/digestClaim", "only a JWT has claims", "remove it, or write `algorithm: jwt`")
	}
	if s.Encoding == string(signature.Raw) {
		v.Error("/signature/encoding", "a signature is bytes, which are written as hex or base64",
			"write `hex`, `base64` or `base64url`")
	}
	template, err := signature.ParseTemplate(s.signed())
	if err != nil {
		v.Error("/signature/signed", err.Error(), "write for example `{timestamp}.{body}`")
		return
	}
	for _, header := range template.Headers() {
		validateHeader(v, "/signature/signed", header)
	}
	plain := s.Algorithm == string(signature.PlainSHA256)
	switch {
	case plain && !template.HasSecret():
		v.Error("/signature/signed", "a plain hash without the secret could be made by everyone",
			"write for example `{secret}{body}`")
	case !plain && template.HasSecret():
		v.Error("/signature/signed", "{secret} is for `algorithm: plain-sha256`; other algorithms use it as their key",
			"remove {secret}")
	case template.SignsFields():
		v.Warn("/signature/signed", "only some fields of the body are signed; the others can be forged",
			"write {body} if the sender signs the whole body")
	}
	s.validatePlace(v, "idHeader", "/signature/idHeader", s.IDHeader != "", "{id}", template.HasID())
	if s.IDHeader != "" {
		validateHeader(v, "/signature/idHeader", s.IDHeader)
	}
	s.validateTime(v, template)
}

// validatePlaceOfSignature reports a signature with no place, or with several.
func (s *WebhookSignature) validatePlaceOfSignature(v *kind.Validation) {
	if s.Query == "" && s.Field == nil {
		validateHeader(v, "/signature/header", s.Header)
		return
	}
	places := 0
	for _, set := range []bool{s.Header != "", s.Query != "", s.Field != nil} {
		if set {
			places++
		}
	}
	if places > 1 {
		v.Error("/signature", "the signature has one place: header, query or field", "keep one of them")
	}
	if s.Field != nil && strings.Contains(s.signed(), "{body}") || s.Field != nil && s.Signed == "" && s.signsText() {
		v.Error("/signature/signed", "a signature that stands in the body cannot sign the whole body",
			"write the fields that are signed as {body:PATH}")
	}
	if s.Field != nil && s.Algorithm == string(signature.Token) {
		v.Error("/signature/field", "the run would see the token in its body",
			"use a header or a query parameter")
	}
}

// validateWithoutText checks a JWT or a token, which sign no text.
func (s *WebhookSignature) validateWithoutText(v *kind.Validation) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"signed", s.Signed != ""}, {"idHeader", s.IDHeader != ""}, {"timestampHeader", s.TimestampHeader != ""},
		{"timestampElement", s.TimestampElement != ""}, {"timestampField", s.TimestampField != nil},
	} {
		if field.set {
			v.Error("/signature/"+field.name, fmt.Sprintf("%s signs no text", s.Algorithm), "remove it")
		}
	}
	jwt := s.Algorithm == string(signature.JWT)
	switch {
	case jwt && s.DigestClaim == "":
		v.Error("/signature/digestClaim", "a JWT without a digest of the body would admit any body",
			"write the claim with the SHA-256 of the body, for example `digestClaim: payload_hash`")
	case jwt && s.Encoding == string(signature.Raw):
		v.Error("/signature/encoding", "the digest is bytes, which are written as hex or base64",
			"write `hex`, `base64` or `base64url`")
	case !jwt && s.DigestClaim != "":
		v.Error("/signature/digestClaim", "only a JWT has claims", "remove it, or write `algorithm: jwt`")
	case !jwt && s.Tolerance != nil:
		v.Error("/signature/tolerance", "a token has no time", "remove it")
	case !jwt:
		v.Warn("/signature", "the secret itself is sent, and the body is not signed",
			"let the sender sign, if it can")
	}
}

// validateTime reports a time whose value is not signed, and a signed time without a place.
func (s *WebhookSignature) validateTime(v *kind.Validation, template signature.Template) {
	field, places := "timestampHeader", 0
	for _, place := range []struct {
		name string
		set  bool
	}{
		{"timestampHeader", s.TimestampHeader != ""}, {"timestampElement", s.TimestampElement != ""},
		{"timestampField", s.TimestampField != nil},
	} {
		if place.set {
			field = place.name
			places++
		}
	}
	switch {
	case places == 0 && template.HasTimestamp():
		v.Error("/signature/signed", "{timestamp} is signed, and nothing says where it stands",
			"add `timestampHeader` for "+
				"a header of its own; if the time stands beside the signature, as in `t=1680000000,v1=5257a8…`, write "+
				"`timestampElement: t=` and `prefix: v1=`; if it is in the body, `timestampField`")
		return
	case places > 1:
		v.Error("/signature", "the time of sending has one place", "keep one of timestampHeader, timestampElement and "+
			"timestampField")
		return
	case s.TimestampElement != "" && s.Separator != nil && *s.Separator == "":
		v.Error("/signature/separator", "the time and the signature must be separated", "write for example `;`")
	case s.TimestampHeader != "":
		validateHeader(v, "/signature/timestampHeader", s.TimestampHeader)
	}
	if s.TimestampField != nil && !template.SignsFields() {
		return // The whole body is signed, and its time with it.
	}
	s.validatePlace(v, field, "/signature/"+field, places > 0, "{timestamp}", template.HasTimestamp())
}

// validatePlace reports a place whose value is not signed, because it proves nothing, and a signed value without a
// place.
func (s *WebhookSignature) validatePlace(v *kind.Validation, field, pointer string, set bool, place string,
	signed bool) {
	switch {
	case !set && signed:
		v.Error("/signature/signed", fmt.Sprintf("%s is signed, and nothing says where it stands", place),
			fmt.Sprintf("add `%s`", field))
	case set && !signed:
		v.Error(pointer, fmt.Sprintf("%s is not signed, so its value can be forged", place),
			fmt.Sprintf("add %s to `signed`, or remove it", place))
	}
}

// asymmetric reports whether the secrets are public keys.
func (s *WebhookSignature) asymmetric() bool {
	preset := s.Preset()
	return preset.TakesPublicKeys()
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
	return preset.NamesEvents()
}
