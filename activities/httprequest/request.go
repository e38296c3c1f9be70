package httprequest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/content"
)

// request is the next request to send. Redirects change it.
type request struct {
	method string
	url    *url.URL
	header http.Header
	// host replaces the URL's in the Host header; empty: it does not.
	host string
	body []byte
	// secretBody says that the body has a secret, so it does not follow a redirect to another origin.
	secretBody bool
	// secretHeaders are the canonical names of headers with a secret.
	secretHeaders map[string]bool
	// redactor takes secrets out of the parts of the request that messages show.
	redactor redactor
	// secrets are the names of all secrets in the request.
	secrets map[string]bool
	// credential is the text of basic authentication, and credentialSecret the secret in it.
	credential, credentialSecret string
}

// builder opens sealed values and remembers the first problem.
type builder struct {
	lookup func(name string) (string, error)
	used   map[string]bool
	err    *everhook.Error
}

// build makes the request of an input. Errors are of the types secret (one is not set) and config; they may hold
// secrets.
func build(input activities.HTTPRequestInput, lookup func(string) (string, error)) (*request, *everhook.Error) {
	b := &builder{lookup: lookup, used: map[string]bool{}}
	r := &request{method: input.Method, secrets: b.used, header: http.Header{"User-Agent": {"everhook"}},
		secretBody: len(input.Body.Places) > 0, secretHeaders: secretHeaders(input.Headers)}
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.method == http.MethodConnect || !httpguts.ValidHeaderFieldName(r.method) {
		b.problem("method: %q is not a method; write GET, POST or another one", r.method)
	}
	b.url(r, input)
	b.body(r, input)
	b.headers(r, input)
	b.auth(r, input.Auth)
	return r, b.err
}

func secretHeaders(headers everhook.Sealed) map[string]bool {
	names := map[string]bool{}
	for _, place := range headers.Places {
		if len(place.At) == 0 {
			continue
		}
		if name, ok := place.At[0].(string); ok {
			names[http.CanonicalHeaderKey(name)] = true
		}
	}
	return names
}

// String names a request in messages, without the user, query and fragment of its URL, which may be confidential.
func (r *request) String() string {
	shown := url.URL{Scheme: r.url.Scheme, Host: r.url.Host, Path: r.url.Path, RawPath: r.url.RawPath}
	return r.method + " " + r.shown(shown.String())
}

// shown prepares a part of a URL for a message. Secrets are taken out before the text is cut, because half a secret
// would not be recognised.
func (r *request) shown(text string) string { return clip(r.redactor.text(utf8Text(text)), 200) }

func (b *builder) problem(format string, args ...any) {
	if b.err == nil {
		b.err = everhook.Errorf(everhook.TypeConfig, format, args...)
	}
}

// open fills in secrets.
func (b *builder) open(field string, sealed everhook.Sealed) any {
	v, err := sealed.Open(func(name string) (string, error) {
		b.used[name] = true
		secret, err := b.lookup(name)
		if err != nil && b.err == nil {
			b.err = everhook.Errorf(everhook.TypeSecret, "%s: %s", field, err)
		}
		return secret, err
	})
	if err != nil {
		b.problem("%s: %s", field, err)
	}
	return v
}

func (b *builder) text(field string, sealed everhook.Sealed) string {
	v := b.open(field, sealed)
	text, ok := scalar(v)
	if !ok || v == nil {
		b.problem("%s: %s where text is needed", field, everhook.TypeName(v))
	}
	return text
}

func (b *builder) url(r *request, input activities.HTTPRequestInput) {
	r.url = &url.URL{}
	text := strings.TrimSpace(b.text("url", input.URL))
	query := b.pairs("query", input.Query)
	if b.err != nil {
		return
	}
	u, err := parseURL(text)
	switch {
	case err != nil:
		b.problem("url: not a URL; write https://host/path") // url.Parse would repeat the whole text
		return
	case u.Scheme != "http" && u.Scheme != "https":
		b.problem("url: only http and https can be called, so write https://host/path")
		return
	case u.Hostname() == "":
		b.problem("url: no host; write https://host/path")
		return
	}
	if u.User != nil {
		password, _ := u.User.Password()
		r.basic(u.User.Username(), password, firstSecret(input.URL))
		u.User = nil
	}
	for _, pair := range query {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += url.QueryEscape(pair.name) + "=" + url.QueryEscape(pair.value)
	}
	u.Fragment, u.RawFragment = "", ""
	r.url = u
}

func (b *builder) headers(r *request, input activities.HTTPRequestInput) {
	given := map[string]bool{}
	for _, pair := range b.pairs("headers", input.Headers) {
		name, err := http.CanonicalHeaderKey(pair.name), everhook.CheckRequestHeader(pair.name)
		switch {
		case err != nil:
			b.problem("headers: %s", err)
		case !httpguts.ValidHeaderFieldValue(pair.value):
			b.problem("headers: the value of %s has a line break or another control character; take it out", pair.name)
		case name == "Host":
			r.host = pair.value
		case given[name]:
			r.header.Add(name, pair.value)
		default:
			r.header.Set(name, pair.value)
			given[name] = true
		}
	}
	if r.host != "" && !httpguts.ValidHostHeader(r.host) {
		b.problem("headers: the value of Host is not a host")
	}
	if len(r.header["Accept-Encoding"]) == 0 && len(r.header["Range"]) == 0 && r.method != http.MethodHead {
		r.header.Set("Accept-Encoding", content.Encodings)
	}
	if input.IdempotencyKey != "" && !given["Idempotency-Key"] {
		r.header.Set("Idempotency-Key", input.IdempotencyKey)
	}
	keepOnce(r.header)
}

// keepOnce spells the names of idempotency keys in lower case, which is the same name to a server. In its usual
// spelling, net/http would send a POST again by itself when the connection breaks, without the retry policy.
func keepOnce(header http.Header) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := header[name]; ok {
			delete(header, name)
			header[strings.ToLower(name)] = values
		}
	}
}

func (b *builder) auth(r *request, auth *activities.HTTPAuth) {
	if auth == nil {
		return
	}
	if len(r.header["Authorization"]) > 0 {
		b.problem("auth: there is an Authorization header or a user in the url already; keep one of them")
		return
	}
	switch {
	case auth.Basic != nil && auth.Bearer != nil:
		b.problem("auth: basic and bearer exclude each other; keep one of them")
	case auth.Basic != nil:
		username, password := b.text("auth.basic.username", auth.Basic.Username),
			b.text("auth.basic.password", auth.Basic.Password)
		if strings.Contains(username, ":") {
			b.problem("auth.basic.username: a colon cannot be part of it (RFC 7617)")
		}
		secret := firstSecret(auth.Basic.Password)
		if secret == "" {
			secret = firstSecret(auth.Basic.Username)
		}
		r.basic(username, password, secret)
	case auth.Bearer != nil:
		token := b.text("auth.bearer", *auth.Bearer)
		if !httpguts.ValidHeaderFieldValue(token) {
			b.problem("auth.bearer: the token has a line break or another control character; take it out")
		}
		r.header.Set("Authorization", "Bearer "+token)
	}
}

// basic is RFC 7617, in UTF-8.
func (r *request) basic(username, password, secret string) {
	credential := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	r.header.Set("Authorization", "Basic "+credential)
	if secret != "" {
		r.credential, r.credentialSecret = credential, secret
	}
}

func firstSecret(sealed everhook.Sealed) string {
	for _, place := range sealed.Places {
		for _, segment := range place.Segments {
			if segment.Secret != "" {
				return segment.Secret
			}
		}
	}
	return ""
}

type pair struct{ name, value string }

// pairs reads a mapping of names to scalars or lists of them, sorted by name; nil leaves a name out.
func (b *builder) pairs(field string, sealed everhook.Sealed) []pair {
	pairs, err := flatten(b.open(field, sealed))
	if err != nil {
		b.problem("%s: %s", field, err)
	}
	return pairs
}

func flatten(v any) ([]pair, error) {
	if v == nil {
		return nil, nil
	}
	mapping, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s where a mapping is needed", everhook.TypeName(v))
	}
	var pairs []pair
	for _, name := range everhook.SortedKeys(mapping) {
		items, ok := mapping[name].([]any)
		if !ok {
			items = []any{mapping[name]}
		}
		for _, item := range items {
			text, ok := scalar(item)
			if !ok {
				return nil, fmt.Errorf("%s: %s where text or a list of texts is needed", name, everhook.TypeName(item))
			}
			if item != nil {
				pairs = append(pairs, pair{name, text})
			}
		}
	}
	return pairs, nil
}

// scalar is the text of a value that has one.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool, int, float64:
		data, err := everhook.EncodeJSON(v)
		return string(data), err == nil
	default:
		return "", false
	}
}
