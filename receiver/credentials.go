package receiver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Credential returns a secret. It is called for every delivery, because secrets change while the receiver runs. If it
// returns an error, the secret admits no caller; if no other secret fits either, the caller gets 503.
type Credential = func() (string, error)

// BasicCredential is a user name and where its password comes from.
type BasicCredential struct {
	Username string
	Password Credential
	// Caller is the name of the caller; empty: it has none.
	Caller string
}

// Token is a text that admits a caller, and where it comes from.
type Token struct {
	Value Credential
	// Caller is the name of the caller; empty: it has none.
	Caller string
}

// APIKey is a header, and the keys that it may have.
type APIKey struct {
	Header string
	Values []Token
}

// verdict is the result of checking one type of credential of a call.
type verdict int

const (
	right verdict = iota
	absent
	wrong
	// unreadable: no credential fits, and one could not be read.
	unreadable
)

// credentials admits callers that have a credential of every type that the flow asks for. It checks all types, and the
// reply does not say which one was wrong.
func credentials(r *Receiver, c *call) (reply, bool) {
	if len(c.route.Basic) == 0 && len(c.route.Bearer) == 0 && c.route.APIKey == nil {
		return reply{}, false
	}
	if refusal, refused := r.slowed(c); refused {
		return refusal, true
	}
	c.caller = ""
	verdicts := [...]verdict{r.basic(c), r.bearer(c), r.apiKey(c)}
	has := func(wanted verdict) bool {
		for _, verdict := range verdicts {
			if verdict == wanted {
				return true
			}
		}
		return false
	}
	if has(wrong) {
		r.guesses.Wrong(r.guesser(c), c.route.bucket(), c.began)
	}
	switch {
	case has(absent):
		return unauthorized(c.route, "send "+wanted(c.route)), true
	case has(wrong):
		return unauthorized(c.route, notRight(c.route)), true
	case has(unreadable):
		return refuse(Unavailable, "the credentials cannot be checked now; try again").retryAfter(retrySeconds), true
	}
	return reply{}, false
}

// slowed refuses a client that has shown too many wrong credentials for the flow, without a look at those that it
// shows.
func (r *Receiver) slowed(c *call) (reply, bool) {
	wait := r.guesses.Wait(r.guesser(c), c.route.bucket(), c.began)
	if wait == 0 {
		return reply{}, false
	}
	return refuse(Slowed, "too many wrong credentials came from this address; they are not looked at for a while").
		retryAfter(seconds(wait.Seconds())), true
}

// guesser is the address that guesses of the call count for: that of the caller, or of the proxy that hides it.
func (r *Receiver) guesser(c *call) netip.Addr {
	if client, known := r.client(c); known {
		return client
	}
	remote, _ := addressOf(c.ctx.RemoteAddr())
	return remote
}

// basic looks at user name and password (RFC 7617).
func (r *Receiver) basic(c *call) verdict {
	if len(c.route.Basic) == 0 {
		return right
	}
	user, password, given := basicAuth(string(c.header.Peek(fiber.HeaderAuthorization)))
	if !given {
		return absent
	}
	matches, unknown := 0, false
	for _, credential := range c.route.Basic {
		want, ok := r.look(c, credential.Password)
		unknown = unknown || !ok
		if ok {
			match := sameText(user, credential.Username) & sameText(password, want)
			c.calledBy(match, credential.Caller)
			matches |= match
		}
	}
	return verdictOf(matches, unknown)
}

// bearer looks at the token (RFC 6750).
func (r *Receiver) bearer(c *call) verdict {
	if len(c.route.Bearer) == 0 {
		return right
	}
	scheme, token, _ := strings.Cut(string(c.header.Peek(fiber.HeaderAuthorization)), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return absent
	}
	return r.oneOf(c, strings.TrimSpace(token), c.route.Bearer)
}

func (r *Receiver) apiKey(c *call) verdict {
	if c.route.APIKey == nil {
		return right
	}
	key := string(c.header.Peek(c.route.APIKey.Header))
	if key == "" {
		return absent
	}
	return r.oneOf(c, key, c.route.APIKey.Values)
}

func (r *Receiver) oneOf(c *call, shown string, tokens []Token) verdict {
	matches, unknown := 0, false
	for _, token := range tokens {
		want, ok := r.look(c, token.Value)
		unknown = unknown || !ok
		if ok {
			match := sameText(shown, want)
			c.calledBy(match, token.Caller)
			matches |= match
		}
	}
	return verdictOf(matches, unknown)
}

// calledBy notes the caller of a credential that matches. A call with two kinds of credentials may have two names.
func (c *call) calledBy(match int, caller string) {
	switch {
	case match == 0 || caller == "" || c.caller == caller:
	case c.caller == "":
		c.caller = caller
	default:
		c.caller += " " + caller // no name has a space
	}
}

func verdictOf(matches int, unknown bool) verdict {
	switch {
	case matches == 1:
		return right
	case unknown:
		return unreadable
	default:
		return wrong
	}
}

// look reads a credential. An empty one counts as unset: it would admit callers that send nothing.
func (r *Receiver) look(c *call, credential Credential) (string, bool) {
	value, err := credential()
	if err != nil {
		r.options.Logger.Error("a credential of a webhook cannot be read", "flow", c.route.Flow, "error", err)
	}
	return value, err == nil && value != ""
}

// wanted describes the credential that a caller has to send.
func wanted(route *Route) string {
	var kinds []string
	if len(route.Basic) > 0 {
		kinds = append(kinds, "a user name and a password: curl -u USER:PASSWORD …")
	}
	if len(route.Bearer) > 0 {
		kinds = append(kinds, "a token: curl -H 'Authorization: Bearer TOKEN' …")
	}
	if route.APIKey != nil {
		kinds = append(kinds, "a key: curl -H '"+route.APIKey.Header+": KEY' …")
	}
	return strings.Join(kinds, ", and ")
}

// notRight names the kind only where there is no other.
func notRight(route *Route) string {
	kinds := 0
	for _, configured := range []bool{len(route.Basic) > 0, len(route.Bearer) > 0, route.APIKey != nil} {
		if configured {
			kinds++
		}
	}
	switch {
	case kinds == 1 && len(route.Basic) > 0:
		return "the user name or the password is wrong"
	case kinds == 1 && route.APIKey != nil:
		return "the key is wrong"
	case kinds == 1:
		return "the token is wrong"
	default:
		return "the credentials are wrong"
	}
}

// unauthorized names the scheme of the header Authorization, if there is one (RFC 9110, 11.6.1): keys and signatures
// have none.
func unauthorized(route *Route, detail string) reply {
	refusal := refuse(Unauthorized, detail)
	switch {
	case len(route.Basic) > 0:
		return refusal.with(fiber.HeaderWWWAuthenticate, `Basic realm="everhook", charset="UTF-8"`)
	case len(route.Bearer) > 0:
		return refusal.with(fiber.HeaderWWWAuthenticate, `Bearer realm="everhook"`)
	default:
		return refusal
	}
}

func basicAuth(header string) (user, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// sameText is 1 for equal texts, and takes as long for every other text of the same length as a.
func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
