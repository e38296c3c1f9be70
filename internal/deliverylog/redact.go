package deliverylog

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/everhook/everhook"
)

// redacted stands for a value whose name says that it is secret.
const redacted = "[redacted]"

var (
	// secretName matches the names of secret values, in lower case and without signs.
	secretName = regexp.MustCompile(`password|passwd|secret|privatekey|apikey|accesskey|credential|tokens?$|` +
		`^(authorization|proxyauthorization|cookie|setcookie|cvc|cvv|pan|cardnumber)$`)
	// secretHint matches every text that has such a name, also with escapes of JSON, and others.
	secretHint = regexp.MustCompile(`(?i)pass|\\u|secret|priva|api|access|creden|token|author|cookie|cv[cv]|pan|card`)
)

// isSecret reports whether a value with that name is secret.
func isSecret(name string) bool {
	return secretName.MatchString(strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, name))
}

// redact removes secrets from a record: the known ones, and those whose names say so.
func (l *Log) redact(r *Record) {
	r.Cause = l.options.Redact(r.Cause)
	for i := range r.Fields {
		r.Fields[i].Value = cut(l.options.Redact(r.Fields[i].Value))
	}
	q := r.Request
	if q == nil {
		return
	}
	query, headers, body := q.Query, map[string]string{}, q.Body
	q.Query = l.options.Redact(redactQuery(query))
	q.Redacted = q.Redacted || q.Query != query
	for name, value := range q.Headers {
		kept := redacted
		if !isSecret(name) {
			kept = l.options.Redact(value)
		}
		headers[name], q.Redacted = kept, q.Redacted || kept != value
	}
	q.Headers = headers
	q.Body = []byte(l.options.Redact(string(redactBody(body, q.Headers["content-type"]))))
	q.Redacted = q.Redacted || !bytes.Equal(q.Body, body)
}

// redactBody replaces secret values in JSON and in a form. A body that cannot be parsed stays: the known secrets are
// found in any text.
func redactBody(body []byte, contentType string) []byte {
	if !secretHint.Match(body) {
		return body
	}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return []byte(redactQuery(string(body)))
	}
	value, err := everhook.ParseJSON(body)
	if err != nil {
		return body
	}
	changed := false
	value = redactNames(value, &changed)
	if !changed {
		return body
	}
	text, err := everhook.EncodeJSON(value)
	if err != nil {
		return body
	}
	return text
}

// HideNamed replaces the values of secret names in a canonical value. It copies: values are shared.
func HideNamed(value any) any { return redactNames(value, new(bool)) }

// redactNames replaces the values of secret names in a copy of a canonical value.
func redactNames(value any, changed *bool) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = redactNames(element, changed)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(value))
		for _, name := range everhook.SortedKeys(value) {
			if isSecret(name) && value[name] != nil {
				mapping[name], *changed = redacted, true
			} else {
				mapping[name] = redactNames(value[name], changed)
			}
		}
		return mapping
	default:
		return value
	}
}

// redactQuery replaces the values of secret names in the query of a URL. The last part of a nested name counts, as in
// user[password].
func redactQuery(query string) string {
	if !secretHint.MatchString(query) {
		return query
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		encoded, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(encoded)
		if err != nil {
			name = encoded
		}
		name = strings.TrimSuffix(strings.TrimSuffix(name, "[]"), "]")
		if value != "" && isSecret(name[strings.LastIndexByte(name, '[')+1:]) {
			parts[i] = encoded + "=" + url.QueryEscape(redacted)
		}
	}
	return strings.Join(parts, "&")
}
