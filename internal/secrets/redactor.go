package secrets

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

const (
	// MinRedacted is the least size in bytes of a redacted value: shorter ones occur in too many texts by chance.
	MinRedacted = 4
	// MinEncoded is the least size in bytes of a value that is found in forms other than its own.
	MinEncoded = 8
)

// Redactor replaces secrets by "[secret NAME]". It finds a value of at least MinEncoded bytes in all these forms: each
// character unchanged, after a backslash, percent-encoded or as an entity, up to three times nested; the whole as
// UTF-16, and inside base64 and hex. A shorter value is found only unchanged. A Redactor is immutable, and safe for
// concurrent use. The zero Redactor changes nothing.
type Redactor struct {
	tables []*table
}

// table has the values to look for.
type table struct {
	// long has the values that are found in every form, short those that are found only unchanged.
	long, short trie
	// starts has the bytes with which a secret can begin, in any form.
	starts [256]bool
	// shortest is the length of the shortest long value; 0: there is none.
	shortest int
	// numeric is set if a value reads as a number, so that numbers must be searched too.
	numeric bool
}

type named struct{ name, text string }

// span is a stretch of a text that holds a secret.
type span struct {
	start, end int
	name       string
}

func newRedactor(values []named) *Redactor {
	t := &table{}
	for _, v := range values {
		if len(v.text) >= MinRedacted {
			t.add(v)
		}
	}
	if !slices.Contains(t.starts[:], true) {
		return &Redactor{}
	}
	return &Redactor{[]*table{t}}
}

func (t *table) add(v named) {
	if _, err := strconv.ParseFloat(v.text, 64); err == nil {
		t.numeric = true
	}
	if len(v.text) < MinEncoded {
		t.short.add(v.text, v.name)
		t.starts[v.text[0]] = true
		return
	}
	if t.shortest == 0 || len(v.text) < t.shortest {
		t.shortest = len(v.text)
	}
	for _, form := range append(wide(v.text), v.text) {
		t.long.add(form, v.name)
		t.starts[form[0]] = true
	}
	for _, introducer := range []byte(introducers) {
		t.starts[introducer] = true
	}
}

// wide returns a text as UTF-16 in both byte orders. The zero byte at one end is omitted, so that both are the same for
// ASCII.
func wide(text string) []string {
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		little = binary.LittleEndian.AppendUint16(little, unit)
		big = binary.BigEndian.AppendUint16(big, unit)
	}
	forms := []string{strings.TrimSuffix(string(little), "\x00"), strings.TrimPrefix(string(big), "\x00")}
	return slices.Compact(forms)
}

// With returns a redactor that replaces one more text, such as a credential that contains a secret. It costs no more
// memory than that text.
func (r *Redactor) With(name, text string) *Redactor {
	more := newRedactor([]named{{name, text}})
	return &Redactor{append(slices.Clone(r.tables), more.tables...)}
}

// Text replaces secrets in a text.
func (r *Redactor) Text(text string) string {
	if len(text) < MinRedacted {
		return text
	}
	var spans []span
	for _, t := range r.tables {
		spans = append(spans, t.find(text)...)
	}
	if len(spans) == 0 {
		return text
	}
	return replace(text, spans)
}

// replace replaces the spans by the names. Overlapping spans become one, with the name of the first and longest.
func replace(text string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.name, b.name))
	})
	var out strings.Builder
	done := 0
	for _, s := range spans {
		if s.start >= done {
			out.WriteString(text[done:s.start])
			out.WriteString("[secret " + s.name + "]")
		}
		done = max(done, s.end)
	}
	out.WriteString(text[done:])
	return out.String()
}

// find returns the spans of a table's values.
func (t *table) find(text string) []span {
	var spans []span
	collect := func(found span) { spans = append(spans, found) }
	t.look(text, true, collect)
	if t.shortest == 0 {
		return spans
	}
	for _, e := range encodings {
		spans = append(spans, e.find(text, t.shortest, func(decoded string, found func(span)) {
			t.look(decoded, false, found)
		})...)
	}
	return spans
}

// look reports the longest value at each position of a text, escaped or not.
func (t *table) look(text string, short bool, found func(span)) {
	for at := 0; at < len(text); {
		if !t.starts[text[at]] {
			at++
			continue
		}
		end, name := 0, ""
		if t.shortest > 0 {
			end, name = t.long.longestEscaped(text, at)
		}
		if short {
			if exact, exactName := t.short.longest(text, at); exact > end {
				end, name = exact, exactName
			}
		}
		if end == 0 {
			at++
			continue
		}
		found(span{at, end, name})
		at = end
	}
}

// Value replaces secrets in all texts, keys and numbers of a canonical value. It copies: values are shared.
func (r *Redactor) Value(v any) any {
	if len(r.tables) == 0 {
		return v
	}
	switch v := v.(type) {
	case string:
		return r.Text(v)
	case int, float64:
		if r.numeric() {
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

func (r *Redactor) numeric() bool {
	return slices.ContainsFunc(r.tables, func(t *table) bool { return t.numeric })
}

// Redact replaces the known secrets in a canonical value, as Redactor.Value does.
func (p *Provider) Redact(v any) any { return p.Redactor().Value(v) }

// With gives the provider's secrets with one more text to redact.
func (p *Provider) With(name, text string) activities.Secrets {
	return &extended{p, newRedactor([]named{{name, text}})}
}

// extended is a Provider that redacts more texts.
type extended struct {
	*Provider
	more *Redactor
}

func (e *extended) Redact(v any) any {
	return (&Redactor{slices.Concat(e.Provider.Redactor().tables, e.more.tables)}).Value(v)
}

func (e *extended) With(name, text string) activities.Secrets {
	return &extended{e.Provider, e.more.With(name, text)}
}
