package signature

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/everhook/everhook"
)

// Template is the signed text. It consists of fixed text and of places for parts of a delivery.
type Template struct{ parts []part }

// part is a piece of text, or a place with the name that stands in it, which is that of a header or a path in the body.
type part struct {
	text  string
	place place
	name  string
	path  everhook.Path
}

type place string

// The places of a template. Those that end with a colon take a name.
const (
	placeID         place = "{id}"
	placeTimestamp  place = "{timestamp}"
	placeBody       place = "{body}"
	placeMethod     place = "{method}"
	placeURL        place = "{url}"
	placeURLDecoded place = "{url:decoded}"
	placePath       place = "{path}"
	placeQuery      place = "{query}"
	placeForm       place = "{form:sorted}"
	placeSecret     place = "{secret}"
	placeHeader     place = "{header:"
	placeField      place = "{body:"
	// placeText is a field of the body, as placeField, that may hold the text that follows its place.
	placeText place = "{text:"
	// placeLine is a top-level field of the body with its name before it, each with a line end; nothing if the body
	// does not have it. Only the first one may hold line ends.
	placeLine place = "{line:"
)

// Places describes the places of a template, for people.
const Places = "{id}, {timestamp}, {body}, {method}, {url}, {path}, {query}, {form:sorted}, {header:NAME}, " +
	"{body:PATH}, {text:PATH} and {secret}"

var fixedPlaces = map[place]bool{
	placeID: true, placeTimestamp: true, placeBody: true, placeMethod: true, placeURL: true, placeURLDecoded: true,
	placePath: true, placeQuery: true, placeForm: true, placeSecret: true,
}

// maxTemplate bounds the text of a template, in bytes, and maxParts its places and texts.
const (
	maxTemplate = 4 << 10
	maxParts    = 64
)

// ParseTemplate reads a text with places, each at most once. "body" alone is {body}. A text without any part of the
// body is an error: one valid signature would then admit any body.
func ParseTemplate(text string) (Template, error) {
	if text == "body" {
		text = string(placeBody)
	}
	if len(text) > maxTemplate {
		return Template{}, fmt.Errorf("it is longer than %s", everhook.Size(maxTemplate))
	}
	var t Template
	seen := map[string]bool{}
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
		name := text[:placeEnd(text)]
		p, err := readPlace(name)
		if err != nil {
			return Template{}, err
		}
		if seen[name] {
			return Template{}, fmt.Errorf("%s stands twice", name)
		}
		seen[name] = true
		if len(t.parts) == maxParts {
			return Template{}, fmt.Errorf("it has more than %d parts", maxParts)
		}
		t.parts = append(t.parts, p)
		text = text[len(name):]
	}
	if texts := t.count(placeText); texts > 1 {
		return Template{}, errors.New("{text:PATH} stands twice, so its end would be unknown; write {body:PATH}")
	}
	if !t.has(placeBody) && !t.has(placeForm) && !t.hasField() {
		return Template{}, errors.New("the body is not signed; write {body} in its place")
	}
	return t, nil
}

// placeEnd is the length of the place at the beginning of a text; a path may have braces in quotes.
func placeEnd(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			quoted = !quoted
		case '\\':
			i++
		case '}':
			if !quoted {
				return i + 1
			}
		}
	}
	return len(text)
}

func readPlace(text string) (part, error) {
	if fixedPlaces[place(text)] {
		return part{place: place(text)}, nil
	}
	inner, closed := strings.CutSuffix(text, "}")
	for _, kind := range []place{placeHeader, placeField, placeText, placeLine} {
		name, found := strings.CutPrefix(inner, string(kind))
		if !found || !closed || name == "" {
			continue
		}
		if kind == placeHeader || kind == placeLine {
			return part{place: kind, name: name, path: everhook.Path{{Name: name}}}, nil
		}
		path, err := everhook.ParsePath(name)
		if err != nil {
			return part{}, fmt.Errorf("%s: %w", everhook.Shorten(text, 40), err)
		}
		return part{place: kind, name: name, path: path}, nil
	}
	return part{}, fmt.Errorf("%q is none of %s", everhook.Shorten(text, 40), Places)
}

// template is for the table of presets.
func template(text string) Template {
	t, err := ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

// fieldsTemplate is for a preset whose sender signs nothing of the body but an ID and a time in it.
func fieldsTemplate(text string) Template {
	t := template(text + string(placeBody))
	t.parts = t.parts[:len(t.parts)-1]
	return t
}

// HasID reports whether the delivery's ID is signed.
func (t Template) HasID() bool { return t.has(placeID) }

// HasTimestamp reports whether the time of sending is signed.
func (t Template) HasTimestamp() bool { return t.has(placeTimestamp) }

// HasSecret reports whether the text contains the secret, as plain hashes need it.
func (t Template) HasSecret() bool { return t.has(placeSecret) }

// HasURL reports whether the URL is signed, which the receiver must know then.
func (t Template) HasURL() bool { return t.has(placeURL) || t.has(placeURLDecoded) }

// SignsFields reports whether only some fields of the body are signed, so that the others can be forged.
func (t Template) SignsFields() bool {
	return t.hasField() && !t.has(placeBody) && !t.has(placeForm)
}

// Headers are the names of the headers that are signed.
func (t Template) Headers() []string {
	var names []string
	for _, part := range t.parts {
		if part.place == placeHeader {
			names = append(names, part.name)
		}
	}
	return names
}

// String writes the template for people.
func (t Template) String() string {
	var text strings.Builder
	for _, part := range t.parts {
		text.WriteString(part.text + string(part.place))
		if part.name != "" {
			text.WriteString(part.name + "}")
		}
	}
	return text.String()
}

func (t Template) has(name place) bool { return t.count(name) > 0 }

func (t Template) count(name place) (n int) {
	for _, part := range t.parts {
		if part.place == name {
			n++
		}
	}
	return n
}

// hasField reports whether fields of the body are signed.
func (t Template) hasField() bool { return t.has(placeField) || t.has(placeText) || t.has(placeLine) }

// ambiguous reports whether an ID holds the text that ends it: the same signature would then fit another ID, with
// another time and body.
func (t Template) ambiguous(id string) bool {
	for i, part := range t.parts {
		if part.place == placeID {
			return t.overruns(i, id)
		}
	}
	return false
}

// overruns reports whether the value of a place holds the text around it, so that the same signature would fit other
// values of the places beside it.
func (t Template) overruns(i int, value string) bool {
	for _, beside := range []int{i - 1, i + 1} {
		if beside >= 0 && beside < len(t.parts) && t.parts[beside].text != "" &&
			strings.Contains(value, t.parts[beside].text) {
			return true
		}
	}
	return false
}

// fill gives the texts of the places that a delivery has besides its ID, time and body; nil if there are none.
func (t Template) fill(d *document, strip string) ([]string, error) {
	var texts []string
	for i, part := range t.parts {
		text, err := "", error(nil)
		switch part.place {
		case "", placeID, placeTimestamp, placeBody, placeSecret:
			continue
		case placeMethod:
			text = d.m.Method
		case placeURL:
			text, err = d.m.url(strip)
		case placeURLDecoded:
			text, err = d.m.url(strip)
			text = urlDecoder.Replace(text)
		case placePath:
			text, _, _ = strings.Cut(d.m.Target, "?")
		case placeQuery:
			_, text, _ = strings.Cut(without(d.m.Target, strip), "?")
		case placeForm:
			text, err = d.sortedForm()
		case placeHeader:
			if text, err = single(&d.m, part.name); err == nil && t.overruns(i, text) {
				err = Malformed
			}
		case placeField, placeText:
			text, _, err = d.text(part.path)
			if err == nil && part.place == placeField && t.overruns(i, text) {
				err = Malformed
			}
		case placeLine:
			text, err = d.line(part, i == 0)
		}
		if err != nil {
			return nil, err
		}
		if texts == nil {
			texts = make([]string, len(t.parts))
		}
		texts[i] = text
	}
	return texts, nil
}

// urlDecoder decodes the characters that HubSpot decodes before it signs a URL.
var urlDecoder = strings.NewReplacer(
	"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
)

// write writes the text that is signed to w, which never fails.
func (t Template) write(w io.Writer, shown *shown, k key, body []byte) {
	for i, part := range t.parts {
		switch part.place {
		case "":
			_, _ = io.WriteString(w, part.text)
		case placeBody:
			_, _ = w.Write(body)
		case placeID:
			_, _ = io.WriteString(w, shown.id)
		case placeTimestamp:
			_, _ = io.WriteString(w, shown.timestamp)
		case placeSecret:
			_, _ = w.Write(k.shared)
		default:
			_, _ = io.WriteString(w, shown.texts[i])
		}
	}
}
