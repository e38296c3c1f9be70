package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookCalls says which calls of a URL are taken, and which parts of them are kept. Webhooks and nodes that wait for
// a call have these fields.
type WebhookCalls struct {
	// MaxBody limits the body of a call, at most 10MiB. A body that has more than 1.9 MB after compression needs a
	// server that keeps large values outside of Temporal (`--payload-store`, on by default with the embedded server).
	// On other servers such a call gets 413.
	MaxBody everhook.Size `json:"maxBody,omitempty" default:"1MiB"`
	// Accept lists the formats of the body: json (JSON on lines, NDJSON, is a list), form, multipart, xml, text or
	// binary. Fields of forms nest in the same way as query parameters. A file becomes a mapping of name, filename,
	// contentType, size and base64. XML nests, with attributes as `@name` and text beside them as `#text`. binary takes
	// every type that no other listed format has, as a file. Text is converted from the charset that the body or its
	// Content-Type declares. Without it, what the preset of the `signature` says, or json.
	Accept []string `json:"accept,omitempty" enum:"json,form,multipart,xml,text,binary" single:"true" default:"json"`
	// Numbers says what an integer of JSON beyond 64 bits becomes: text has it kept as the text of its digits, all
	// other numbers stay numbers. Without it, a body with such an integer is refused with 400.
	Numbers string `json:"numbers,omitempty" enum:"text"`
	// Raw also keeps the text of the body as it came, as `raw` beside `body`. A body that is no text is refused with
	// 400; for a body that `accept: binary` takes, raw is nil.
	Raw bool `json:"raw,omitempty" default:"false"`
	// Allow lists the addresses that may call, such as 203.0.113.0/24 or 203.0.113.7. If callers reach the server
	// through a proxy, the server must know the proxy (`--trusted-proxies`).
	Allow []everhook.CIDR `json:"allow,omitempty" single:"true"`
	// Auth are the credentials that a caller must show: one of each kind that is configured.
	Auth WebhookAuth `json:"auth,omitzero"`
	// Signature proves that the sender has a secret.
	Signature *WebhookSignature `json:"signature,omitempty"`
	// RateLimit limits the number of calls that each receiver takes. Further calls get 429 with Retry-After.
	RateLimit *WebhookRate `json:"rateLimit,omitempty"`
	// Schema is a JSON Schema (2020-12) for the whole body, before `request` reduces it. A body that does not match
	// gets 422 with the places and reasons. `format` is checked. References must stay inside the schema.
	Schema BodySchema `json:"schema,omitzero"`
	// Request says which parts of a call the run sees.
	Request WebhookRequest `json:"request,omitzero"`
}

// NumbersText is the value of Numbers that takes integers beyond 64 bits.
const NumbersText = "text"

// neverKept are headers that carry credentials in every call.
var neverKept = []string{"authorization", "cookie", "proxy-authorization"}

// ValidateCalls checks what the types leave open: sizes, credentials, the signature and names.
func (w *WebhookCalls) ValidateCalls(v *kind.Validation) {
	if w.MaxBody > MaxMaxBody {
		v.Error("/maxBody", fmt.Sprintf("%s is more than the %s that a body can have", w.MaxBody, MaxMaxBody),
			fmt.Sprintf("write at most %s", MaxMaxBody))
	}
	if w.Accept != nil && len(w.Accept) == 0 {
		v.Error("/accept", "the list is empty: no body could be sent", "write `[json]`, or leave it out")
	}
	if formats := w.Formats(); w.Raw && len(formats) == 1 && formats[0] == "binary" {
		v.Warn("/raw", "with binary alone, raw is always nil: the body itself has all bytes",
			"remove raw, or accept text")
	}
	w.Auth.validate(v)
	w.validateLimits(v)
	if w.Signature != nil {
		w.Signature.validate(v)
	}
	never := w.NeverKept()
	for i, name := range w.Request.Headers {
		validateHeader(v, fmt.Sprintf("/request/headers/%d", i), name)
		if slices.Contains(never, strings.ToLower(name)) {
			v.Error(fmt.Sprintf("/request/headers/%d", i), fmt.Sprintf("%s carries credentials and is never kept",
				name), "remove it")
		}
	}
}

// protected reports whether a caller needs more than the URL.
func (w *WebhookCalls) protected() bool {
	return len(w.Auth.Basic) > 0 || w.Auth.Bearer != nil || w.Auth.APIKey != nil || w.Signature != nil ||
		len(w.Allow) > 0
}

func (w *WebhookCalls) validateLimits(v *kind.Validation) {
	switch {
	case w.Allow != nil && len(w.Allow) == 0:
		v.Error("/allow", "an empty list refuses every call", "add a range of addresses, or remove it")
	case len(w.Allow) > maxRanges:
		v.Error("/allow", fmt.Sprintf("%d ranges are more than the %d that are compared", len(w.Allow), maxRanges),
			"use larger ranges")
	}
	if r := w.RateLimit; r != nil {
		if !(r.Rate >= minRate && r.Rate <= maxRate) {
			v.Error("/rateLimit/rate", fmt.Sprintf("%v is not within 0.01 to 100000 deliveries a second", r.Rate),
				"write for example 100")
		}
		if r.Burst < 0 || r.Burst > maxRate {
			v.Error("/rateLimit/burst", fmt.Sprintf("%d is not within 1 to 100000 deliveries", r.Burst),
				"write for example 200, or leave it out")
		}
	}
}

// NeverKept are the headers of a call that carry credentials or signatures, in lower case: no projection keeps them.
func (w *WebhookCalls) NeverKept() []string {
	names := slices.Clone(neverKept)
	if w.Auth.APIKey != nil {
		names = append(names, strings.ToLower(w.Auth.APIKey.Header))
	}
	if w.Signature != nil {
		preset := w.Signature.Preset()
		for _, name := range preset.SecretHeaders() {
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// StandardAnswer is the answer to the caller of an async flow whose trigger does not say one; nil: 200 with the body
// "ok".
func (w *WebhookCalls) StandardAnswer() *everhook.Answer {
	if w.Signature == nil {
		return nil
	}
	return w.Signature.Preset().Response
}

// Formats are the formats of bodies that are taken.
func (w *WebhookCalls) Formats() []string {
	if w.Accept == nil && w.Signature != nil {
		return w.Signature.Preset().Accept
	}
	return w.Accept
}

// Secrets are the names of the secrets that callers' credentials and signatures are compared with.
func (w *WebhookCalls) Secrets() []string {
	var all []Credential
	for _, user := range w.Auth.Basic {
		all = append(all, user.Password)
	}
	if w.Auth.Bearer != nil {
		all = append(all, w.Auth.Bearer.Credentials()...)
	}
	if w.Auth.APIKey != nil {
		all = append(all, w.Auth.APIKey.Credentials()...)
	}
	if w.Signature != nil {
		all = append(all, w.Signature.Secrets...)
		if w.Signature.VerifyToken != nil {
			all = append(all, *w.Signature.VerifyToken)
		}
	}
	var names []string
	for _, credential := range all {
		if credential.Secret != "" {
			names = append(names, credential.Secret)
		}
	}
	return names
}

// CallShape describes the kept part of a call.
func (w *WebhookCalls) CallShape() *expression.Shape {
	shape := w.Request.shape()
	if w.Raw {
		shape.Fields["raw"] = &expression.Shape{Type: expression.Text, Help: "The text of the body."}
	} else {
		shape.Hidden = map[string]string{"raw": "set `raw: true` to keep the text of the body"}
	}
	return shape
}

// shape describes the kept part of a call.
func (r *WebhookRequest) shape() *expression.Shape {
	headers := &expression.Shape{Fields: map[string]*expression.Shape{}, Missing: "add it to `request.headers`"}
	for _, name := range r.Headers {
		headers.Fields[strings.ToLower(name)] = &expression.Shape{}
	}
	return &expression.Shape{Fields: map[string]*expression.Shape{
		"headers": headers, "query": keptShape(r.Query, "request.query"), "body": keptShape(r.Body, "request.body"),
		"receivedAt": {Help: "When the call came, as RFC 3339."},
	}, Content: "body"}
}

// Callback is a kind whose nodes wait for a call of their resume URL (kind.ForCall).
type Callback interface {
	kind.Pausing
	// Calls returns the settings for calls: the accepted ones, and their kept part.
	Calls() *WebhookCalls
	// Reply returns the reply to the caller.
	Reply() *WebhookResponse
	// Page says whether the URL may be opened in a browser, and what the page shows.
	Page() *WebhookLink
}

// Receiving is a trigger that starts a run for each accepted call of the flow's URL.
type Receiving interface {
	kind.Synchronous
	// Calls returns the settings for calls: the accepted ones, and their kept part.
	Calls() *WebhookCalls
	// Reply returns the reply to the caller of an async flow.
	Reply() *WebhookResponse
	kind.Filtering
	// SkippedReply returns the reply to the caller whose delivery starts no run.
	SkippedReply() *WebhookResponse
	// CallMethods are the methods of calls that start a run.
	CallMethods() []string
	// Pages says which pages may call from their scripts; nil: none.
	Pages() *WebhookCORS
	// Handshakes are the questions of senders that are answered without a run, besides those of the signature's preset.
	Handshakes() []*WebhookHandshake
	// Duplicates say how duplicates are found and treated.
	Duplicates() *WebhookDedupe
	// DedupeKey gives the key of a delivery; empty if it has none. Deliveries with the same key are duplicates.
	DedupeKey(headers, query everhook.Mapping, body any) (string, error)
}

// Storing is a trigger whose deliveries to an async flow may wait in the inbox even while Temporal is quick.
type Storing interface {
	// StoresAlways reports whether every delivery waits there.
	StoresAlways() bool
	// AnswersEarly reports whether callers of a sync flow may have their answer before the run is started.
	AnswersEarly() bool
	// AcceptsInOutage reports whether a delivery to a sync flow is kept while Temporal is away.
	AcceptsInOutage() bool
}

// Calls is the config itself, for the kinds and triggers that embed it.
func (w *WebhookCalls) Calls() *WebhookCalls { return w }
