package trigger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookHandshake answers a sender that asks whether the URL is meant for it. The answer starts no run.
type WebhookHandshake struct {
	// Method of the question. A POST is verified as every delivery, if the trigger has a `signature`.
	Method string `json:"method,omitempty" enum:"GET,HEAD,POST" default:"GET"`
	// Echo is the place of the text to answer with, the challenge: `query.NAME`, `headers.NAME` or `body.PATH`. Without
	// it, the answer is empty, or what `as` says.
	Echo CallPlace `json:"echo,omitzero"`
	// As is the form of the answer: `text`, `json` (a mapping of the last name of `echo` to the challenge), or a
	// mapping that is sent as JSON, with {challenge} and {hmac} in its texts.
	As any `json:"as,omitempty" default:"text"`
	// When are the conditions that make a call a question: places, as in `echo`, with the text that must be there. A
	// token that the sender must know is written as `{ secret: NAME }`.
	When map[string]Credential `json:"when,omitempty"`
	// HMAC says how {hmac} is made of the challenge, with the first secret of the `signature`.
	HMAC *HandshakeHMAC `json:"hmac,omitempty"`
}

// HandshakeHMAC is how an HMAC of a challenge is made.
type HandshakeHMAC struct {
	// Algorithm is the hash.
	Algorithm string `json:"algorithm,omitempty" enum:"sha1,sha256,sha384,sha512" default:"sha256"`
	// Encoding is how the HMAC is written as text.
	Encoding string `json:"encoding,omitempty" enum:"hex,base64,base64url" default:"hex"`
}

// CallPlace is the place of a value in a call.
type CallPlace struct{ signature.Place }

const placeExample = "write `query.NAME`, `headers.NAME` or `body.PATH`"

// Decode takes `query.NAME`, `headers.NAME` or `body.PATH`.
func (p *CallPlace) Decode(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s is no place in a call; %s", everhook.TypeName(v), placeExample)
	}
	var err error
	p.Place, err = parsePlace(text)
	return err
}

func parsePlace(text string) (signature.Place, error) {
	where, name, _ := strings.Cut(text, ".")
	if name == "" {
		return signature.Place{}, fmt.Errorf("%q is no place in a call; %s", everhook.Shorten(text, 60), placeExample)
	}
	switch where {
	case "query":
		return signature.Place{Query: name}, nil
	case "headers":
		return signature.Place{Header: name}, nil
	case "body":
		path, err := everhook.ParsePath(name)
		return signature.Place{Body: path}, err
	}
	return signature.Place{}, fmt.Errorf("%q is no place in a call; %s", everhook.Shorten(text, 60), placeExample)
}

// JSONSchema is that of `query.NAME`, `headers.NAME` or `body.PATH`.
func (*CallPlace) JSONSchema() map[string]any {
	return map[string]any{"title": "`query.NAME`, `headers.NAME` or `body.PATH`", "type": "string",
		"pattern": `^(query|headers|body)\..+$`}
}

// Handshake is the question and its answer, and the tokens that a sender must know, in the order of the conditions.
func (h *WebhookHandshake) Handshake() (signature.Handshake, []Credential) {
	handshake := signature.Handshake{Method: h.method(), Challenge: h.Echo.Place, Answer: h.answer()}
	var tokens []Credential
	for _, name := range everhook.SortedKeys(h.When) {
		wanted := h.When[name]
		// Validate has reported the error.
		place, _ := parsePlace(name)
		condition := signature.Condition{Place: place, Is: wanted.Literal}
		if wanted.Secret != "" {
			condition.Secret = true
			tokens = append(tokens, wanted)
		}
		handshake.When = append(handshake.When, condition)
	}
	if h.HMAC != nil {
		handshake.HMAC = signature.Method{
			Algorithm: signature.Algorithm(cmp.Or(h.HMAC.Algorithm, string(signature.SHA256))),
			Encoding:  signature.Encoding(cmp.Or(h.HMAC.Encoding, string(signature.Hex))),
		}
	}
	return handshake, tokens
}

func (h *WebhookHandshake) method() string { return cmp.Or(h.Method, "GET") }

// The words of `as`.
const (
	asText = "text"
	asJSON = "json"
)

func (h *WebhookHandshake) answer() any {
	switch {
	case h.As == asJSON:
		return map[string]any{h.echoed(): "{challenge}"}
	case h.As != nil && h.As != asText:
		return h.As
	case h.Echo.IsSet():
		return "{challenge}"
	default:
		return nil
	}
}

// echoed is the last name of the place of the challenge.
func (h *WebhookHandshake) echoed() string {
	if path := h.Echo.Body; path != nil {
		return path[len(path)-1].Name
	}
	return cmp.Or(h.Echo.Query, h.Echo.Header)
}

// Secrets are the names of the tokens.
func (h *WebhookHandshake) secrets() []Credential {
	_, tokens := h.Handshake()
	return tokens
}

func (h *WebhookHandshake) validate(v *kind.Validation, signed *WebhookSignature) {
	for _, name := range everhook.SortedKeys(h.When) {
		place, err := parsePlace(name)
		if err != nil {
			v.Error("/handshake/when", err.Error(), placeExample)
		} else {
			h.validatePlace(v, "/handshake/when", place)
		}
	}
	h.validatePlace(v, "/handshake/echo", h.Echo.Place)
	if h.Method == "POST" && len(h.When) == 0 {
		v.Error("/handshake/when", "every delivery would be taken for a question",
			"say what tells a question, for example "+
				"`when: { body.type: url_verification }`")
	}
	switch as := h.As.(type) {
	case nil, map[string]any:
	case string:
		if as == asText || as == asJSON {
			break
		}
		v.Error("/handshake/as", fmt.Sprintf("%q is none of text and json, and no mapping", everhook.Shorten(as, 60)),
			"write `text`, `json` or a mapping")
	default:
		v.Error("/handshake/as", everhook.TypeName(as)+" is no form of an answer", "write `text`, `json` or a mapping")
	}
	if h.As == asJSON && (!h.Echo.IsSet() || h.echoed() == "") {
		v.Error("/handshake/as", "`json` names the challenge by the last name of `echo`", "write a mapping")
	}
	h.validateHMAC(v, signed)
}

func (h *WebhookHandshake) validatePlace(v *kind.Validation, pointer string, place signature.Place) {
	if place.Body != nil && h.Method != "POST" {
		v.Error(pointer, fmt.Sprintf("a %s has no body", cmp.Or(h.Method, "GET")), "write `method: POST`")
	}
	if place.Header != "" && slices.Contains(neverKept, strings.ToLower(place.Header)) {
		v.Error(pointer, place.Header+" carries credentials", "use `auth` for it")
	}
}

func (h *WebhookHandshake) validateHMAC(v *kind.Validation, signed *WebhookSignature) {
	switch {
	case h.HMAC == nil:
	case !h.Echo.IsSet():
		v.Error("/handshake/hmac", "there is no challenge to make an HMAC of", "add `echo`")
	case signed == nil || len(signed.Secrets) == 0:
		v.Error("/handshake/hmac", "there is no secret to make an HMAC with", "add a `signature` with `secrets`")
	case signed.asymmetric():
		v.Error("/handshake/hmac", "the secrets of the signature are public keys", "remove it")
	}
}
