package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"regexp"
	"strings"
)

// Handshake is a request of a provider that verifies the URL. Its answer starts no run.
type Handshake struct {
	// Method is GET, HEAD or POST.
	Method string
	// When are the conditions that make a call of that method a handshake; all must hold.
	When []Condition
	// Unsigned handshakes are answered before the signature is checked. They are POSTs; a GET or HEAD is never signed.
	Unsigned bool
	// Challenge is the place of the text that the answer repeats; without it, the answer is fixed.
	Challenge Place
	// Answer is the body: text, or a value that is sent as JSON. In its texts, {challenge} and {hmac} stand for the
	// challenge and for its HMAC. Nil: an empty body.
	Answer any
	// HMAC says how {hmac} is made, with the first secret of the signature.
	HMAC Method
	// Call is the place of a URL that is called before the answer is sent, if the hosts of the preset's Certificate
	// have it.
	Call Place
	// Status is the HTTP status of the answer; 0: 200.
	Status int
}

// Condition is a place and the text that must be there.
type Condition struct {
	Place
	// Is is the text; empty: any text but the empty one.
	Is string
	// Empty asks for an empty list in the body, or for no header or parameter, instead.
	Empty bool
	// Secret asks for a verify token, which the operator has entered at the provider, instead.
	Secret bool
}

// Question is a request that may be a handshake.
type Question struct {
	Method string
	// Header and Query give the value of a header or parameter, or "".
	Header, Query func(name string) string
	// Body is the parsed body of a POST.
	Body any
}

// At returns the text at a place, or "".
func (q *Question) At(p Place) string {
	switch {
	case p.Header != "":
		return q.Header(p.Header)
	case p.Query != "":
		return q.Query(p.Query)
	default:
		return textAt(q.Body, p.Body)
	}
}

// maxChallenge bounds a challenge, in bytes.
const maxChallenge = 4 << 10

// Tokens counts the verify tokens that a handshake asks for.
func (h *Handshake) Tokens() int {
	n := 0
	for _, condition := range h.When {
		if condition.Secret {
			n++
		}
	}
	return n
}

// Is reports whether a call is this handshake: all conditions hold except those about verify tokens, and a required
// challenge is present.
func (h *Handshake) Is(q *Question) bool {
	if q.Method != h.Method {
		return false
	}
	for _, condition := range h.When {
		if !condition.Secret && !condition.holds(q) {
			return false
		}
	}
	return !h.Challenge.IsSet() || q.At(h.Challenge) != ""
}

func (c *Condition) holds(q *Question) bool {
	if c.Empty && c.Body == nil {
		return q.At(c.Place) == ""
	}
	if c.Empty {
		v, _ := c.Body.Get(q.Body)
		list, ok := v.([]any)
		return ok && len(list) == 0
	}
	text := q.At(c.Place)
	return text != "" && (c.Is == "" || text == c.Is)
}

// Knows reports whether the verify tokens of a call are the given ones, in the order of the conditions. An empty token
// is always wrong. Its duration does not depend on how much of a token is right.
func (h *Handshake) Knows(q *Question, tokens []string) bool {
	right := 1
	for _, condition := range h.When {
		if !condition.Secret {
			continue
		}
		if len(tokens) == 0 || tokens[0] == "" {
			return false
		}
		given, want := sha256.Sum256([]byte(q.At(condition.Place))), sha256.Sum256([]byte(tokens[0]))
		right &= subtle.ConstantTimeCompare(given[:], want[:])
		tokens = tokens[1:]
	}
	return right == 1
}

// harmless matches challenges whose HMAC may be sent to strangers: none of them can be the signed text of a delivery,
// which contains braces or colons.
var harmless = regexp.MustCompile(`^[A-Za-z0-9_=+/.-]{1,200}$`)

// ErrChallenge is the error of Reply for a refused challenge.
var ErrChallenge = errors.New("the challenge is too long, or has characters that no challenge of this kind has")

// NeedsSecret reports whether the answer has an HMAC.
func (h *Handshake) NeedsSecret() bool { return h.HMAC.Algorithm != "" }

// Reply returns the body of the answer; nil if it is empty. The secret is the scheme's; it is used if NeedsSecret.
func (h *Handshake) Reply(q *Question, scheme *Scheme, secret string) (any, error) {
	challenge := ""
	if h.Challenge.IsSet() {
		challenge = q.At(h.Challenge)
	}
	if len(challenge) > maxChallenge {
		return nil, ErrChallenge
	}
	mac := ""
	if h.NeedsSecret() {
		if !harmless.MatchString(challenge) {
			return nil, ErrChallenge
		}
		k, err := scheme.key(secret)
		if err != nil {
			return nil, err
		}
		mac = h.HMAC.Encoding.encode(macOf(h.HMAC.Algorithm, k, challenge))
	}
	return replace(h.Answer, strings.NewReplacer("{challenge}", challenge, "{hmac}", mac)), nil
}

// replace replaces placeholders in the texts of a value.
func replace(v any, with *strings.Replacer) any {
	switch v := v.(type) {
	case string:
		return with.Replace(v)
	case map[string]any:
		filled := make(map[string]any, len(v))
		for name, value := range v {
			filled[name] = replace(value, with)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, value := range v {
			filled[i] = replace(value, with)
		}
		return filled
	default:
		return v
	}
}
