package everhook

import (
	"fmt"
	"strings"
	"unicode"
)

// Names in the mapping of an XML element. No element can have them.
const (
	XMLAttributeMark = "@"
	XMLTextName      = "#text"
)

// EncodeXML writes a value as an XML 1.0 document in UTF-8, in the form in which XML is read: a mapping with the name
// of the root element. In the mapping of an element, "@id" is an attribute, "#text" the text, and every other key an
// element; a list repeats its element, and an empty one leaves it out. nil is an empty element, or an attribute that is
// left out. Attributes and elements are sorted by name. All text is escaped, so that no value adds an element.
//
// A document of more than limit bytes is an error, and so are a key that is not a name, a list in a list, and nesting
// over MaxDepth.
func EncodeXML(v any, limit int) (string, error) {
	root, ok := v.(map[string]any)
	if !ok || len(root) != 1 {
		return "", fmt.Errorf("a document of XML is a mapping with one key, the name of its root element, not %s",
			xmlShape(v))
	}
	w := &xmlWriter{limit: limit}
	w.text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	for _, name := range SortedKeys(root) {
		value := root[name]
		if _, list := value.([]any); list {
			return "", fmt.Errorf("the root element %q is a list; a document has one root element", Shorten(name, 60))
		}
		if err := w.element(name, value, 1); err != nil {
			return "", err
		}
	}
	return w.text.String(), nil
}

func xmlShape(v any) string {
	if mapping, ok := v.(map[string]any); ok {
		return fmt.Sprintf("one with %d keys", len(mapping))
	}
	return TypeName(v)
}

type xmlWriter struct {
	text  strings.Builder
	limit int
}

// element writes an element. Its name is checked.
func (w *xmlWriter) element(name string, v any, depth int) error {
	switch {
	case !isXMLName(name):
		return fmt.Errorf("%q is not the name of an element of XML", Shorten(name, 60))
	case depth > MaxDepth:
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	mapping, isMapping := v.(map[string]any)
	w.text.WriteString("<" + name)
	if isMapping {
		if err := w.attributes(name, mapping); err != nil {
			return err
		}
	}
	if v == nil {
		w.text.WriteString("/>")
		return w.full()
	}
	w.text.WriteByte('>')
	if !isMapping {
		text, ok := scalarText(v)
		if !ok {
			return fmt.Errorf("%s: a list in a list has no form in XML", Shorten(name, 60))
		}
		w.text.WriteString(escapeXMLText.Replace(EscapeMarkup.Apply(text)))
	} else if err := w.content(mapping, depth); err != nil {
		return err
	}
	w.text.WriteString("</" + name + ">")
	return w.full()
}

func (w *xmlWriter) full() error {
	if w.text.Len() > w.limit {
		return fmt.Errorf("the document is larger than %s", Size(w.limit))
	}
	return nil
}

func (w *xmlWriter) attributes(element string, mapping map[string]any) error {
	for _, key := range SortedKeys(mapping) {
		name, found := strings.CutPrefix(key, XMLAttributeMark)
		if !found || mapping[key] == nil {
			continue
		}
		text, ok := scalarText(mapping[key])
		switch {
		case !isXMLName(name):
			return fmt.Errorf("%q is not the name of an attribute of XML", Shorten(name, 60))
		case !ok:
			return fmt.Errorf("the attribute %s of %s is %s; an attribute is text, a number or a boolean",
				Shorten(name, 60), Shorten(element, 60), TypeName(mapping[key]))
		}
		w.text.WriteString(" " + name + `="` + escapeXMLAttribute.Replace(EscapeMarkup.Apply(text)) + `"`)
	}
	return w.full()
}

func (w *xmlWriter) content(mapping map[string]any, depth int) error {
	if v := mapping[XMLTextName]; v != nil {
		text, ok := scalarText(v)
		if !ok {
			return fmt.Errorf("%s is %s, not text", XMLTextName, TypeName(v))
		}
		w.text.WriteString(escapeXMLText.Replace(EscapeMarkup.Apply(text)))
	}
	for _, name := range SortedKeys(mapping) {
		if name == XMLTextName || strings.HasPrefix(name, XMLAttributeMark) {
			continue
		}
		items, isList := mapping[name].([]any)
		if !isList {
			items = []any{mapping[name]}
		}
		for _, item := range items {
			if err := w.element(name, item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// White space that readers of XML change unless it is written as a reference.
var (
	escapeXMLText      = strings.NewReplacer("\r", "&#13;")
	escapeXMLAttribute = strings.NewReplacer("\r", "&#13;", "\n", "&#10;", "\t", "&#9;")
)

// scalarText is the text of a text, number or boolean.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool, int, float64:
		data, err := EncodeJSON(v)
		return string(data), err == nil
	default:
		return "", false
	}
}

// maxXMLName bounds a name, in bytes.
const maxXMLName = 256

// isXMLName matches a name with at most one prefix ("soap:Body"), of letters, digits, "_", "-" and ".".
func isXMLName(name string) bool {
	prefix, local, found := strings.Cut(name, ":")
	return len(name) <= maxXMLName && isNCName(prefix) && (!found || isNCName(local))
}

func isNCName(name string) bool {
	for i, c := range name {
		if c == '_' || unicode.IsLetter(c) || i > 0 && (c == '-' || c == '.' || unicode.IsDigit(c)) {
			continue
		}
		return false
	}
	return name != ""
}
