package signature

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Preset describes the webhooks of a provider.
type Preset struct {
	// Name is the word in flow files. It is stored in definitions: it is never edited.
	Name string
	// Title is the provider's name, Docs the address of its documentation of signatures.
	Title, Docs string
	// Setup are the steps in the provider's settings, and Notes what else an operator should know; both in Markdown.
	Setup, Notes []string
	// Scheme is how it signs. That of Generic is made by a flow's own fields.
	Scheme
	// Unsigned is set for a provider that does not sign: then the URL is the only secret.
	Unsigned bool
	// Certificate is set for a provider whose key is fetched; a flow names no secrets then.
	Certificate *Certificate
	// Topic is the path in the body of what must be one of the flow's `topics`, if the provider's key signs for all of
	// its customers.
	Topic everhook.Path
	// DedupeHeader or DedupeBody are the places of the event's ID, which is the same in each of its deliveries; the
	// texts at all paths of DedupeBody together are the ID. If there is no such ID, both are empty.
	DedupeHeader string
	DedupeBody   []everhook.Path
	// Handshakes are the questions of the provider.
	Handshakes []Handshake
	// Accept are the formats of bodies if a flow does not say; none: JSON.
	Accept []string
	// Response is the answer of an async flow if the flow does not say; nil: 200 with the body "ok".
	Response *everhook.Answer
	// Wait is how long callers are held where a flow does not say, Patience how long the provider waits for an answer
	// before it takes the delivery for failed; 0: not known.
	Wait, Patience time.Duration
}

// Generic is the preset of senders that no other one knows: signatures as a flow's own fields say.
const Generic = "hmac"

// tolerance is what most providers name for the age of a delivery.
const tolerance = 5 * time.Minute

// defaultWait is the wait where the provider's patience is not known.
const defaultWait = 30 * time.Second

// presets are all there are, in the order in which the reference lists them.
var presets = slices.Concat(standardPresets, codePresets, paymentPresets, messagePresets, businessPresets,
	[]Preset{{Name: Generic, Title: "Other senders", Wait: defaultWait}})

// Find gives the preset of a name.
func Find(name string) (Preset, bool) {
	for i := range presets {
		if presets[i].Name == name {
			return presets[i], true
		}
	}
	return Preset{}, false
}

// Presets are all presets.
func Presets() []Preset { return slices.Clone(presets) }

// Names are the names of all presets.
func Names() []string {
	names := make([]string, len(presets))
	for i, preset := range presets {
		names[i] = preset.Name
	}
	return names
}

// TakesSecrets reports whether a flow names secrets for the preset.
func (p *Preset) TakesSecrets() bool { return !p.Unsigned && p.Certificate == nil }

// NamesEvents reports whether the preset knows the ID of an event.
func (p *Preset) NamesEvents() bool { return p.DedupeHeader != "" || len(p.DedupeBody) > 0 }

// DedupeKey is the ID of the event of a delivery, empty where it has none. Header gives the value of a header or "",
// body is the whole body.
func (p *Preset) DedupeKey(header func(name string) string, body any) string {
	if p.DedupeHeader != "" {
		return header(p.DedupeHeader)
	}
	texts := make([]string, len(p.DedupeBody))
	for i, at := range p.DedupeBody {
		if texts[i] = textAt(body, at); texts[i] == "" {
			return ""
		}
	}
	return strings.Join(texts, ":")
}

// AsksForToken reports whether a handshake needs a verify token.
func (p *Preset) AsksForToken() bool {
	return slices.ContainsFunc(p.Handshakes, func(h Handshake) bool { return h.Tokens() > 0 })
}

// TakesPublicKeys reports whether the secrets of flows are public keys.
func (p *Preset) TakesPublicKeys() bool {
	return len(p.Methods) > 0 && p.Methods[0].Algorithm.family() != shared && p.Methods[0].Algorithm != JWT
}

// SecretHeaders are the headers with signatures or tokens, which no run sees.
func (p *Preset) SecretHeaders() []string {
	if p.Signature.Header == "" {
		return nil
	}
	return append([]string{p.Signature.Header}, p.Others...)
}

// Takes reports whether a message is one of the given topics, if the preset has topics.
func (p *Preset) Takes(body any, topics []string) bool {
	return p.Topic == nil || slices.Contains(topics, textAt(body, p.Topic))
}

// textAt is the text or whole number at a path, or "". No path points to nothing.
func textAt(body any, at everhook.Path) string {
	if len(at) == 0 {
		return ""
	}
	v, _ := at.Get(body)
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	default:
		return ""
	}
}

// The functions below are for the tables of presets.

func path(text string) everhook.Path {
	at, err := everhook.ParsePath(text)
	if err != nil {
		panic(err)
	}
	return at
}

func paths(texts ...string) []everhook.Path {
	all := make([]everhook.Path, len(texts))
	for i, text := range texts {
		all[i] = path(text)
	}
	return all
}

func header(name string) Place    { return Place{Header: name} }
func parameter(name string) Place { return Place{Query: name} }
func field(name string) Place     { return Place{Body: path(name)} }
func element(name string) Place   { return Place{Element: name} }

// body is the scheme of most providers: an HMAC of the body.
func bodyHMAC(name, prefix string, algorithm Algorithm, encoding Encoding) Scheme {
	return Scheme{Signature: header(name), Methods: []Method{{prefix, algorithm, encoding}}, Signed: template("{body}")}
}

// echo is a GET handshake that answers with a parameter as text.
func echo(name string) Handshake {
	return Handshake{Method: "GET", Challenge: parameter(name), Answer: "{challenge}"}
}

// alive is a HEAD handshake, whose answer is only its status.
var alive = Handshake{Method: "HEAD"}
