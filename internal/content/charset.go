package content

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/everhook/everhook"
)

// Charset is a character encoding of text. The zero Charset is UTF-8.
type Charset struct {
	// name is for people.
	name     string
	encoding encoding.Encoding
	// units is set for UTF-16: the order of the bytes of its units.
	units byteOrder
	// guessed is set if the order was not declared.
	guessed bool
}

type byteOrder int

const (
	noUnits byteOrder = iota
	bigEndian
	littleEndian
)

var (
	utf16BE = Charset{"UTF-16", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), bigEndian, false}
	utf16LE = Charset{"UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), littleEndian, false}
)

// Charsets names the charsets that are read, for a sender of another one.
const Charsets = "UTF-8, UTF-16, ISO-8859-1 to -16, windows-1250 to -1258, Shift_JIS, EUC-JP, ISO-2022-JP, GBK, " +
	"GB18030, Big5, EUC-KR, KOI8-R and the others of the WHATWG Encoding Standard"

// UnknownCharsetError says that text is declared in a charset that is not read.
type UnknownCharsetError struct {
	// Name is the name as it was declared.
	Name string
}

func (e *UnknownCharsetError) Error() string {
	return "the charset " + everhook.Shorten(e.Name, 40) + " is not known"
}

// FindCharset finds the charset of a name, as the WHATWG Encoding Standard and then IANA list them: ISO-8859-1 is read
// as windows-1252. An empty name, and US-ASCII, are UTF-8. For UTF-16 without an order of its bytes, see
// TextCharset. The error is an *UnknownCharsetError.
func FindCharset(name string) (Charset, error) {
	clean := strings.ToLower(strings.Trim(name, " \t\r\n\f'\""))
	switch clean {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unicode-1-1-utf-8":
		return Charset{}, nil
	case "utf-16", "utf16", "ucs-2", "iso-10646-ucs-2", "unicode":
		return Charset{"UTF-16", utf16LE.encoding, littleEndian, true}, nil
	case "utf-16le":
		return utf16LE, nil
	case "utf-16be":
		return utf16BE, nil
	}
	found, err := htmlindex.Get(clean)
	if err != nil || found == encoding.Replacement {
		found, err = ianaindex.IANA.Encoding(clean)
	}
	if err != nil || found == nil {
		return Charset{}, &UnknownCharsetError{Name: name}
	}
	canonical, err := htmlindex.Name(found)
	if err != nil {
		canonical = clean
	}
	return Charset{name: canonical, encoding: found}, nil
}

// IsUTF8 reports whether text needs no conversion.
func (c Charset) IsUTF8() bool { return c.encoding == nil }

// Name is the name of the charset for people.
func (c Charset) Name() string {
	if c.IsUTF8() {
		return "UTF-8"
	}
	return c.name
}

// asciiText has every ASCII character, and sequences in which some charsets switch to other characters.
var asciiText = func() string {
	var all strings.Builder
	for c := range byte(utf8.RuneSelf) {
		all.WriteByte(c)
	}
	return all.String() + "~~\x1b(Ba\x1b$B"
}()

// KeepsASCII reports whether each ASCII byte stands for its ASCII character wherever a character begins. If not, text
// must not be split before it is decoded.
func (c Charset) KeepsASCII() bool {
	if c.IsUTF8() {
		return true
	}
	text, err := c.encoding.NewDecoder().String(asciiText)
	return err == nil && text == asciiText
}

// Decode converts text to UTF-8, without a byte order mark. Bytes that are not text in the charset are an
// *everhook.SyntaxError.
func (c Charset) Decode(text []byte) ([]byte, error) {
	if c.IsUTF8() {
		text = bytes.TrimPrefix(text, markUTF8)
		return text, everhook.CheckUTF8(text)
	}
	decoded, err := c.encoding.NewDecoder().Bytes(text)
	if err != nil {
		return nil, &everhook.SyntaxError{Line: 1, Column: 1, Reason: "invalid " + c.name}
	}
	decoded = bytes.TrimPrefix(decoded, markUTF8)
	if c.units != noUnits && c.isWhole(text) {
		return decoded, nil
	}
	if at := bytes.Index(decoded, replacement); at >= 0 {
		return nil, invalidAt(decoded, at, "invalid "+c.name)
	}
	return decoded, nil
}

// Convert converts text to UTF-8, without a byte order mark, with U+FFFD for bytes that are not text in the charset.
// Text in UTF-8 keeps them.
func (c Charset) Convert(text []byte) []byte {
	if c.IsUTF8() {
		return bytes.TrimPrefix(text, markUTF8)
	}
	decoded, err := c.encoding.NewDecoder().Bytes(text)
	if err != nil { // no decoder of a charset gives one
		return text
	}
	return bytes.TrimPrefix(decoded, markUTF8)
}

// replacement is what decoders put where bytes are not valid. Only Unicode has the character itself.
var replacement = []byte("\uFFFD")

// isWhole reports whether text consists of whole UTF-16 characters.
func (c Charset) isWhole(text []byte) bool {
	if len(text)%2 != 0 {
		return false
	}
	high := false // the unit before is the first half of a pair
	for i := 0; i < len(text); i += 2 {
		first := text[i]
		if c.units == littleEndian {
			first = text[i+1]
		}
		isLow := first>>2 == 0xdc>>2
		if high != isLow {
			return false
		}
		high = first>>2 == 0xd8>>2
	}
	return !high
}

// invalidAt is an error with the position of an offset.
func invalidAt(text []byte, offset int, reason string) error {
	before := text[:offset]
	return &everhook.SyntaxError{Line: bytes.Count(before, []byte{'\n'}) + 1,
		Column: offset - bytes.LastIndexByte(before, '\n'), Reason: reason}
}

var markUTF8 = []byte("\xEF\xBB\xBF")

// Marked tells the charset of a byte order mark.
func Marked(text []byte) (Charset, bool) {
	switch {
	case len(text) == 0 || text[0] < 0xEF:
		return Charset{}, false
	case bytes.HasPrefix(text, markUTF8):
		return Charset{}, true
	case bytes.HasPrefix(text, []byte("\xFF\xFE")):
		return utf16LE, true
	case bytes.HasPrefix(text, []byte("\xFE\xFF")):
		return utf16BE, true
	default:
		return Charset{}, false
	}
}

// unmarked tells the charset of text that begins with an ASCII character in UTF-16, without a byte order mark.
func unmarked(text []byte) (Charset, bool) {
	switch {
	case len(text) < 2:
		return Charset{}, false
	case text[0] == 0 && text[1] != 0:
		return utf16BE, true
	case text[0] != 0 && text[1] == 0:
		return utf16LE, true
	default:
		return Charset{}, false
	}
}

// TextCharset is the charset of text: that of its byte order mark, or the declared one. Text in "UTF-16" without a mark
// has the order of bytes of its first character, if that is ASCII, else it is little-endian.
func TextCharset(text []byte, declared string) (Charset, error) {
	if found, ok := Marked(text); ok {
		return found, nil
	}
	found, err := FindCharset(declared)
	if found.guessed {
		if order, ok := unmarked(text); ok {
			return order, nil
		}
	}
	return found, err
}

// JSONCharset is the charset of JSON: that of its byte order mark, or UTF-16 if every other of its first bytes is zero,
// or UTF-8 if it is valid, or the declared one. RFC 8259 knows no charset but UTF-8. Declared is called only if it is
// needed.
func JSONCharset(text []byte, declared func() string) (Charset, error) {
	if found, ok := Marked(text); ok {
		return found, nil
	}
	if found, ok := unmarked(text); ok {
		return found, nil
	}
	if name := declared(); name != "" {
		found, err := FindCharset(name)
		if (err != nil || !found.IsUTF8()) && utf8.Valid(text) {
			return Charset{}, nil
		}
		return found, err
	}
	return Charset{}, nil
}

// maxDeclaration bounds the XML declaration, in bytes.
const maxDeclaration = 1 << 10

// XMLCharset is the charset of an XML document (RFC 7303, 3): that of its byte order mark, or the declared one, or that
// of its XML declaration. The declaration also counts if the document is declared as UTF-8 and is not.
func XMLCharset(document []byte, declared string) (Charset, error) {
	if found, ok := Marked(document); ok {
		return found, nil
	}
	if declared != "" {
		found, err := TextCharset(document, declared)
		if err != nil || !found.IsUTF8() || utf8.Valid(document) {
			return found, err
		}
	}
	if found, ok := unmarked(document); ok {
		return found, nil
	}
	found, err := FindCharset(xmlEncoding(document))
	if found.units != noUnits { // the declaration is readable, so it is not UTF-16
		return Charset{}, nil
	}
	return found, err
}

// xmlEncoding is the encoding that an XML declaration names, or "".
func xmlEncoding(document []byte) string {
	head, found := bytes.CutPrefix(document[:min(len(document), maxDeclaration)], []byte("<?xml"))
	end := bytes.Index(head, []byte("?>"))
	if !found || end < 0 {
		return ""
	}
	_, after, found := bytes.Cut(head[:end], []byte("encoding"))
	after, isValue := bytes.CutPrefix(bytes.TrimLeft(after, " \t\r\n"), []byte("="))
	after = bytes.TrimLeft(after, " \t\r\n")
	if !found || !isValue || len(after) == 0 || after[0] != '"' && after[0] != '\'' {
		return ""
	}
	name, _, closed := bytes.Cut(after[1:], after[:1])
	if !closed {
		return ""
	}
	return string(name)
}
