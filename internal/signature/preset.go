package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"time"

	"github.com/everhook/everhook"
)

// Preset describes the webhooks of a provider.
type Preset struct {
	// Name is the word in flow files. It is stored in definitions: it is never edited.
	Name string
	// Scheme is how it signs. That of Generic is made by a flow's own fields.
	Scheme
	// DedupeHeader or DedupeBody is the place of the event's ID, which is the same in each of its deliveries. If there
	// is no such ID, both are empty.
	DedupeHeader string
	DedupeBody   everhook.Path
	// Subscription is how the provider asks with GET whether the URL is meant for it; nil: it does not.
	Subscription *Subscription
	// Confirmation is how it asks with a delivery; nil: it does not.
	Confirmation *Confirmation
	// Wait is how long callers are held where a flow does not say, Patience how long the provider waits for an answer
	// before it takes the delivery for failed; 0: not known.
	Wait, Patience time.Duration
}

// Generic is the preset of senders that no other one knows: HMAC as a flow's own fields say.
const Generic = "hmac"

// tolerance is what most providers name for the age of a delivery.
const tolerance = 5 * time.Minute

// presets are all there are. Sources: the providers' documentation, and github.com/standard-webhooks/standard-webhooks.
var presets = []Preset{
	{
		Name: "standard-webhooks",
		Scheme: Scheme{
			Header: "webhook-signature", Separator: " ",
			Methods: []Method{{"v1,", SHA256, Base64}, {"v1a,", Ed25519, Base64}},
			Signed:  template("{id}.{timestamp}.{body}"), ID: "webhook-id",
			Timestamp: Source{Header: "webhook-timestamp"},
			Tolerance: tolerance, Keys: StandardKeys,
		},
		DedupeHeader: "webhook-id",
		Wait:         15 * time.Second, Patience: 15 * time.Second,
	},
	{
		Name: "github",
		Scheme: Scheme{Header: "X-Hub-Signature-256", Methods: []Method{{"sha256=", SHA256, Hex}},
			Signed: template("{body}")},
		DedupeHeader: "X-GitHub-Delivery",
		Wait:         9 * time.Second, Patience: 10 * time.Second,
	},
	{
		Name: "stripe",
		Scheme: Scheme{
			Header: "Stripe-Signature", Separator: ",", Methods: []Method{{"v1=", SHA256, Hex}},
			Signed: template("{timestamp}.{body}"), Timestamp: Source{Element: "t="}, Tolerance: tolerance,
		},
		DedupeBody: path("id"),
		Wait:       15 * time.Second, Patience: 15 * time.Second,
	},
	{
		Name: "slack",
		Scheme: Scheme{
			Header: "X-Slack-Signature", Methods: []Method{{"v0=", SHA256, Hex}},
			Signed: template("v0:{timestamp}:{body}"), Timestamp: Source{Header: "X-Slack-Request-Timestamp"},
			Tolerance: tolerance,
		},
		DedupeBody:   path("event_id"),
		Confirmation: &Confirmation{Field: path("type"), Value: "url_verification", Challenge: path("challenge")},
		Wait:         2500 * time.Millisecond, Patience: 3 * time.Second,
	},
	{
		Name: "shopify",
		Scheme: Scheme{Header: "X-Shopify-Hmac-Sha256", Methods: []Method{{"", SHA256, Base64}},
			Signed: template("{body}")},
		DedupeHeader: "X-Shopify-Webhook-Id",
		Wait:         4 * time.Second, Patience: 5 * time.Second,
	},
	{
		Name: "linear",
		Scheme: Scheme{
			Header: "Linear-Signature", Methods: []Method{{"", SHA256, Hex}},
			Signed: template("{body}"), Timestamp: Source{Body: path("webhookTimestamp")}, Tolerance: time.Minute,
		},
		DedupeHeader: "Linear-Delivery",
		Wait:         5 * time.Second, Patience: 5 * time.Second,
	},
	{
		Name: "meta",
		Scheme: Scheme{Header: "X-Hub-Signature-256", Methods: []Method{{"sha256=", SHA256, Hex}},
			Signed: template("{body}")},
		Subscription: &Subscription{Mode: "hub.mode", Subscribe: "subscribe", Token: "hub.verify_token",
			Challenge: "hub.challenge"},
		Wait: 5 * time.Second, Patience: 5 * time.Second,
	},
	{Name: Generic, Wait: 30 * time.Second},
}

// Find gives the preset of a name.
func Find(name string) (Preset, bool) {
	for _, preset := range presets {
		if preset.Name == name {
			return preset, true
		}
	}
	return Preset{}, false
}

// Names are the names of all presets.
func Names() []string {
	names := make([]string, len(presets))
	for i, preset := range presets {
		names[i] = preset.Name
	}
	return names
}

// DedupeKey is the ID of the event of a delivery, empty where it has none. Header gives the value of a header or "",
// body is the whole body.
func (p *Preset) DedupeKey(header func(name string) string, body any) string {
	if p.DedupeHeader != "" {
		return header(p.DedupeHeader)
	}
	return textAt(body, p.DedupeBody)
}

// Subscription is a GET with the parameters that it names.
type Subscription struct {
	// Mode is the parameter that has the value Subscribe.
	Mode, Subscribe string
	// Token is the parameter with the verify token, which the operator has entered at the provider.
	Token string
	// Challenge is the parameter whose value is the answer.
	Challenge string
}

// IsOne reports whether a GET with these parameters is a subscription.
func (s *Subscription) IsOne(query func(name string) string) bool {
	return query(s.Mode) == s.Subscribe && query(s.Challenge) != ""
}

// Answer returns the reply to a subscription, or false if its token is wrong. An empty token is always wrong.
func (s *Subscription) Answer(query func(name string) string, token string) (string, bool) {
	shown, want := sha256.Sum256([]byte(query(s.Token))), sha256.Sum256([]byte(token))
	if token == "" || subtle.ConstantTimeCompare(shown[:], want[:]) == 0 {
		return "", false
	}
	return query(s.Challenge), true
}

// Confirmation is a delivery, signed as every other, whose body has at Field the text Value.
type Confirmation struct {
	Field everhook.Path
	Value string
	// Challenge is the path of the text to answer with.
	Challenge everhook.Path
}

// Answer returns the reply if the delivery is a confirmation.
func (c *Confirmation) Answer(body any) (string, bool) {
	if textAt(body, c.Field) != c.Value {
		return "", false
	}
	challenge := textAt(body, c.Challenge)
	return challenge, challenge != ""
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

// path is for the table of presets.
func path(text string) everhook.Path {
	at, err := everhook.ParsePath(text)
	if err != nil {
		panic(err)
	}
	return at
}
