package everhook

import (
	"fmt"
	"maps"
	"strings"
)

// Sealed is a value with places for secrets. An activity gets it in place of the finished value, so no secret is in a
// history. The places follow from the definition alone; they are never read from text.
type Sealed struct {
	// Value is the value with nil at every place.
	Value Value `json:"value"`
	// Places are the places of texts with secrets. Without places, Value is complete.
	Places []Place `json:"places,omitempty"`
}

// Place is one text inside a sealed value.
type Place struct {
	// At is the path to the place: mapping keys (string) and list positions (int); empty for the value itself.
	At []any `json:"at,omitempty"`
	// Segments are the parts of the text, in order.
	Segments []Segment `json:"segments"`
}

// Segment is either text or the name of a secret.
type Segment struct {
	Text   string `json:"text,omitempty"`
	Secret string `json:"secret,omitempty"`
	// Escape says how the value of the secret is escaped. Text is escaped already.
	Escape Escape `json:"escape,omitempty"`
}

// Open returns the value with the secrets in their places. Lookup returns the value of a secret; its error is returned.
func (s Sealed) Open(lookup func(name string) (string, error)) (any, error) {
	return s.fill(func(segment Segment) (string, error) {
		secret, err := lookup(segment.Secret)
		return segment.Escape.Apply(secret), err
	})
}

// Names returns the names of the secrets, each once, sorted.
func (s Sealed) Names() []string {
	names := map[string]bool{}
	for _, place := range s.Places {
		for _, segment := range place.Segments {
			if segment.Secret != "" {
				names[segment.Secret] = true
			}
		}
	}
	return SortedKeys(names)
}

// Display returns the value with "{{ secret.NAME }}" in the places, for logs and pages.
func (s Sealed) Display() any {
	v, _ := s.fill(func(segment Segment) (string, error) { return "{{ secret." + segment.Secret + " }}", nil })
	return v
}

func (s Sealed) fill(secret func(Segment) (string, error)) (any, error) {
	v := s.Value.V
	for _, place := range s.Places {
		var text strings.Builder
		for _, segment := range place.Segments {
			if segment.Secret == "" {
				text.WriteString(segment.Text)
				continue
			}
			part, err := secret(segment)
			if err != nil {
				return nil, err
			}
			text.WriteString(part)
		}
		filled, err := replaceAt(v, place.At, text.String())
		if err != nil {
			return nil, err
		}
		v = filled
	}
	return v, nil
}

// replaceAt copies the parts that it changes, because the value is shared.
func replaceAt(v any, at []any, text string) (any, error) {
	if len(at) == 0 {
		return text, nil
	}
	switch step := at[0].(type) {
	case string:
		if mapping, ok := v.(map[string]any); ok {
			below, err := replaceAt(mapping[step], at[1:], text)
			if err != nil {
				return nil, err
			}
			changed := maps.Clone(mapping)
			changed[step] = below
			return changed, nil
		}
	case float64:
		return replaceAt(v, append([]any{int(step)}, at[1:]...), text)
	case int:
		if list, ok := v.([]any); ok && step >= 0 && step < len(list) {
			below, err := replaceAt(list[step], at[1:], text)
			if err != nil {
				return nil, err
			}
			changed := append([]any{}, list...)
			changed[step] = below
			return changed, nil
		}
	}
	return nil, fmt.Errorf("a sealed value has no place %v", at)
}
