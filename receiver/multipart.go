package receiver

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// maxPartHead bounds the headers of one part, in bytes. They hold a name, a file name and a type.
const maxPartHead = 8 << 10

// boundaryExp is the boundary of RFC 2046, 5.1.1.
var boundaryExp = regexp.MustCompile(`^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$`)

// file is a file of a form. It is a type of its own so that names of the form that lead below a file do not reach into
// it.
type file map[string]any

// ParseMultipart parses multipart/form-data (RFC 7578). A field is text. A part with a file name is a file: a mapping
// of name (of the field), filename (without folders), contentType, size (bytes) and base64 (RFC 4648, 4). Names nest
// and repeated names become lists, as in ParseQuery. A form has at most 1,000 parts, each with at most 8 KiB of
// headers. Errors name the part, counted from 1.
//
// It refuses forms that mime/multipart accepts and that would lose data: a form that is cut off, lines that end with LF
// alone, text around the form. It copies only the values that it returns.
func ParseMultipart(body []byte, boundary string) (everhook.Mapping, error) {
	if !boundaryExp.MatchString(boundary) {
		return nil, errors.New("the Content-Type has no boundary of 1 to 70 characters; curl -F adds one")
	}
	delimiter := []byte("\r\n--" + boundary)
	rest, found := bytes.CutPrefix(bytes.TrimPrefix(body, []byte("\r\n")), delimiter[2:])
	if !found {
		return nil, errors.New("it does not begin with the boundary that the Content-Type names")
	}
	var all parameters
	for number := 1; ; number++ {
		if end, isLast := bytes.CutPrefix(rest, []byte("--")); isLast {
			if len(bytes.TrimSpace(end)) > 0 {
				return nil, errors.New("more data after the last boundary")
			}
			return all.nested(), nil
		}
		if number > maxParameters {
			return nil, fmt.Errorf("more than %d parts", maxParameters)
		}
		part, behind, err := cutPart(rest, delimiter)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", number, err)
		}
		name, value, err := readPart(part)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", number, err)
		}
		all.add(name, value)
		rest = behind
	}
}

// cutPart returns the part after a boundary, and the rest after the next boundary.
func cutPart(text, delimiter []byte) (part, rest []byte, err error) {
	text, found := bytes.CutPrefix(bytes.TrimLeft(text, " \t"), []byte("\r\n"))
	if !found {
		return nil, nil, errors.New("the boundary before it does not end with CRLF")
	}
	if part, rest, found = bytes.Cut(text, delimiter); !found {
		return nil, nil, errors.New("there is no boundary behind it")
	}
	return part, rest, nil
}

// readPart gives a part's name, and its text or file.
func readPart(part []byte) (name string, value any, err error) {
	head, content, found := bytes.Cut(part, []byte("\r\n\r\n"))
	if !found {
		// The line ending before the boundary is the empty line's when there is no content (RFC 2046, 5.1.1).
		head, found = bytes.CutSuffix(part, []byte("\r\n"))
	}
	switch {
	case len(head) > maxPartHead:
		return "", nil, fmt.Errorf("its headers are longer than %s", everhook.Size(maxPartHead))
	case !found:
		return "", nil, errors.New("there is no empty line behind its headers")
	case !utf8.Valid(head):
		return "", nil, errors.New("its headers are not UTF-8")
	}
	headers, err := partHeaders(string(head))
	if err != nil {
		return "", nil, err
	}
	disposition, parameters, err := mime.ParseMediaType(headers["content-disposition"])
	name = parameters["name"]
	if err != nil || disposition != "form-data" || name == "" || !utf8.ValidString(name) {
		return "", nil, errors.New(`it needs a header like Content-Disposition: form-data; name="NAME"`)
	}
	switch strings.ToLower(headers["content-transfer-encoding"]) {
	case "", "binary", "8bit", "7bit":
	default:
		return "", nil, errors.New("send it as it is, without Content-Transfer-Encoding (RFC 7578, 4.7)")
	}
	if filename, isFile := parameters["filename"]; isFile {
		value, err := newFile(name, filename, headers["content-type"], content)
		return name, value, err
	}
	if !utf8.Valid(content) {
		return "", nil, errors.New("its text is not UTF-8; give it a file name if it is no text")
	}
	return name, string(content), nil
}

// partHeaders reads headers by their lower-case names. The headers that are used here may occur once.
func partHeaders(head string) (map[string]string, error) {
	headers := map[string]string{}
	for line := range strings.SplitSeq(head, "\r\n") {
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

func newFile(name, filename, contentType string, content []byte) (file, error) {
	if !utf8.ValidString(filename) {
		return nil, errors.New("its file name is not UTF-8")
	}
	if contentType == "" {
		contentType = "text/plain" // RFC 7578, 4.4
	}
	return file{
		"name": name, "filename": filename[strings.LastIndexAny(filename, `/\`)+1:], "contentType": contentType,
		"size": len(content), "base64": base64.StdEncoding.EncodeToString(content),
	}, nil
}
