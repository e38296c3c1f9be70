package expression

import (
	"fmt"
	"strings"

	"github.com/everhook/everhook"
)

// Headers is a Template for the headers of an answer: a mapping of names to texts, or to lists of them for a header
// that is repeated. Values that are nil are left out.
//
// In the header Location, values that are inserted into a URL are percent-encoded for their place as in a URL field. A
// Location that is exactly one template is used unchanged.
type Headers struct {
	Template[map[string]everhook.HeaderValue]
}

// location is the header that holds a URL.
const location = "Location"

// Decode sets the mapping, or the template that gives it.
func (h *Headers) Decode(v any) error {
	if err := h.Template.Decode(v); err != nil {
		return err
	}
	if text := h.location(); text != nil && !text.whole() {
		placeReference(text.parts)
	}
	return nil
}

// location returns the template of the header Location, or nil.
func (h *Headers) location() *textForm {
	mapping, ok := h.form.(*mappingForm)
	if !ok {
		return nil
	}
	for i, name := range mapping.keys {
		if strings.EqualFold(name, location) {
			text, _ := mapping.forms[i].(*textForm)
			return text
		}
	}
	return nil
}

// ForeignLocation returns the source of a template that decides to which host the header Location leads, and that is
// not made of settings alone: then the sender of a delivery may decide it.
func (h *Headers) ForeignLocation() (source string, found bool) {
	text := h.location()
	if text == nil {
		return "", false
	}
	for _, p := range text.parts {
		if (p.supplies || text.whole()) && p.program != nil && !p.program.settingsOnly {
			return strings.TrimSpace(p.source), true
		}
	}
	return "", false
}

// placeReference determines the region of each template in a URL, or in a reference that is relative to the URL of the
// flow: "/thanks?order={{ … }}".
func placeReference(parts []part) {
	if first := parts[0]; first.literal() && !strings.Contains(first.text, "://") {
		rest := inPath.after(first.text)
		if strings.HasPrefix(first.text, "//") || strings.HasPrefix(first.text, `/\`) {
			rest = inHost.after(first.text[2:])
		}
		place(rest, parts[1:])
		return
	}
	place(beforeScheme, parts)
}

// convertHeaders omits nil values.
func convertHeaders(v any) (map[string]everhook.HeaderValue, error) {
	mapping, err := convertMapping(v)
	if err != nil {
		return nil, err
	}
	headers := make(map[string]everhook.HeaderValue, len(mapping))
	for _, name := range everhook.SortedKeys(mapping) {
		items, ok := mapping[name].([]any)
		if !ok {
			items = []any{mapping[name]}
		}
		for i, item := range items {
			if item == nil {
				continue
			}
			text, err := convertText(item)
			switch {
			case err != nil && ok:
				return nil, fmt.Errorf("%s[%d]: %w", name, i, err)
			case err != nil:
				return nil, fmt.Errorf("%s: %s where text or a list of texts is needed", name, everhook.TypeName(item))
			}
			headers[name] = append(headers[name], text)
		}
	}
	return headers, nil
}

// checkHeaders checks the literal parts of headers: texts, or lists of texts.
func checkHeaders(mapping *mappingForm) error {
	for i, name := range mapping.keys {
		value := mapping.forms[i]
		if list, ok := value.(listForm); ok {
			if err := checkItems(list, func(i int) string { return fmt.Sprintf("%s[%d]", name, i) }); err != nil {
				return err
			}
			continue
		}
		if err := check[string](value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
