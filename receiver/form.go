package receiver

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

// ParseForm parses application/x-www-form-urlencoded as ParseQuery parses a query, with its limits: names nest, values
// are text. A form is UTF-8, unless its field _charset_ names another charset, as browsers write it, or it is not UTF-8
// and its field charset does. Escapes that are not text in the charset stay as they are in UTF-8, and are an
// *everhook.SyntaxError in others; so are bytes that are not UTF-8.
func ParseForm(form []byte) (everhook.Mapping, error) { return parseFormIn("", form) }

// parseFormIn is ParseForm for a form whose Content-Type declares a charset; empty: none.
func parseFormIn(declared string, form []byte) (everhook.Mapping, error) {
	charset, err := formCharset(declared, form)
	if err != nil {
		return nil, err
	}
	if charset.IsUTF8() {
		if err := everhook.CheckUTF8(form); err != nil {
			return nil, err
		}
		return ParseQuery(string(form))
	}
	var invalid error
	parsed, err := parseQueryWith(string(form), func(text string) string {
		decoded, err := charset.Decode(unescape(text))
		if err != nil && invalid == nil {
			invalid = fmt.Errorf("%q: %w", everhook.Shorten(text, 60), err)
		}
		return string(decoded)
	})
	if err == nil {
		err = invalid
	}
	if err != nil {
		return nil, err
	}
	return parsed, nil
}

// Names of fields that declare the charset of their form.
const (
	charsetField = "_charset_" // HTML
	senderField  = "charset"   // PayPal and others
)

// formCharset is the charset of a form. It is one in which names and escapes keep their meaning: a form of which some
// fields are signed must not be read in another way than it was verified.
func formCharset(declared string, form []byte) (content.Charset, error) {
	if declared == "" {
		declared = fieldOf(form, charsetField)
	}
	if declared == "" && bytes.Contains(form, []byte(senderField+"=")) && !isUTF8Form(form) {
		if charset, err := content.FindCharset(fieldOf(form, senderField)); err == nil && charset.KeepsASCII() {
			return charset, nil
		}
	}
	return asciiCharset(declared)
}

// asciiCharset finds a charset that has ASCII as it is.
func asciiCharset(name string) (content.Charset, error) {
	charset, err := content.FindCharset(name)
	if err == nil && !charset.KeepsASCII() {
		return charset, &content.UnknownCharsetError{Name: name}
	}
	return charset, err
}

// fieldOf is the first value of a field with an ASCII name and value, or "".
func fieldOf(form []byte, name string) string {
	for len(form) > 0 {
		var pair []byte
		pair, form, _ = bytes.Cut(form, []byte{'&'})
		if value, found := bytes.CutPrefix(pair, []byte(name+"=")); found {
			return string(value)
		}
	}
	return ""
}

// isUTF8Form reports whether a form is UTF-8, its escapes included.
func isUTF8Form(form []byte) bool { return utf8.Valid(unescape(string(form))) }

// unescape decodes the escapes of a form. A "%" that begins none stays.
func unescape(text string) []byte {
	text = strings.ReplaceAll(text, "+", " ")
	if decoded, err := url.PathUnescape(text); err == nil {
		return []byte(decoded)
	}
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if one, err := url.PathUnescape(text[i : i+3]); err == nil {
				decoded = append(decoded, one...)
				i += 2
				continue
			}
		}
		decoded = append(decoded, text[i])
	}
	return decoded
}
