package everhook

import (
	"net/url"
	"strings"
)

// Escape says how a value is written into the text around it.
type Escape string

// The escapes, by the place of the value.
const (
	EscapeNone Escape = ""
	// EscapePath is for one segment of a URL's path.
	EscapePath Escape = "path"
	// EscapeSegments is for several segments of a URL's path; slashes stay.
	EscapeSegments Escape = "segments"
	// EscapeQuery is for one value in a URL's query.
	EscapeQuery Escape = "query"
	// EscapeMarkup is for text and quoted attributes of XML and HTML.
	EscapeMarkup Escape = "markup"
	// EscapeCDATA is for a CDATA section of XML.
	EscapeCDATA Escape = "cdata"
	// EscapeJSONText is for the inside of a quoted text of JSON.
	EscapeJSONText Escape = "json-text"
	// EscapeJSONValue is for a value of JSON; text gets quotes.
	EscapeJSONValue Escape = "json"
)

// Apply writes a text for its place.
func (e Escape) Apply(text string) string {
	switch e {
	case EscapePath:
		return url.PathEscape(text)
	case EscapeSegments:
		segments := strings.Split(text, "/")
		for i, segment := range segments {
			segments[i] = url.PathEscape(segment)
		}
		return strings.Join(segments, "/")
	case EscapeQuery:
		return url.QueryEscape(text)
	case EscapeMarkup:
		return markupEscaper.Replace(strings.Map(allowedInXML, text))
	case EscapeCDATA:
		return escapeCDATA(strings.Map(allowedInXML, text))
	case EscapeJSONText:
		return strings.TrimSuffix(strings.TrimPrefix(EscapeJSONValue.Apply(text), `"`), `"`)
	case EscapeJSONValue:
		encoded, _ := EncodeJSON(text) // text can always be encoded
		return string(encoded)
	default:
		return text
	}
}

// markupEscaper writes references that exist in XML and in HTML.
var markupEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// allowedInXML replaces the control characters that XML cannot hold.
func allowedInXML(c rune) rune {
	if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
		return '\uFFFD'
	}
	return c
}

// escapeCDATA splits the section wherever "]]>" could end it, also together with the text around the value.
func escapeCDATA(text string) string {
	const split = "]]><![CDATA["
	text = strings.ReplaceAll(text, "]]>", "]]"+split+">")
	if strings.HasPrefix(text, ">") || strings.HasPrefix(text, "]>") {
		at := strings.IndexByte(text, '>')
		text = text[:at] + split + text[at:]
	}
	if strings.HasSuffix(text, "]") {
		text += split
	}
	return text
}
