package nodes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/address"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// HTTPRequest sends a request to another system.
type HTTPRequest struct {
	// Method is the HTTP method.
	Method expression.Template[string] `json:"method,omitzero" default:"GET"`
	// URL is an absolute http or https URL. Values inserted into it are percent-encoded for their place. Only `env` and
	// `secret` may supply its scheme or host. A URL that is exactly one template is used unchanged.
	URL expression.URL `json:"url" required:"true"`
	// Headers of the request.
	Headers expression.Template[map[string]any] `json:"headers,omitzero"`
	// Query parameters, added to those in the URL. A list repeats the parameter.
	Query expression.Template[map[string]any] `json:"query,omitzero"`
	// ContentType is the format of the body: json, form, xml, text or none. XML is text, or a mapping with the root
	// element, attributes as `@name` and text beside them as `#text`. In a form, a list repeats its name, and
	// what is inside a mapping is named in brackets: `address[city]`, `lines[0][sku]`, `address[phones][]`.
	ContentType activities.ContentType `json:"contentType,omitempty" enum:"json,form,xml,text,none" default:"json"`
	// Body to send. Without it, the request has no body.
	Body expression.Body `json:"body,omitzero"`
	// Auth adds an Authorization header.
	Auth HTTPRequestAuth `json:"auth,omitzero"`
	// Expect lists the statuses that count as success, for example 204, 2xx or 200-299.
	Expect []activities.StatusRange `json:"expect,omitempty" single:"true" default:"200-299"`
	// Only reduces the result: with body, the result is the body of the answer.
	Only string `json:"only,omitempty" enum:"body"`
	// Redirects is the number of redirects that are followed, 0 to 20. Credentials are not sent to another host.
	Redirects *int `json:"redirects,omitempty" default:"5"`
	// MaxResponse limits the body of the answer, at most 10MiB. Above about 1800KiB, the server must keep large values
	// outside of Temporal (`--payload-store`).
	MaxResponse everhook.Size `json:"maxResponse,omitempty" default:"1MiB"`
	// Lenient reads an answer that is not strict JSON like browsers do: the last of equal keys counts, and a number
	// that is too large becomes text. XML that cannot be read stays text. The step log says so. Without it, such an
	// answer is an error.
	Lenient bool `json:"lenient,omitempty" default:"false"`
	// IdempotencyKey sends the header Idempotency-Key with POST and PATCH. It is the same for every attempt, rerun and
	// retry of this step with the same request.
	IdempotencyKey *bool `json:"idempotencyKey,omitempty" default:"true"`
}

// HTTPRequestAuth is the credential of a request. Give one of its fields.
type HTTPRequestAuth struct {
	// Basic is HTTP basic authentication (RFC 7617).
	Basic HTTPRequestUser `json:"basic,omitzero"`
	// Bearer is a bearer token (RFC 6750), for example `{{ secret.NAME }}`.
	Bearer expression.Template[string] `json:"bearer,omitzero"`
}

// HTTPRequestUser is the user of basic authentication.
type HTTPRequestUser struct {
	// Username is the name of the user.
	Username expression.Template[string] `json:"username,omitzero"`
	// Password of the user, for example `{{ secret.NAME }}`.
	Password expression.Template[string] `json:"password,omitzero"`
}

const (
	maxRedirects = 20
	// maxResponse is the limit of a result if large results are stored outside of Temporal's histories. If not, the
	// effect refuses it.
	maxResponse everhook.Size = 10 << 20
)

var (
	_ kind.Waiting = (*HTTPRequest)(nil)
	_ kind.Shaping = (*HTTPRequest)(nil)

	methodExp = regexp.MustCompile(`^[A-Z][A-Z-]{0,19}$`)

	// methods are those of the IANA registry, and those that caches and Vault use. A template can give others.
	methods = strings.Fields(`GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY
		ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF
		MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH REBIND REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE
		UPDATEREDIRECTREF VERSION-CONTROL BAN LIST PURGE REFRESH`)
)

// Spec describes the kind.
func (*HTTPRequest) Spec() kind.Spec {
	return kind.Spec{
		Kind: "http-request", Group: kind.Effects, Canonical: true,
		Summary: "Sends an HTTP request to another system.",
		Result:  "The answer; with `only: body` its body alone.",
		Members: []kind.Member{
			{Name: "status", Type: expression.Number, Summary: "The HTTP status."},
			{Name: "headers", Type: expression.Mapping, Summary: "The headers, by lower-case name. Values of a " +
				"repeated header are joined by \", \"; `set-cookie` is a list with a text for each cookie."},
			{Name: "body", Content: true, Summary: "The body: JSON is decoded, JSON on lines " +
				"(NDJSON) is a list, XML a mapping (attributes as `@name`, text beside them as `#text`; pages and " +
				"pictures stay text), text is text, anything else base64. " +
				"Content encodings (gzip, deflate, br, zstd) and charsets are decoded."},
		},
		Failures: "Failed when the status is not one of `expect`; `errors.<key>.response` then has status, headers " +
			"and the first 2 KiB of the body. " +
			"Error when there is no answer after all attempts, the address is refused by the egress guard, the " +
			"answer is too large or cannot be read (type `response`), or a template cannot be evaluated. Tried " +
			"again: lost connections, 408, 425, 429 and 5xx; for POST and PATCH only refused connections, 429 and " +
			"503, unless `retry.on` or `retry.never` say otherwise. Retry-After is honoured up to " +
			"`retry.maxRetryAfter`; a longer one ends the node failed.",
		Effect: &kind.EffectSpec{Timeout: activities.DefaultHTTPTimeout, MaxAttempts: 3},
		Example: `key: charge
type: http-request
timeout: 10s
retry: { maxAttempts: 5, on: [connect, 429, 503] }
config:
  method: POST
  url: 'https://pay.example/charges'
  headers: { Authorization: 'Bearer {{ secret.PAY_TOKEN }}' }
  body: { order: '{{ trigger.body.id }}' }
`,
	}
}

// Brief is the method, and the URL without its scheme and host.
func (*HTTPRequest) Brief(node *everhook.Node) string {
	method, ok := node.Config["method"].(string)
	if !ok {
		method = "GET"
	}
	target, _ := node.Config["url"].(string)
	return method + " `" + afterHost(target) + "`"
}

// afterHost is a URL without its scheme and host, or without the template in their place.
func afterHost(target string) string {
	rest := target
	if _, after, ok := strings.Cut(target, "://"); ok {
		rest = after
	}
	if at := strings.IndexByte(rest, '/'); at > 0 {
		return rest[at:]
	}
	return rest
}

// Validate reports fields that contradict each other or exceed limits.
func (c *HTTPRequest) Validate(v *kind.Validation) {
	if c.Redirects != nil && (*c.Redirects < 0 || *c.Redirects > maxRedirects) {
		v.Error("/config/redirects", fmt.Sprintf("%d redirects", *c.Redirects), "write 0 to 20")
	}
	if c.MaxResponse > maxResponse {
		v.Error("/config/maxResponse", fmt.Sprintf("%s is more than an answer can have", c.MaxResponse),
			"write at most 10MiB")
	}
	if c.ContentType == activities.ContentNone && c.Body.IsSet() {
		v.Error("/config/body", "with contentType none there is no body", "remove one of them")
	}
	basic := c.Auth.Basic.Username.IsSet() || c.Auth.Basic.Password.IsSet()
	if basic && c.Auth.Bearer.IsSet() {
		v.Error("/config/auth", "basic and bearer exclude each other", "remove one of them")
	}
	if basic && (!c.Auth.Basic.Username.IsSet() || !c.Auth.Basic.Password.IsSet()) {
		v.Error("/config/auth/basic", "basic needs username and password", "add the other one")
	}
	if method, ok := c.Method.Literal(); ok && !slices.Contains(methods, strings.ToUpper(method)) {
		v.Error("/config/method", fmt.Sprintf("%q is not an HTTP method", everhook.Shorten(method, 40)),
			"write for example POST")
	}
	c.warnIfPrivate(v)
	v.Headers("/config/headers", c.Headers.Keys(), everhook.CheckRequestHeader)
	trigger.CheckMarkup(v, "/config", &c.Headers, &c.Body, c.ContentType == activities.ContentXML)
	warnOfLiteral(v, "/config/auth/basic/password", &c.Auth.Basic.Password)
	warnOfLiteral(v, "/config/auth/bearer", &c.Auth.Bearer)
}

// warnIfPrivate warns of a host that the egress guard refuses unless the operator allows it.
func (c *HTTPRequest) warnIfPrivate(v *kind.Validation) {
	host, port, ok := c.URL.Host()
	if !ok {
		return
	}
	if what := address.Host(host); what != "" {
		allowed := host
		if strings.Contains(host, ":") {
			allowed = "[" + host + "]"
		}
		if port != "" {
			allowed += ":" + port
		}
		v.Warn("/config/url", fmt.Sprintf("%s is %s, and flows may only call public addresses", host, what),
			fmt.Sprintf("start Everhook with `--egress-allow %s`; for its own webhooks, write `{{ env.EVERHOOK_URL }}`",
				allowed))
	}
}

func warnOfLiteral(v *kind.Validation, pointer string, credential *expression.Template[string]) {
	if credential.IsSet() && len(credential.References().Secrets) == 0 {
		v.Warn(pointer, "a credential without a secret", "write `{{ secret.NAME }}` and set EVERHOOK_SECRET_NAME")
	}
}

// ResultShape is the answer, or anything with `only: body`.
func (c *HTTPRequest) ResultShape(*everhook.Node) *expression.Shape {
	if !c.ResultIsBody() {
		return c.Spec().Shape()
	}
	const whole = "with `only: body` the result is the body itself"
	return &expression.Shape{Open: true, Hidden: map[string]string{"status": whole, "headers": whole, "body": whole}}
}

// Expects reports whether the status is one of success.
func (c *HTTPRequest) Expects(status int) bool {
	if len(c.Expect) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.ContainsFunc(c.Expect, func(statuses activities.StatusRange) bool { return statuses.Has(status) })
}

// ResultIsBody reports whether the result is the body of the answer alone.
func (c *HTTPRequest) ResultIsBody() bool { return c.Only == "body" }

// Execute evaluates the templates and leaves the request to the activity. Secrets stay places until they are there.
func (c *HTTPRequest) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	input, err := c.input(run)
	if err != nil {
		return kind.Result{}, err
	}
	if input.IdempotencyKey, err = c.idempotencyKey(run, input); err != nil {
		return kind.Result{}, err
	}
	var answer activities.HTTPRequestResult
	if err := run.Activity(ctx, activities.HTTPRequest, input, &answer); err != nil {
		return kind.Result{}, err
	}
	if answer.Note != "" {
		run.Logf("%s", answer.Note)
	}
	if input.OnlyBody {
		return kind.Result{Value: answer.Body.V}, nil
	}
	return kind.Result{Value: map[string]any{"status": answer.Status, "headers": answer.HeaderValues(),
		"body": answer.Body.V}}, nil
}

func (c *HTTPRequest) input(run kind.Run) (activities.HTTPRequestInput, error) {
	node := run.Node()
	input := activities.HTTPRequestInput{
		Method: "GET", ContentType: c.ContentType, Expect: c.Expect, OnlyBody: c.Only == "body",
		Redirects: activities.DefaultRedirects, MaxResponse: int64(c.MaxResponse), Timeout: node.Timeout,
		Lenient: c.Lenient,
	}
	if input.Timeout == 0 {
		input.Timeout = everhook.Duration(activities.DefaultHTTPTimeout)
	}
	if c.Redirects != nil {
		input.Redirects = *c.Redirects
	}
	if node.Retry != nil {
		input.MaxRetryAfter = node.Retry.MaxRetryAfter
		for _, cause := range node.Retry.On {
			input.RetryOn = append(input.RetryOn, string(cause))
		}
		for _, cause := range node.Retry.Never {
			input.RetryNever = append(input.RetryNever, string(cause))
		}
	}
	scope := run.Scope()
	if c.Method.IsSet() {
		method, err := c.Method.Eval(scope)
		if err != nil {
			return input, err
		}
		if input.Method = strings.ToUpper(method); !methodExp.MatchString(input.Method) {
			return input, everhook.Errorf(everhook.TypeConfig, "method is %q, which is not an HTTP method",
				everhook.Shorten(method, 40))
		}
	}
	var err error
	seal := func(sealed *everhook.Sealed, eval func(*expression.Scope) (everhook.Sealed, error)) {
		if err == nil {
			*sealed, err = eval(scope)
		}
	}
	seal(&input.URL, c.URL.EvalSealed)
	if c.Headers.IsSet() {
		seal(&input.Headers, c.Headers.EvalSealed)
	}
	if c.Query.IsSet() {
		seal(&input.Query, c.Query.EvalSealed)
	}
	if c.Body.IsSet() {
		seal(&input.Body, c.sealBody())
	}
	switch {
	case c.Auth.Bearer.IsSet():
		input.Auth = &activities.HTTPAuth{Bearer: &everhook.Sealed{}}
		seal(input.Auth.Bearer, c.Auth.Bearer.EvalSealed)
	case c.Auth.Basic.Username.IsSet():
		input.Auth = &activities.HTTPAuth{Basic: &activities.BasicAuth{}}
		seal(&input.Auth.Basic.Username, c.Auth.Basic.Username.EvalSealed)
		seal(&input.Auth.Basic.Password, c.Auth.Basic.Password.EvalSealed)
	}
	return input, err
}

// sealBody returns the method that evaluates the body: as JSON, or unchanged for other content types.
func (c *HTTPRequest) sealBody() func(*expression.Scope) (everhook.Sealed, error) {
	if c.ContentType == "" || c.ContentType == activities.ContentJSON || c.ContentType == activities.ContentForm {
		return c.Body.EvalSealed
	}
	return c.Body.EvalSealedText
}

// idempotencyKey gives the key that POST and PATCH carry.
func (c *HTTPRequest) idempotencyKey(run kind.Run, input activities.HTTPRequestInput) (string, error) {
	if c.IdempotencyKey != nil && !*c.IdempotencyKey || !slices.Contains([]string{"POST", "PATCH"}, input.Method) {
		return "", nil
	}
	return activities.IdempotencyKey(run, []any{input.Method, input.URL, input.Headers, input.Query, input.ContentType,
		input.Body})
}
