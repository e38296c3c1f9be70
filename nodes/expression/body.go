package expression

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
)

// Body is a Template[any] for a body that is sent to others. If the literal parts of a text are a JSON object or list,
// the value is that JSON, not a text that is encoded once more. A text that is exactly one template stays text,
// whatever its value looks like.
type Body struct {
	Template[any]
	// text is the form of the text itself, if it is JSON.
	text form
}

// Decode takes the value of the config.
func (b *Body) Decode(v any) error {
	b.text = nil
	if err := b.Template.Decode(v); err != nil {
		return err
	}
	text, ok := v.(string)
	if !ok || !looksLikeJSON(text) {
		return nil
	}
	parts, problem := parseParts(text)
	if problem != nil || len(aloneOrAll(parts)) == 1 && !parts[0].literal() {
		return nil
	}
	skeleton := jsonSkeleton(parts)
	if skeleton.err != nil {
		return nil
	}
	form, err := formOf(skeleton.value, parts, text, skeleton.quoted)
	if err != nil {
		return err
	}
	b.form, b.text = form, b.form
	return nil
}

// Compile compiles all templates in the value, and warns of a JSON text.
func (b *Body) Compile(pointer string, env *Environment) []Problem {
	problems := b.Template.Compile(pointer, env)
	if b.text == nil {
		return problems
	}
	b.text.compile(&formCompiler{env: env}, pointer)
	err := &Error{Message: "this is JSON written as a text", Fix: "write a mapping or list, which needs no " +
		"quotes around the whole: `" + everhook.Shorten(asYAML(b.form), 200) + "`"}
	return append(problems, err.warning(pointer))
}

// Alone returns the source of a body that is exactly one template, whose value is sent unchanged. It returns false if
// the outermost call marks the value as markup: raw, xmlEscape, htmlEscape or markdown.
func (b *Body) Alone() (source string, ok bool) {
	text, ok := b.form.(*textForm)
	if !ok || !text.whole() || text.parts[0].secret != "" {
		return "", false
	}
	source = strings.TrimSpace(text.parts[0].source)
	root, err := parse(source)
	if err != nil {
		return "", false
	}
	switch name, _ := outermostCall(root); name {
	case "raw", "xmlEscape", "htmlEscape", "markdown":
		return "", false
	}
	return source, true
}

// Unescaped returns the source of a value that is inserted into a text that has no elements of HTML or XML, so that
// it is not escaped. A body that is exactly one template has none; see Alone.
func (b *Body) Unescaped() (source string, found bool) {
	text, ok := b.form.(*textForm)
	if !ok || len(text.parts) < 2 || languageOf(text.parts) == markupText {
		return "", false
	}
	for _, p := range text.parts {
		if !p.literal() && !isRaw(p.source) {
			return strings.TrimSpace(p.source), true
		}
	}
	return "", false
}

// EvalSealedText is EvalSealed for content types other than JSON: a text that is JSON stays that text.
func (b *Body) EvalSealedText(scope *Scope) (everhook.Sealed, error) {
	if b.text == nil || !b.compiled {
		return b.EvalSealed(scope)
	}
	t := b.Template
	t.form = b.text
	return t.EvalSealed(scope)
}

// formOf makes a form from the value of a JSON text with marks in place of its insertions.
func formOf(v any, parts []part, source string, quoted map[int]bool) (form, error) {
	switch v := v.(type) {
	case string:
		return markedText(v, parts, source, quoted), nil
	case []any:
		list := make(listForm, len(v))
		for i, item := range v {
			var err error
			if list[i], err = formOf(item, parts, source, quoted); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		mapping := &mappingForm{keys: everhook.SortedKeys(v)}
		for _, key := range mapping.keys {
			item, err := formOf(v[key], parts, source, quoted)
			if err != nil {
				return nil, err
			}
			mapping.forms = append(mapping.forms, item)
		}
		return withKeys(mapping, parts, source, quoted)
	default:
		return literalForm{v}, nil
	}
}

// withKeys makes templates from the keys that have insertions.
func withKeys(mapping *mappingForm, parts []part, source string, quoted map[int]bool) (form, error) {
	for i, key := range mapping.keys {
		named, ok := markedText(key, parts, source, quoted).(*textForm)
		if !ok {
			continue
		}
		for _, p := range named.parts {
			if p.secret != "" {
				return nil, fmt.Errorf("a secret cannot be part of a key")
			}
		}
		if mapping.names == nil {
			mapping.names = make([]*textForm, len(mapping.keys))
		}
		mapping.names[i] = named
	}
	return mapping, nil
}

// markedText puts the insertions back into a text. An insertion outside of quotes is a value; one inside quotes is
// text.
func markedText(text string, parts []part, source string, quoted map[int]bool) form {
	found := mark.FindAllStringSubmatchIndex(text, -1)
	if found == nil {
		return literalForm{text}
	}
	t := &textForm{source: source, asText: true, escaped: true}
	rest := 0
	for _, at := range found {
		if at[0] > rest {
			t.parts = append(t.parts, part{text: text[rest:at[0]]})
		}
		i, _ := strconv.Atoi(text[at[2]:at[3]])
		t.parts = append(t.parts, parts[i])
		t.asText = t.asText && quoted[i]
		rest = at[1]
	}
	if rest < len(text) {
		t.parts = append(t.parts, part{text: text[rest:]})
	}
	return t
}

// asYAML returns a form in the notation of a flow file, in one line.
func asYAML(f form) string {
	switch f := f.(type) {
	case *textForm:
		text := ""
		for _, p := range f.parts {
			if p.literal() {
				text += p.text
			} else {
				text += "{{" + p.source + "}}"
			}
		}
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case listForm:
		text := "["
		for i, item := range f {
			if i > 0 {
				text += ", "
			}
			text += asYAML(item)
		}
		return text + "]"
	case *mappingForm:
		text := "{ "
		for i, key := range f.keys {
			if i > 0 {
				text += ", "
			}
			if isName(key) {
				text += key
			} else {
				text += strconv.Quote(key)
			}
			text += ": " + asYAML(f.forms[i])
		}
		return text + " }"
	default:
		data, _ := everhook.EncodeJSON(f.(literalForm).value)
		return string(data)
	}
}
