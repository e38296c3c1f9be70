package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookCalls says which calls of a URL are taken, and what of them is kept: of a trigger's, and of one that resumes a
// run.
type WebhookCalls struct {
	// MaxBody bounds the body of a call, up to 10MiB. Default 1MiB. Above 1.9 MB, compressed, it needs a server that
	// keeps large values outside of Temporal (--payload-store, on by default with the embedded one); elsewhere such a
	// call gets 413.
	MaxBody everhook.Size `json:"maxBody,omitempty"`
	// Accept lists what bodies may be: json, form, multipart, xml or text, all in UTF-8. Fields of forms nest as query
	// parameters do; a file becomes a mapping of name, filename, contentType, size and base64; XML nests, with
	// attributes as `@name` and text beside them as `#text`. Default json.
	Accept []string `json:"accept,omitempty" enum:"json,form,multipart,xml,text" single:"true"`
	// Allow lists the addresses that may call, as 203.0.113.0/24 or 203.0.113.7. Behind a proxy of yours the server
	// must know it (`--trusted-proxies`).
	Allow []everhook.CIDR `json:"allow,omitempty" single:"true"`
	// Auth are the credentials that a caller must show: one of each kind that is configured.
	Auth WebhookAuth `json:"auth,omitzero"`
	// Signature proves that the sender has a secret.
	Signature *WebhookSignature `json:"signature,omitempty"`
	// RateLimit bounds how many deliveries each receiver takes; over it callers get 429 with Retry-After.
	RateLimit *WebhookRate `json:"rateLimit,omitempty"`
	// Schema is a JSON Schema (2020-12) for the body of a call, as it is before `request` keeps a part of it; a body
	// that does not fit gets 422 with the places and reasons. `format` is checked, references lead into the schema
	// itself.
	Schema BodySchema `json:"schema,omitzero"`
	// Request says what of a call the run sees.
	Request WebhookRequest `json:"request,omitzero"`
}

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
	w.Auth.validate(v)
	w.validateLimits(v)
	if w.Signature != nil {
		w.Signature.validate(v)
	}
	never := w.NeverKept()
	for i, name := range w.Request.Headers {
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
		v.Error("/allow", "an empty list lets nobody in", "add a range of addresses, or remove it")
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
		names = append(names, strings.ToLower(w.Signature.Preset().Header))
	}
	return names
}

// Secrets are the names of the secrets that callers' credentials and signatures are compared with.
func (w *WebhookCalls) Secrets() []string {
	var all []Credential
	for _, user := range w.Auth.Basic {
		all = append(all, user.Password)
	}
	if w.Auth.Bearer != nil {
		all = append(all, w.Auth.Bearer.Tokens...)
	}
	if w.Auth.APIKey != nil {
		all = append(all, w.Auth.APIKey.Values...)
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

// Shape is what expressions see of a call, as far as it is kept.
func (r *WebhookRequest) Shape() *expression.Shape {
	headers := &expression.Shape{Fields: map[string]*expression.Shape{}}
	for _, name := range r.Headers {
		headers.Fields[strings.ToLower(name)] = &expression.Shape{}
	}
	return &expression.Shape{Fields: map[string]*expression.Shape{
		"headers": headers, "query": keptShape(r.Query), "body": keptShape(r.Body), "receivedAt": {},
	}}
}

// Callback is a kind whose nodes wait for a call of their resume URL (kind.ForCall).
type Callback interface {
	kind.Pausing
	// Calls say which calls are taken, and what is kept of them.
	Calls() *WebhookCalls
	// Reply is what the caller receives.
	Reply() *WebhookResponse
}

// Receiving is a trigger that starts a run for each accepted call of the flow's URL.
type Receiving interface {
	kind.Synchronous
	// Calls say which calls are taken, and what is kept of them.
	Calls() *WebhookCalls
	// Reply is what the caller of an async flow receives.
	Reply() *WebhookResponse
	// Duplicates say how duplicates are found and treated.
	Duplicates() *WebhookDedupe
	// DedupeKey gives the key of a delivery; empty if it has none. Deliveries with the same key are duplicates.
	DedupeKey(headers, query everhook.Mapping, body any) (string, error)
}

// Calls is the config itself, for the kinds and triggers that embed it.
func (w *WebhookCalls) Calls() *WebhookCalls { return w }
