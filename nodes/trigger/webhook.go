package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Webhook starts a run for each accepted call of the URL of the flow.
type Webhook struct {
	// Token is the secret part of the URL: 8 to 128 of A-Z, a-z, 0-9, _ and -. Without it, a token of 128 random bits
	// is made once and kept for every version.
	Token string `json:"token,omitempty"`
	// Methods are the HTTP methods that start a run: POST, PUT or GET. Allow GET only for a sender that cannot send a
	// POST: every program that opens the URL starts a run, also a preview in a chat or a scanner of mails. HEAD never
	// starts one.
	Methods []string `json:"methods,omitempty" enum:"POST,PUT,GET" single:"true" default:"POST"`
	// CORS lets pages of other origins call the flow from their scripts.
	CORS *WebhookCORS `json:"cors,omitempty"`
	WebhookCalls
	kind.Filter
	// Skipped is the answer to a delivery that `when` leaves out. It has the header Everhook-Skipped. Templates see
	// `trigger` and `env`.
	Skipped WebhookResponse `json:"skipped,omitzero"`
	// Dedupe recognises duplicates of a delivery, which start no run: `preset` (the event ID of the signature's
	// preset), `idempotency-key` (the header of that name), or a mapping with a key of your own.
	Dedupe WebhookDedupe `json:"dedupe,omitzero"`
	// Handshake answers a sender that asks whether the URL is meant for it, besides the questions that the preset of
	// the `signature` knows.
	Handshake *WebhookHandshake `json:"handshake,omitempty"`
	// Response is the answer to the caller of an async flow, sent as soon as the run is durable. Templates see
	// `trigger`, `env` and `system.runId`. Without it, 200 with the body `ok`, or what the preset of the `signature`
	// says.
	Response WebhookResponse `json:"response,omitzero"`
	// Inbox says when deliveries to an async flow wait in the inbox before their runs are started: `auto`, while
	// Temporal is busy or away, or `always`.
	Inbox string `json:"inbox,omitempty" enum:"auto,always" default:"auto"`
	WebhookRecord
	// AnswerEarly lets callers of a sync flow have their answer while Temporal is busy or away, if the nodes before the
	// answer neither wait nor act outside. The delivery is kept in the inbox, and its run has the same answer. Set it
	// to false if callers are to have an answer only from a run that is started.
	AnswerEarly *bool `json:"answerEarly,omitempty" default:"true"`
	// OnOutage says what becomes of a delivery to a sync flow that cannot be answered early while Temporal is away:
	// `refuse` (503, so that its sender repeats it), or `accept` (202 with the address of the answer; the run is
	// started later).
	OnOutage string `json:"onOutage,omitempty" enum:"refuse,accept" default:"refuse"`
}

// WebhookAuth are the credentials that a caller must show.
type WebhookAuth struct {
	// Basic is HTTP basic authentication (RFC 7617): one user, or a list of users of which any may call.
	Basic []WebhookUser `json:"basic,omitempty" single:"true"`
	// Bearer is a token in the header Authorization (RFC 6750).
	Bearer *WebhookBearer `json:"bearer,omitempty"`
	// APIKey is a key in another header.
	APIKey *WebhookAPIKey `json:"apiKey,omitempty"`
}

// WebhookUser is one user who may call.
type WebhookUser struct {
	// Username is the name of the user.
	Username string `json:"username" required:"true"`
	// Password of the user, as `{ secret: NAME }`. A password in the file is accepted with a warning.
	Password Credential `json:"password" required:"true"`
	// Caller is the name of the caller, which is part of the dedupe key: callers with different names never share a
	// run.
	Caller string `json:"caller,omitempty"`
}

// WebhookRequest says which parts of a call the run sees. Without a list of paths, all are kept; without a list of
// headers, none is kept. An empty list keeps nothing.
type WebhookRequest struct {
	// Headers are the names of the headers to keep. Authorization, Cookie, Proxy-Authorization and the headers of API
	// keys and signatures are never kept.
	Headers []string `json:"headers,omitempty"`
	// Query are the paths of the query parameters to keep: `filter[0].a`, or `{ path: filter[0].a, alias: First filter
	// }`.
	Query *[]KeptPath `json:"query,omitempty"`
	// Body are the paths of the body to keep.
	Body *[]KeptPath `json:"body,omitempty"`
}

// KeptPath is a path to keep. In a file, its text is enough.
type KeptPath struct {
	// Path leads to the value to keep.
	Path everhook.Path `json:"path" required:"true"`
	// Alias is a name for people.
	Alias string `json:"alias,omitempty"`
}

// WebhookResponse is the immediate answer to a caller.
type WebhookResponse struct {
	// Status is the HTTP status, 200 to 599.
	Status expression.Template[int] `json:"status,omitzero" default:"200"`
	// Headers of the answer. A list as a value repeats the header, as several cookies in Set-Cookie do. Limit: 64
	// lines, 16 KiB together. In the URL of a Location, inserted values are percent-encoded for their place.
	Headers expression.Headers `json:"headers,omitzero"`
	// Body is sent as JSON. Text is sent unchanged, and a file (`{ filename, contentType, size, base64 }`) as its
	// bytes, as a download.
	Body expression.Body `json:"body,omitzero" default:"ok"`
	// As is the form in which the body is sent, with the Content-Type that belongs to it: json (any value, text too),
	// text, html, xml (a mapping with the root element, attributes as `@name` and text beside them as `#text`, elements
	// sorted by name; or text), file, or base64 (the bytes of a text in base64).
	As everhook.AnswerForm `json:"as,omitempty" enum:"json,text,html,xml,file,base64"`
}

// Limits of a webhook's body.
const (
	DefaultMaxBody everhook.Size = 1 << 20
	MaxMaxBody     everhook.Size = 10 << 20
)

// secretPattern matches the names of secrets.
const secretPattern = `^[A-Z_][A-Z0-9_]{0,127}$`

// shortToken is the length below which a token alone is too easily guessed: 128 bits in base32.
const shortToken = 26

var (
	_ Receiving         = (*Webhook)(nil)
	_ kind.SecretNaming = (*Webhook)(nil)
	_ kind.Filtering    = (*Webhook)(nil)
	_ Storing           = (*Webhook)(nil)
	_ Recording         = (*Webhook)(nil)
)

// Spec describes the kind.
func (*Webhook) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{
		Kind:    "webhook",
		Summary: "Starts a run for each accepted call of the flow's URL, by POST unless `methods` says otherwise.",
		Data: "`headers` (lower-case names), `query` and `body` as far as `request` keeps them, `raw` (the text of " +
			"the body, with `raw: true`), `id` (the run ID) and `receivedAt` (RFC 3339).",
		Example: `type: webhook
auth: { basic: { username: shop, password: { secret: SHOP_WEBHOOK_PASSWORD } } }
request:
  headers: [X-Request-Id]
  body:
    - { path: order.id, alias: Order ID }
    - order.status
when: 'body.event == "order.paid"'
`,
	}
}

// Validate checks what the types leave open: token, sizes, credentials, the signature and names.
func (w *Webhook) Validate(v *kind.Validation) {
	if w.Token != "" && !everhook.IsToken(w.Token) {
		v.Error("/token", "a token has 8 to 128 of A-Z, a-z, 0-9, _ and -", "leave it out, and one is made")
	}
	if w.Token != "" && len(w.Token) < shortToken && !w.protected() {
		v.Warn("/token", "the token is short and there are no credentials: anyone who guesses the token can call "+
			"the flow",
			"add `auth`, or leave the token out: a long one is then made")
	}
	w.validateMethods(v)
	if w.CORS != nil {
		w.CORS.validate(v)
	}
	w.validateRecord(v)
	w.ValidateCalls(v)
	w.impatient(v)
	w.Response.Validate(v.Below("/response"))
	w.Skipped.Validate(v.Below("/skipped"))
	if w.Skipped.IsSet() && !w.When.IsSet() {
		v.Error("/skipped", "no delivery is skipped", "add `when`, or remove it")
	}
	w.Dedupe.validate(v, w.Signature)
	w.warnOfSharedKeys(v)
	if w.Handshake != nil {
		w.Handshake.validate(v, w.Signature)
		if w.takes("GET") && w.Handshake.method() == "GET" && len(w.Handshake.When) == 0 {
			v.Error("/handshake/when", "every GET would be taken for a question, and none would start a run",
				"say what tells a question, for example `when: { query.mode: subscribe }`")
		}
	}
	if v.Definition.Mode == everhook.Sync && w.Response.IsSet() {
		v.Error("/response", "the caller of a sync flow receives what a response node answers",
			"add a node of kind response, or set `mode: async`")
	}
	if v.Definition.Mode == everhook.Sync && w.Inbox != "" {
		v.Error("/inbox", "the caller of a sync flow waits for its run", "remove it, or set `mode: async`")
	}
	w.validateOutage(v)
}

// validateOutage refuses fields for sync flows in others.
func (w *Webhook) validateOutage(v *kind.Validation) {
	if v.Definition.Mode == everhook.Sync {
		return
	}
	const why, fix = "the caller of an async flow does not wait for its run", "remove it, or set `mode: sync`"
	if w.AnswerEarly != nil {
		v.Error("/answerEarly", why, fix)
	}
	if w.OnOutage != "" {
		v.Error("/onOutage", why, fix)
	}
}

func (w *Webhook) validateMethods(v *kind.Validation) {
	switch {
	case w.Methods != nil && len(w.Methods) == 0:
		v.Error("/methods", "the list is empty: no call would start a run", "write `[POST]`, or leave it out")
	case w.takes("GET") && !w.protected():
		v.Warn("/methods", "every program that opens the URL starts a run: previews of links, scanners of mails, "+
			"browsers that complete an address", "add `auth`, `signature` or `allow`, or take POST")
	}
}

// takes reports whether calls with a method start runs.
func (w *Webhook) takes(method string) bool { return slices.Contains(w.CallMethods(), method) }

// CallMethods are the methods of calls that start a run.
func (w *Webhook) CallMethods() []string {
	if len(w.Methods) == 0 {
		return []string{"POST"}
	}
	return w.Methods
}

// Pages says which pages may call from their scripts; nil: none.
func (w *Webhook) Pages() *WebhookCORS { return w.CORS }

// StoresAlways reports whether every delivery waits in the inbox.
func (w *Webhook) StoresAlways() bool { return w.Inbox == "always" }

// AnswersEarly reports whether callers of a sync flow may have their answer before the run is started.
func (w *Webhook) AnswersEarly() bool { return w.AnswerEarly == nil || *w.AnswerEarly }

// AcceptsInOutage reports whether a delivery to a sync flow is kept while Temporal is away.
func (w *Webhook) AcceptsInOutage() bool { return w.OnOutage == "accept" }

// Reply is the response.
func (w *Webhook) Reply() *WebhookResponse { return &w.Response }

// SkippedReply is the response to a delivery that starts no run.
func (w *Webhook) SkippedReply() *WebhookResponse { return &w.Skipped }

// Handshakes are those of the config.
func (w *Webhook) Handshakes() []*WebhookHandshake {
	if w.Handshake == nil {
		return nil
	}
	return []*WebhookHandshake{w.Handshake}
}

// Secrets are those of calls, and the tokens of a handshake.
func (w *Webhook) Secrets() []string {
	names := w.WebhookCalls.Secrets()
	if w.Handshake != nil {
		for _, token := range w.Handshake.secrets() {
			names = append(names, token.Secret)
		}
	}
	return names
}

// Duplicates is the config for them.
func (w *Webhook) Duplicates() *WebhookDedupe { return &w.Dedupe }

// Shape describes the kept part of a delivery.
func (w *Webhook) Shape() *expression.Shape {
	shape := w.CallShape()
	shape.Fields["id"] = &expression.Shape{Type: expression.Text, Help: "The ID of the run."}
	return shape
}

// FieldRoots are the names that are visible in the condition, in the dedupe key and in the templates of the responses.
func (w *Webhook) FieldRoots(pointer string) map[string]*expression.Shape {
	switch {
	case pointer == "/dedupe/key" || pointer == "/when":
		return map[string]*expression.Shape{"headers": {}, "query": {}, "body": {}}
	case strings.HasPrefix(pointer, "/skipped/"):
		return map[string]*expression.Shape{"trigger": w.CallShape(), "env": {}}
	}
	return map[string]*expression.Shape{
		"trigger": w.Shape(), "env": {},
		"system": {Fields: map[string]*expression.Shape{"runId": {Help: "The ID of the run."}}},
	}
}

// keptShape is what can exist below a value of which the paths are kept; anything without paths. A position in a list
// stays on the shape, so indexes are no members. The field is where the config has the paths.
func keptShape(paths *[]KeptPath, field string) *expression.Shape {
	if paths == nil {
		return &expression.Shape{}
	}
	below := func() *expression.Shape {
		return &expression.Shape{Fields: map[string]*expression.Shape{}, Missing: "add its path to `" + field + "`"}
	}
	root := below()
	for _, kept := range *paths {
		at, alias := root, kept.Alias
		for _, step := range kept.Path {
			if at.Fields == nil {
				alias = at.Title // the whole of it is kept already
				break
			}
			if step.Index {
				continue
			}
			// A name that is a number is an index where the value is a list: what is below it is not known.
			if _, position := step.Position(); position {
				break
			}
			if at.Fields[step.Name] == nil {
				at.Fields[step.Name] = below()
			}
			at = at.Fields[step.Name]
		}
		at.Fields, at.Title = nil, alias
	}
	return root
}

// Paths gives the paths to keep: nil keeps everything, an empty list nothing.
func Paths(kept *[]KeptPath) []everhook.Path {
	if kept == nil {
		return nil
	}
	paths := []everhook.Path{}
	for _, k := range *kept {
		paths = append(paths, k.Path)
	}
	return paths
}

// Validate checks what can be known before the call: the status and the names of headers.
func (r *WebhookResponse) Validate(v *kind.Validation) {
	if status, ok := r.Status.Literal(); ok && !isAnswerStatus(status) {
		v.Error("/status", fmt.Sprintf("the status is %d", status), "write 200 to 599")
	}
	CheckHeaders(v, "", &r.Status, &r.Headers)
	CheckBody(v, "", r.As, &r.Headers, &r.Body)
}

// IsSet reports whether the config says anything.
func (r *WebhookResponse) IsSet() bool {
	return r.Status.IsSet() || r.Headers.IsSet() || r.Body.IsSet()
}

func isAnswerStatus(status int) bool { return status >= 200 && status <= 599 }

// Answer evaluates the response on the roots that its place sees.
func (r *WebhookResponse) Answer(scope *expression.Scope) (everhook.Answer, error) {
	answer := everhook.Answer{Status: 200, Body: everhook.Of("ok")}
	var err error
	if r.Status.IsSet() {
		if answer.Status, err = r.Status.Eval(scope); err != nil {
			return answer, err
		}
		if !isAnswerStatus(answer.Status) {
			return answer, everhook.Errorf(everhook.TypeConfig, "status is %d; an answer's status is within 200 to 599",
				answer.Status)
		}
	}
	if answer.Headers, err = r.Headers.Eval(scope); err != nil {
		return answer, err
	}
	if err := everhook.CheckAnswerHeaders(answer.Headers); err != nil {
		return answer, everhook.Errorf(everhook.TypeConfig, "headers: %v", err)
	}
	if r.Body.IsSet() {
		body, err := r.Body.Eval(scope)
		if err != nil {
			return answer, err
		}
		if err := answer.SetBody(body, r.As); err != nil {
			return answer, everhook.Errorf(everhook.TypeConfig, "body: %v", err)
		}
	}
	return answer, nil
}

// Decode takes the text of a path, or a mapping with path and alias.
func (k *KeptPath) Decode(v any) (err error) {
	switch v := v.(type) {
	case string:
		k.Path, err = everhook.ParsePath(v)
		return err
	case map[string]any:
		for _, key := range everhook.SortedKeys(v) {
			text, ok := v[key].(string)
			if !ok {
				return fmt.Errorf("%s is %s, not text", key, everhook.TypeName(v[key]))
			}
			switch key {
			case "path":
				if k.Path, err = everhook.ParsePath(text); err != nil {
					return err
				}
			case "alias":
				k.Alias = text
			default:
				return fmt.Errorf("unknown field %q; a kept path has path and alias", key)
			}
		}
		if k.Path == nil {
			return fmt.Errorf("path is missing")
		}
		return nil
	default:
		return fmt.Errorf("%s is not a path; write `order.id` or `{ path: order.id, alias: Order ID }`",
			everhook.TypeName(v))
	}
}

// JSONSchema is that of the text of a path, or a mapping with path and alias.
func (*KeptPath) JSONSchema() map[string]any {
	return map[string]any{"title": "a path, or `{ path, alias }`", "anyOf": []any{
		map[string]any{"$ref": "#/$defs/path"},
		map[string]any{
			"type": "object", "required": []string{"path"}, "additionalProperties": false,
			"properties": map[string]any{
				"path":  map[string]any{"$ref": "#/$defs/path", "description": "Points to what is kept."},
				"alias": map[string]any{"type": "string", "description": "A display name."},
			},
		},
	}}
}

// Credential is the name of a secret, or a literal text.
type Credential struct {
	// Secret is the name of the secret that holds it.
	Secret string
	// Literal is the text itself.
	Literal string
}

// Decode takes text or `{ secret: NAME }`.
func (c *Credential) Decode(v any) error {
	switch v := v.(type) {
	case string:
		if v == "" {
			return fmt.Errorf("the credential is empty; write `{ secret: NAME }`")
		}
		c.Literal = v
		return nil
	case map[string]any:
		name, ok := v["secret"].(string)
		if ok && len(v) == 1 && expression.IsSecretName(name) {
			c.Secret = name
			return nil
		}
		return fmt.Errorf("write `{ secret: NAME }`, with a name of A-Z, 0-9 and _")
	default:
		return fmt.Errorf("%s is not a credential; write `{ secret: NAME }`", everhook.TypeName(v))
	}
}

// JSONSchema is that of `{ secret: NAME }`, or text.
func (*Credential) JSONSchema() map[string]any {
	return map[string]any{"title": "`{ secret: NAME }`", "anyOf": []any{
		map[string]any{
			"type": "object", "required": []string{"secret"}, "additionalProperties": false,
			"properties": map[string]any{"secret": map[string]any{"type": "string", "pattern": secretPattern,
				"description": "The name of a secret, whose value is set outside the flow."}},
		},
		map[string]any{"type": "string", "minLength": 1, "description": "The credential itself. It then stands in " +
			"the flow " +
			"file: better name a secret."},
	}}
}
