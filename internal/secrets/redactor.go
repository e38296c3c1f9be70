package secrets

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
)

const (
	// MinRedacted is how many bytes a value needs to be taken out: a shorter one stands in too many texts by chance.
	MinRedacted = 4
	// minInside is how many bytes a value needs to be looked for in the middle of base64, where its first and last
	// characters are not told.
	minInside = 6
)

// Redactor replaces secrets by "[secret NAME]": their values, and these as base64 (also within a longer text that is
// base64), percent-encoded and as the inside of a JSON string. It is safe for concurrent use. The zero Redactor changes
// nothing.
type Redactor struct {
	values   []named
	replacer *strings.Replacer
	// numeric tells that a value reads as a number, so numbers must be looked at too.
	numeric bool
}

type named struct{ name, text string }

func newRedactor(values []named) *Redactor {
	r := &Redactor{}
	for _, v := range values {
		if len(v.text) >= MinRedacted {
			r.values = append(r.values, v)
		}
	}
	var forms []named
	for _, v := range r.values {
		if _, err := strconv.ParseFloat(v.text, 64); err == nil {
			r.numeric = true
		}
		for _, form := range encodings(v.text) {
			forms = append(forms, named{v.name, form})
		}
	}
	if len(forms) == 0 {
		return r
	}
	// The replacer tries its pairs in order where several begin at one place. Names settle what is equal, so that the
	// result is always the same.
	slices.SortFunc(forms, func(a, b named) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.text, b.text), cmp.Compare(a.name, b.name))
	})
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form.text, "[secret "+form.name+"]")
	}
	r.replacer = strings.NewReplacer(pairs...)
	return r
}

// With gives a redactor that takes out one more text under that name, for example a credential that a secret is part
// of.
func (r *Redactor) With(name, text string) *Redactor {
	return newRedactor(append(slices.Clone(r.values), named{name, text}))
}

// Text replaces secrets in a text.
func (r *Redactor) Text(text string) string {
	if r.replacer == nil {
		return text
	}
	return r.replacer.Replace(text)
}

// Value replaces secrets in all texts, keys and numbers of a canonical value. It copies: values are shared.
func (r *Redactor) Value(v any) any {
	if r.replacer == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		return r.Text(v)
	case int, float64:
		if r.numeric {
			if text := fmt.Sprint(v); r.Text(text) != text {
				return r.Text(text)
			}
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = r.Value(item)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(v))
		for _, key := range everhook.SortedKeys(v) {
			mapping[r.Text(key)] = r.Value(v[key])
		}
		return mapping
	default:
		return v
	}
}

// Redact replaces the secrets of the moment in a canonical value, as Redactor.Value does.
func (p *Provider) Redact(v any) any { return p.Redactor().Value(v) }

// encodings lists the forms of a value, each once.
func encodings(text string) []string {
	forms := []string{text}
	for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text), percentEncode(text, unreserved),
		percentEncode(text, unreserved+"!'()*")} {
		forms = append(forms, escaped, lowerHex(escaped))
	}
	if data, err := everhook.EncodeJSON(text); err == nil {
		forms = append(forms, string(data[1:len(data)-1]))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := encoding.EncodeToString([]byte(text))
		forms = append(forms, whole, strings.TrimRight(whole, "="), url.QueryEscape(whole))
		if len(text) >= minInside {
			forms = append(forms, inside(encoding, text)...)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// inside gives what stands for text in the middle of base64, at each of the three positions that it can begin at: the
// characters that hold no bit of what is before or behind it.
func inside(encoding *base64.Encoding, text string) []string {
	forms := make([]string, 3)
	for offset := range forms {
		whole := encoding.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("\x00", offset) + text))
		first := (offset*8 + 5) / 6
		last := (offset + len(text)) * 8 / 6
		forms[offset] = whole[first:last]
	}
	return forms
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// percentEncode writes every byte but those kept as %XX (RFC 3986); url.QueryEscape and url.PathEscape keep more and
// write a space differently.
func percentEncode(text, kept string) string {
	var out strings.Builder
	for i := range len(text) {
		if strings.IndexByte(kept, text[i]) >= 0 {
			out.WriteByte(text[i])
		} else {
			fmt.Fprintf(&out, "%%%02X", text[i])
		}
	}
	return out.String()
}

// lowerHex writes %2F as %2f.
func lowerHex(escaped string) string {
	out := []byte(escaped)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], strings.ToLower(string(out[i+1:i+3])))
			i += 2
		}
	}
	return string(out)
}
