package receiver

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

// Format is a kind of body that a flow can take.
type Format string

// The formats of bodies.
const (
	// FormatJSON is JSON under any of its names (see content.IsJSON), and JSON on lines, which is a list; the default.
	FormatJSON      Format = "json"
	FormatForm      Format = "form"      // application/x-www-form-urlencoded, see ParseForm
	FormatMultipart Format = "multipart" // multipart/form-data, see ParseMultipart
	// application/xml, text/xml and every type that ends with +xml (RFC 7303), see everhook.ParseXML
	FormatXML  Format = "xml"
	FormatText Format = "text" // any text type, as one text
	// FormatBinary is every type that no other accepted format has, as a file: a mapping of filename (that of the
	// Content-Disposition), contentType, size (bytes) and base64.
	FormatBinary Format = "binary"
)

// format is how the bodies of one Format are known, parsed, and asked for.
type format struct {
	Format
	// has reports whether a media type, in lower case and without its parameters, is one of this format.
	has func(mediaType string) bool
	// charset finds the charset of a body of text; nil: there is none, or parse finds it.
	charset func(body) (content.Charset, error)
	// parse reads a body, whose text is UTF-8 if there is a charset. More than maxValues values are an
	// *everhook.ValuesError.
	parse func(body) (any, error)
	// called is the format for people, and option what has curl send it.
	called, option string
}

// body is the body of a call without its content encodings, while it is parsed.
type body struct {
	bytes []byte
	// mediaType is its type in lower case, and contentType the type as it was sent.
	mediaType, contentType string
	// parameters are those of the Content-Type. JSON has no use for them, except where it is not UTF-8.
	parameters map[string]string
	// disposition is the Content-Disposition, which may name a file.
	disposition string
	maxValues   int
	// bigIntegers has integers of JSON beyond 64 bits read as text.
	bigIntegers bool
}

// formats are all of them. Where a type has two, the first that a flow takes counts: text/xml is XML, and text for a
// flow without XML.
var formats = []format{
	{FormatJSON, isJSON, jsonCharset, parseJSON, "JSON", contentType(typeJSON)},
	{FormatForm, is(typeForm), nil, parseForm, "a form", contentType(typeForm)},
	{FormatMultipart, isMultipart, nil, parseMultipart, "a multipart form", "-F NAME=VALUE"},
	{FormatXML, isXML, xmlCharset, parseXML, "XML", contentType("application/xml")},
	{FormatText, isText, textCharset, parseText, "text", contentType("text/plain")},
	{FormatBinary, isAny, nil, parseBinary, "a file", contentType(typeBinary)},
}

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
	typeMixed     = "multipart/mixed"
	typeBinary    = "application/octet-stream"
)

func contentType(mediaType string) string { return "-H 'Content-Type: " + mediaType + "'" }

func is(mediaType string) func(string) bool {
	return func(given string) bool { return given == mediaType }
}

// isJSON takes a body without a type too, or with a type that says nothing.
func isJSON(mediaType string) bool {
	return mediaType == typeJSON || mediaType == "" || mediaType == "*/*" || content.IsJSON(mediaType) ||
		content.IsJSONLines(mediaType)
}

func isMultipart(mediaType string) bool { return mediaType == typeMultipart || mediaType == typeMixed }

func isAny(string) bool { return true }

func isXML(mediaType string) bool {
	return mediaType == "application/xml" || mediaType == "text/xml" || strings.HasSuffix(mediaType, "+xml")
}

func isText(mediaType string) bool { return strings.HasPrefix(mediaType, "text/") }

// parseBody parses a body of a type that the flow accepts. An empty body is nil, whatever its type.
func parseBody(r *Receiver, c *call) (reply, bool) {
	if len(c.body) == 0 {
		c.delivery.Trigger["body"] = nil
		if c.route.Raw {
			c.delivery.Trigger["raw"] = ""
		}
		return reply{}, false
	}
	b := body{bytes: c.body, maxValues: r.options.MaxValues, bigIntegers: c.route.BigIntegers}
	b.mediaType, b.contentType = content.TypeOf(string(c.header.ContentType()))
	if s := c.route.Signature; s != nil && s.Preset.JSON {
		b.mediaType = typeJSON
	}
	f, found := c.route.format(b.mediaType)
	if !found {
		c.cause = c.route.acceptable(b.mediaType)
		return refuse(MediaType, c.route.wanted(b.mediaType)), true
	}
	switch f.Format {
	case FormatJSON:
	case FormatBinary:
		b.disposition = string(c.header.Peek(fiber.HeaderContentDisposition))
	default:
		var err error
		if _, b.parameters, err = mime.ParseMediaType(b.contentType); err != nil {
			return refuse(Malformed, "the parameters of the Content-Type are not well formed"), true
		}
	}
	var err error
	if c.parsed, err = r.parse(c, f, b); err != nil {
		return notParsed(c, f, err), true
	}
	c.delivery.Trigger["body"] = keep(c.parsed, c.route.Body)
	return reply{}, false
}

// parse gives the value of a body, and keeps its text if the flow asks for it.
func (r *Receiver) parse(c *call, f format, b body) (any, error) {
	if f.charset != nil {
		charset, err := f.charset(b)
		if err != nil {
			return nil, err
		}
		if !charset.IsUTF8() {
			if b.bytes, err = charset.Decode(b.bytes); err != nil {
				return nil, err
			}
		}
	}
	if c.route.Raw {
		raw, err := rawText(f, b)
		if err != nil {
			return nil, err
		}
		c.delivery.Trigger["raw"] = raw
	}
	return f.parse(b)
}

// rawText is the text of a body as it came; nil for a file, whose value has all its bytes.
func rawText(f format, b body) (any, error) {
	if f.Format == FormatBinary {
		return nil, nil
	}
	text := b.bytes
	if f.Format == FormatForm {
		charset, err := textCharset(b)
		if err != nil {
			return nil, err
		}
		if !charset.IsUTF8() {
			if text, err = charset.Decode(text); err != nil {
				return nil, err
			}
		}
	}
	if err := everhook.CheckUTF8(text); err != nil {
		return nil, fmt.Errorf("%w; the flow keeps the text of its bodies (raw)", err)
	}
	return string(text), nil
}

// notParsed refuses a body that its format cannot read.
func notParsed(c *call, f format, err error) reply {
	if tooMany, ok := errors.AsType[*everhook.ValuesError](err); ok {
		return refuse(TooLarge, fmt.Sprintf("the body has more than the %d values that are taken here", tooMany.Max))
	}
	if unknown, ok := errors.AsType[*content.UnknownCharsetError](err); ok {
		name := everhook.Shorten(unknown.Name, 40)
		c.cause = fmt.Sprintf("the sender writes its text in %q, which is not known: set UTF-8 in the sender's "+
			"settings", name)
		return refuse(MediaType, fmt.Sprintf("send text in %s, not in %q", content.Charsets, name))
	}
	if syntax, ok := errors.AsType[*everhook.SyntaxError](err); ok && strings.Contains(syntax.Reason,
		everhook.NotIn64Bits) {
		c.cause = "the body has an integer beyond 64 bits: set `numbers: text` in the trigger to take it as text"
	}
	return refuse(Malformed, fmt.Sprintf("the body is not %s that can be kept: %v", f.called, err))
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
		if f.has(mediaType) { // a file may have any type
			return fmt.Sprintf("%s: add `%s` to `accept` in the flow", sent, f.Format)
		}
	}
	return sent
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

func jsonCharset(b body) (content.Charset, error) {
	return content.JSONCharset(b.bytes, func() string {
		if len(b.contentType) == len(b.mediaType) {
			return ""
		}
		_, parameters, _ := mime.ParseMediaType(b.contentType)
		return parameters["charset"]
	})
}

func textCharset(b body) (content.Charset, error) {
	return content.TextCharset(b.bytes, b.parameters["charset"])
}

func xmlCharset(b body) (content.Charset, error) {
	return content.XMLCharset(b.bytes, b.parameters["charset"])
}

func parseJSON(b body) (any, error) {
	text := bytes.TrimPrefix(b.bytes, byteOrderMark)
	options := everhook.JSONOptions{MaxValues: b.maxValues, BigIntegers: b.bigIntegers}
	if content.IsJSONLines(b.mediaType) {
		list, err := options.ParseLines(text)
		return list, err
	}
	return options.Parse(text)
}

// parseForm needs no bound for values: a form has at most 1,000 parameters.
func parseForm(b body) (any, error) {
	charset := b.parameters["charset"]
	text, marked := bytes.CutPrefix(b.bytes, byteOrderMark)
	if marked {
		charset = "utf-8"
	}
	form, err := parseFormIn(charset, text)
	return map[string]any(form), err
}

// parseMultipart needs none either: a form has at most 1,000 parts.
func parseMultipart(b body) (any, error) {
	form, err := parseMultipartIn(b.parameters["charset"], bytes.TrimPrefix(b.bytes, byteOrderMark),
		b.parameters["boundary"])
	return map[string]any(form), err
}

func parseXML(b body) (any, error) {
	document, err := everhook.ParseXMLWithin(bytes.TrimPrefix(b.bytes, byteOrderMark), b.maxValues)
	return map[string]any(document), err
}

func parseText(b body) (any, error) {
	text := bytes.TrimPrefix(b.bytes, byteOrderMark)
	return string(text), everhook.CheckUTF8(text)
}

// parseBinary gives a file. Its name is text of strangers: it has no folders.
func parseBinary(b body) (any, error) {
	_, parameters, _ := mime.ParseMediaType(b.disposition)
	name := strings.ToValidUTF8(parameters["filename"], "\uFFFD")
	kind := strings.ToValidUTF8(b.contentType, "\uFFFD")
	return map[string]any(newFile(name, cmp.Or(kind, typeBinary), b.bytes)), nil
}
