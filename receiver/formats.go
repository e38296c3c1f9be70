package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

// Format is a kind of body that a flow can take.
type Format string

// The formats of bodies.
const (
	FormatJSON      Format = "json"      // application/json and every type that ends with +json (RFC 6839); the default
	FormatForm      Format = "form"      // application/x-www-form-urlencoded, see ParseForm
	FormatMultipart Format = "multipart" // multipart/form-data, see ParseMultipart
	// application/xml, text/xml and every type that ends with +xml (RFC 7303), see ParseXML
	FormatXML  Format = "xml"
	FormatText Format = "text" // any text type, as one text
)

// format is how the bodies of one Format are known, parsed, and asked for.
type format struct {
	Format
	// has reports whether a media type, in lower case and without its parameters, is one of this format.
	has func(mediaType string) bool
	// parse reads a body. More than maxValues values are an *everhook.ValuesError.
	parse func(body []byte, parameters map[string]string, maxValues int) (any, error)
	// called is the format for people, and option what has curl send it.
	called, option string
}

// formats are all of them. Where a type has two, the first that a flow takes counts: text/xml is XML, and text for a
// flow without XML.
var formats = []format{
	{FormatJSON, isJSON, parseJSON, "JSON", contentType(typeJSON)},
	{FormatForm, is(typeForm), parseForm, "a form", contentType(typeForm)},
	{FormatMultipart, is(typeMultipart), parseMultipart, "a multipart form", "-F NAME=VALUE"},
	{FormatXML, isXML, parseXML, "XML", contentType("application/xml")},
	{FormatText, isText, parseText, "text", contentType("text/plain")},
}

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

func contentType(mediaType string) string { return "-H 'Content-Type: " + mediaType + "'" }

func is(mediaType string) func(string) bool {
	return func(given string) bool { return given == mediaType }
}

// isJSON takes a body without a type too.
func isJSON(mediaType string) bool {
	return mediaType == "" || mediaType == typeJSON || strings.HasSuffix(mediaType, "+json")
}

func isXML(mediaType string) bool {
	return mediaType == "application/xml" || mediaType == "text/xml" || strings.HasSuffix(mediaType, "+xml")
}

func isText(mediaType string) bool { return strings.HasPrefix(mediaType, "text/") }

// parseBody parses a body of a type that the flow accepts. An empty body is nil, whatever its type.
func parseBody(r *Receiver, c *call) (reply, bool) {
	if len(c.body) == 0 {
		c.delivery.Trigger["body"] = nil
		return reply{}, false
	}
	if encoding := c.header.Peek(fiber.HeaderContentEncoding); len(encoding) > 0 &&
		!bytes.EqualFold(encoding, []byte("identity")) {
		c.cause = fmt.Sprintf("the sender compresses the body (Content-Encoding %q): switch that off in the sender's "+
			"settings, or decompress in the proxy before Everhook", everhook.Shorten(string(encoding), 40))
		return refuse(MediaType, "send the body as it is, without Content-Encoding"), true
	}
	given := string(c.header.ContentType())
	mediaType := mediaTypeOf(given)
	if s := c.route.Signature; s != nil && s.Preset.JSON {
		mediaType = typeJSON
	}
	f, found := c.route.format(mediaType)
	if !found {
		c.cause = c.route.acceptable(mediaType)
		return refuse(MediaType, c.route.wanted(mediaType)), true
	}
	var parameters map[string]string
	if f.Format != FormatJSON {
		var err error
		if _, parameters, err = mime.ParseMediaType(given); err != nil {
			return refuse(Malformed, "the parameters of the Content-Type are not well formed"), true
		}
		if charset := parameters["charset"]; !isUTF8(charset) {
			c.cause = fmt.Sprintf("the sender writes its text in %q: set UTF-8 in the sender's settings, because no "+
				"other charset is read", everhook.Shorten(charset, 40))
			return refuse(MediaType, fmt.Sprintf("send UTF-8, not %q", everhook.Shorten(charset, 40))), true
		}
	}
	body, err := f.parse(c.body, parameters, r.options.MaxValues)
	if values, tooMany := errors.AsType[*everhook.ValuesError](err); tooMany {
		return refuse(TooLarge, fmt.Sprintf("the body has more than the %d values that are taken here", values.Max)),
			true
	}
	if fault, ok := errors.AsType[*everhook.SyntaxError](err); ok && fault.Reason == errCharset.Error() {
		c.cause = "the XML names another encoding than UTF-8: set UTF-8 in the sender's settings, because no other " +
			"is read"
	}
	if err != nil {
		return refuse(Malformed, fmt.Sprintf("the body is not %s that can be kept: %v", f.called, err)), true
	}
	c.parsed = body
	c.delivery.Trigger["body"] = keep(body, c.route.Body)
	return reply{}, false
}

func mediaTypeOf(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// isUTF8 reports whether a text with this charset can be read as UTF-8. Other charsets are refused.
func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return true
	default:
		return false
	}
}

func (r *Route) accepts(f Format) bool {
	return slices.Contains(r.Accept, f) || len(r.Accept) == 0 && f == FormatJSON
}

func (r *Route) format(mediaType string) (format, bool) {
	for _, f := range formats {
		if r.accepts(f.Format) && f.has(mediaType) {
			return f, true
		}
	}
	return format{}, false
}

// isMediaType matches the names that RFC 6838 section 4.2 allows, up to a sensible length.
var isMediaType = regexp.MustCompile(`^[a-zA-Z0-9][\w!#$&^.+-]{0,63}/[a-zA-Z0-9][\w!#$&^.+-]{0,63}$`)

// acceptable says for the operator's log what to set so that bodies of a type are taken.
func (r *Route) acceptable(mediaType string) string {
	sent := fmt.Sprintf("the sender sends %q", mediaType)
	switch {
	case mediaType == "":
		sent = "the sender sends a body without a Content-Type"
	case !isMediaType.MatchString(mediaType): // the log does not repeat what anything could be
		sent = "the sender sends a Content-Type that is no media type"
	}
	for _, f := range formats {
		if f.has(mediaType) {
			return fmt.Sprintf("%s: add `%s` to `accept` in the flow", sent, f.Format)
		}
	}
	return sent + ", which no trigger takes: let the sender send JSON, a form, XML or text"
}

// wanted describes the types that the flow accepts, for the sender of another type.
func (r *Route) wanted(mediaType string) string {
	var called, options []string
	for _, f := range formats {
		if r.accepts(f.Format) {
			called, options = append(called, f.called), append(options, f.option)
		}
	}
	given := "a body without a type"
	if mediaType != "" {
		given = fmt.Sprintf("%q", everhook.Shorten(mediaType, 80))
	}
	return fmt.Sprintf("this webhook takes %s, not %s; add %s", strings.Join(called, " or "), given,
		strings.Join(options, " or "))
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

func parseJSON(body []byte, _ map[string]string, maxValues int) (any, error) {
	return everhook.ParseJSONWithin(bytes.TrimPrefix(body, byteOrderMark), maxValues)
}

// parseForm needs no bound for values: a form has at most 1,000 parameters.
func parseForm(body []byte, _ map[string]string, _ int) (any, error) {
	form, err := ParseForm(bytes.TrimPrefix(body, byteOrderMark))
	return map[string]any(form), err
}

// parseMultipart needs none either: a form has at most 1,000 parts.
func parseMultipart(body []byte, parameters map[string]string, _ int) (any, error) {
	form, err := ParseMultipart(body, parameters["boundary"])
	return map[string]any(form), err
}

func parseXML(body []byte, _ map[string]string, maxValues int) (any, error) {
	document, err := parseXMLWithin(bytes.TrimPrefix(body, byteOrderMark), maxValues)
	return map[string]any(document), err
}

func parseText(body []byte, _ map[string]string, _ int) (any, error) {
	body = bytes.TrimPrefix(body, byteOrderMark)
	return string(body), everhook.CheckUTF8(body)
}

// ParseForm parses application/x-www-form-urlencoded as ParseQuery parses a query, with its limits: names nest, values
// are text, escapes that are not UTF-8 stay as they are. Bytes that are not UTF-8 are an error, an
// *everhook.SyntaxError.
func ParseForm(body []byte) (everhook.Mapping, error) {
	if err := everhook.CheckUTF8(body); err != nil {
		return nil, err
	}
	return ParseQuery(string(body))
}
