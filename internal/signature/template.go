package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/everhook/everhook"
)

// Template is the signed text. It consists of fixed text and of places for the delivery's ID, its time and its body.
type Template struct{ parts []part }

// part is a piece of text, or the name of a place.
type part struct {
	text  string
	place place
}

type place string

const (
	placeID        place = "{id}"
	placeTimestamp place = "{timestamp}"
	placeBody      place = "{body}"
)

// ParseTemplate reads a text with {id}, {timestamp} and {body}, each at most once. "body" alone is {body}. A text
// without {body} is an error: one valid signature would then admit any body.
func ParseTemplate(text string) (Template, error) {
	if text == "body" {
		text = string(placeBody)
	}
	var t Template
	seen := map[place]bool{}
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open != 0 {
			if open < 0 {
				open = len(text)
			}
			t.parts = append(t.parts, part{text: text[:open]})
			text = text[open:]
			continue
		}
		end := strings.IndexByte(text, '}')
		name := place(text[:max(end+1, 0)])
		if name != placeID && name != placeTimestamp && name != placeBody {
			return Template{}, fmt.Errorf("%q is none of {id}, {timestamp} and {body}", everhook.Shorten(text, 40))
		}
		if seen[name] {
			return Template{}, fmt.Errorf("%s stands twice", name)
		}
		seen[name] = true
		t.parts = append(t.parts, part{place: name})
		text = text[end+1:]
	}
	if !seen[placeBody] {
		return Template{}, errors.New("the body is not signed; write {body} in its place")
	}
	return t, nil
}

// template is for the table of presets.
func template(text string) Template {
	t, err := ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

// HasID reports whether the delivery's ID is signed.
func (t Template) HasID() bool { return t.has(placeID) }

// HasTimestamp reports whether the time of sending is signed.
func (t Template) HasTimestamp() bool { return t.has(placeTimestamp) }

func (t Template) has(name place) bool {
	for _, part := range t.parts {
		if part.place == name {
			return true
		}
	}
	return false
}

// ambiguous reports whether an ID holds the text that ends it: the same signature would then fit another ID, with
// another time and body.
func (t Template) ambiguous(id string) bool {
	for i, part := range t.parts {
		if part.place == placeID && i+1 < len(t.parts) && t.parts[i+1].text != "" {
			return strings.Contains(id, t.parts[i+1].text)
		}
	}
	return false
}

// write writes the text that is signed to w, which never fails.
func (t Template) write(w io.Writer, id, timestamp string, body []byte) {
	for _, part := range t.parts {
		switch part.place {
		case placeBody:
			_, _ = w.Write(body)
		case placeID:
			_, _ = io.WriteString(w, id)
		case placeTimestamp:
			_, _ = io.WriteString(w, timestamp)
		default:
			_, _ = io.WriteString(w, part.text)
		}
	}
}

func (t Template) bytes(id, timestamp string, body []byte) []byte {
	var text bytes.Buffer
	t.write(&text, id, timestamp, body)
	return text.Bytes()
}
