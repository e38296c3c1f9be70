package receiver

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

const (
	// maxPartHead bounds the headers of one part, in bytes. They hold a name, a file name and a type.
	maxPartHead = 8 << 10
	// maxMultipartDepth bounds how deep forms nest.
	maxMultipartDepth = 3
)

// boundaryExp is the boundary of RFC 2046, 5.1.1.
var boundaryExp = regexp.MustCompile(`^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$`)

// file is a file of a form. It is a type of its own so that names of the form that lead below a file do not reach into
// it.
type file map[string]any

// ParseMultipart parses multipart/form-data (RFC 7578), and multipart/mixed with parts of a form. A field is text. A
// part with a file name is a file: a mapping of name (of the field), filename (without folders), contentType, size
// (bytes) and base64 (RFC 4648, 4). Names nest and repeated names become lists, as in ParseQuery. Parts in base64 or
// quoted-printable are decoded. A part that is itself multipart/mixed holds the files of its field (RFC 7578, 4.3), and
// one that is multipart/form-data holds further fields. Text before the first and after the last boundary is passed
// over.
//
// Text is UTF-8 unless its part declares a charset, or the field _charset_ declares one for all parts without.
//
// A form has at most 1,000 parts, each with at most 8 KiB of headers, and nests at most 3 deep. Errors name the part,
// counted from 1. It refuses forms that mime/multipart accepts and that would lose data: a form that is cut off, lines
// that end with LF alone. It copies only the values that it returns, and the parts that it decodes.
func ParseMultipart(form []byte, boundary string) (everhook.Mapping, error) {
	return parseMultipartIn("", form, boundary)
}

// parseMultipartIn is ParseMultipart for a form whose Content-Type declares a charset; empty: none.
func parseMultipartIn(declared string, form []byte, boundary string) (everhook.Mapping, error) {
	r := &multipartReader{}
	if err := r.read(form, boundary, "", 1); err != nil {
		return nil, err
	}
	charset, err := r.charset(declared)
	if err != nil {
		return nil, err
	}
	var all parameters
	for _, part := range r.parts {
		name, value, err := part.value(charset)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", part.number, err)
		}
		all.add(name, value)
	}
	return all.nested(), nil
}

// multipartReader collects the parts of a form, without copies.
type multipartReader struct {
	parts []part
	// count counts the parts with those that hold parts.
	count int
}

// part is one part of a form.
type part struct {
	number int
	// name is not decoded yet, as it may be in the charset of the form.
	name        string
	filename    string
	isFile      bool
	contentType string
	transfer    string
	content     []byte
}

// read collects the parts between boundaries. Those of a part have its name unless they have their own.
func (r *multipartReader) read(form []byte, boundary, name string, depth int) error {
	if !boundaryExp.MatchString(boundary) {
		return errors.New("the Content-Type has no boundary of 1 to 70 characters; curl -F adds one")
	}
	if depth > maxMultipartDepth {
		return fmt.Errorf("forms are nested deeper than %d", maxMultipartDepth)
	}
	delimiter := []byte("\r\n--" + boundary)
	rest, found := bytes.CutPrefix(form, delimiter[2:])
	if !found || !endsDelimiter(rest) {
		var before []byte
		before, rest, found = cutDelimiter(form, delimiter)
		if !found || len(before) > 0 && bytes.HasPrefix(rest, end) || bytes.Contains(before, delimiter[2:]) {
			return errors.New("the boundary that the Content-Type names does not begin a line of it")
		}
	}
	for {
		after, isLast := bytes.CutPrefix(rest, end)
		if isLast {
			if line, _, _ := bytes.Cut(after, []byte("\r\n")); len(bytes.Trim(line, " \t")) > 0 {
				return errors.New("more data after the last boundary")
			}
			return nil
		}
		if r.count++; r.count > maxParameters {
			return fmt.Errorf("more than %d parts", maxParameters)
		}
		number := r.count
		one, after, err := cutPart(rest, delimiter)
		if err == nil {
			err = r.add(one, number, name, depth)
		}
		if err != nil {
			if _, ok := errors.AsType[*partError](err); ok {
				return err
			}
			return &partError{number, err}
		}
		rest = after
	}
}

// end follows the last boundary.
var end = []byte("--")

// partError is an error of the part of a number.
type partError struct {
	number int
	err    error
}

func (e *partError) Error() string { return fmt.Sprintf("part %d: %v", e.number, e.err) }

func (e *partError) Unwrap() error { return e.err }

// cutPart returns the part after a boundary, and the rest after the next boundary.
func cutPart(text, delimiter []byte) (part, rest []byte, err error) {
	text, found := bytes.CutPrefix(bytes.TrimLeft(text, " \t"), []byte("\r\n"))
	if !found {
		return nil, nil, errors.New("the boundary before it does not end with CRLF")
	}
	// The line ending of the boundary before is also that of the next one, if there is nothing between them.
	if next, ok := bytes.CutPrefix(text, delimiter[2:]); ok && endsDelimiter(next) {
		return nil, next, nil
	}
	if part, rest, found = cutDelimiter(text, delimiter); !found {
		return nil, nil, errors.New("there is no boundary behind it")
	}
	return part, rest, nil
}

// cutDelimiter cuts text at the first delimiter.
func cutDelimiter(text, delimiter []byte) (before, after []byte, found bool) {
	for at := 0; ; {
		i := bytes.Index(text[at:], delimiter)
		if i < 0 {
			return nil, nil, false
		}
		if after := text[at+i+len(delimiter):]; endsDelimiter(after) {
			return text[:at+i], after, true
		}
		at += i + len(delimiter)
	}
}

// endsDelimiter reports whether a boundary ends before text. A longer word that begins with it is another boundary, or
// content.
func endsDelimiter(text []byte) bool {
	return len(text) == 0 || bytes.IndexByte([]byte(" \t\r\n-"), text[0]) >= 0
}

// add collects one part, or the parts in it.
func (r *multipartReader) add(text []byte, number int, outer string, depth int) error {
	head, content, found := bytes.Cut(text, []byte("\r\n\r\n"))
	if after, ok := bytes.CutPrefix(text, []byte("\r\n")); ok { // no header
		head, content, found = nil, after, true
	}
	if !found {
		// The line ending before the boundary is the empty line's when there is no content (RFC 2046, 5.1.1).
		head, found = bytes.CutSuffix(text, []byte("\r\n"))
	}
	switch {
	case len(head) > maxPartHead:
		return fmt.Errorf("its headers are longer than %s", everhook.Size(maxPartHead))
	case !found:
		return errors.New("there is no empty line behind its headers")
	}
	headers, err := partHeaders(string(head))
	if err != nil {
		return err
	}
	p := part{number: number, name: outer, contentType: headers["content-type"], content: content,
		transfer: strings.ToLower(headers["content-transfer-encoding"])}
	if err := p.disposed(headers["content-disposition"]); err != nil {
		return err
	}
	if nested, boundary := nestedForm(p.contentType); nested && !p.isFile {
		return r.nested(p, boundary, depth)
	}
	if p.name == "" {
		return errors.New(`it needs a header like Content-Disposition: form-data; name="NAME"`)
	}
	r.parts = append(r.parts, p)
	return nil
}

// disposed reads the Content-Disposition. A part of another part may be without a name.
func (p *part) disposed(header string) error {
	if header == "" {
		return nil
	}
	disposition, parameters, err := mime.ParseMediaType(header)
	if err != nil || disposition == "form-data" && parameters["name"] == "" {
		return errors.New(`it needs a header like Content-Disposition: form-data; name="NAME"`)
	}
	if disposition == "form-data" {
		p.name = parameters["name"]
	}
	p.filename, p.isFile = parameters["filename"]
	return nil
}

// nestedForm reports whether a part holds parts.
func nestedForm(contentType string) (nested bool, boundary string) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	return err == nil && isMultipart(mediaType), parameters["boundary"]
}

func (r *multipartReader) nested(p part, boundary string, depth int) error {
	switch p.transfer {
	case "", "binary", "8bit", "7bit": // RFC 2045, 6.4: no other is allowed for parts with parts
		return r.read(p.content, boundary, p.name, depth+1)
	default:
		return errors.New("a part with parts has a Content-Transfer-Encoding, which only its parts may have")
	}
}

// charset is that of all parts that declare none.
func (r *multipartReader) charset(declared string) (content.Charset, error) {
	for _, p := range r.parts {
		if declared == "" && p.name == charsetField && !p.isFile {
			declared = string(p.content)
		}
	}
	return asciiCharset(declared)
}

// value gives a part's name, and its text or file.
func (p *part) value(standard content.Charset) (name string, value any, err error) {
	if name, err = headerIn(standard, "name", p.name); err != nil {
		return "", nil, err
	}
	data, err := p.decoded()
	if err != nil {
		return "", nil, err
	}
	if p.isFile {
		filename, err := headerIn(standard, "file name", p.filename)
		if err != nil {
			return "", nil, err
		}
		contentType := p.contentType
		if contentType == "" {
			contentType = "text/plain" // RFC 7578, 4.4
		}
		value := newFile(filename, strings.ToValidUTF8(contentType, "\uFFFD"), data)
		value["name"] = name
		return name, value, nil
	}
	text, err := p.text(standard, data)
	return name, text, err
}

// headerIn gives a text in a header: UTF-8, or in the charset of the form.
func headerIn(charset content.Charset, what, text string) (string, error) {
	if utf8.ValidString(text) {
		return text, nil
	}
	decoded, err := charset.Decode([]byte(text))
	if err != nil {
		return "", fmt.Errorf("its %s is not %s", what, charset.Name())
	}
	return string(decoded), nil
}

// text is the text of a field, in the charset of its part or of all of the form.
func (p *part) text(standard content.Charset, data []byte) (string, error) {
	charset := standard
	if _, parameters, _ := mime.ParseMediaType(p.contentType); parameters["charset"] != "" {
		var err error
		if charset, err = content.TextCharset(data, parameters["charset"]); err != nil {
			return "", err
		}
	}
	if charset.IsUTF8() {
		if !utf8.Valid(data) {
			return "", errors.New("its text is not UTF-8; give it a file name if it is no text")
		}
		return string(data), nil
	}
	decoded, err := charset.Decode(data)
	return string(decoded), err
}

// decoded removes the Content-Transfer-Encoding, which RFC 7578 deprecates and old clients send.
func (p *part) decoded() ([]byte, error) {
	switch p.transfer {
	case "", "binary", "8bit", "7bit":
		return p.content, nil
	case "base64":
		text := bytes.TrimSpace(p.content)
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(decoded, text)
		if err != nil {
			return nil, errors.New("it is not valid base64")
		}
		return decoded[:n], nil
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(p.content)))
		if err != nil {
			return nil, errors.New("it is not valid quoted-printable")
		}
		return decoded, nil
	default:
		return nil, errors.New("its Content-Transfer-Encoding is none of 7bit, 8bit, binary, base64 and " +
			"quoted-printable")
	}
}

// unfold joins the lines of a header that goes on (RFC 822, 3.1.1).
var unfold = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ")

// partHeaders reads headers by their lower-case names. The headers that are used here may occur once.
func partHeaders(head string) (map[string]string, error) {
	headers := map[string]string{}
	if head == "" {
		return headers, nil
	}
	for line := range strings.SplitSeq(unfold.Replace(head), "\r\n") {
		name, value, found := strings.Cut(line, ":")
		if !found || everhook.CheckHeaderName(name) != nil || strings.ContainsAny(value, "\r\n\x00") {
			return nil, errors.New("its headers are not lines of NAME: VALUE")
		}
		name = strings.ToLower(name)
		if _, again := headers[name]; again {
			return nil, fmt.Errorf("its header %s stands twice", everhook.Shorten(name, 60))
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, nil
}

// newFile is the value of a file. Its name is given without folders.
func newFile(filename, contentType string, content []byte) file {
	return file{
		"filename": filename[strings.LastIndexAny(filename, `/\`)+1:], "contentType": contentType,
		"size": len(content), "base64": base64.StdEncoding.EncodeToString(content),
	}
}
