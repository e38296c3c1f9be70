package secrets

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// introducers are the bytes that begin an escape. A plus sign is one too: in forms it means a space.
const introducers = `%\&+`

// maxNesting is how often a character may be escaped: once, or again by each system that it went through.
const maxNesting = 3

// maxEntity bounds the name of an entity.
const maxEntity = 32

// character is one character of a text: its bytes in UTF-8, or a single byte, and the position of its end.
type character struct {
	text string
	end  int
}

// readings returns the characters that an escape at a position can mean; none if it is not an escape.
type readings struct {
	all   [2 * maxNesting]character
	count int
}

func (r *readings) add(c character) {
	r.all[r.count] = c
	r.count++
}

func readingsOf(text string, at int) (found readings) {
	if text[at] == '+' {
		found.add(character{" ", at + 1})
		return found
	}
	if at+1 < len(text) && !mayEscape(text[at], text[at+1]) {
		return found
	}
	c := character{text[at : at+1], at + 1}
	for nesting := range maxNesting {
		escaped := escapeReader{text, nesting}.after(c)
		if escaped.end == 0 {
			continue
		}
		c = escaped
		found.add(c)
		if c.text == "+" {
			found.add(character{" ", c.end})
		}
	}
	return found
}

// mayEscape reports whether an introducer and the byte after it can begin an escape.
func mayEscape(introducer, next byte) bool {
	switch {
	case introducer == '\\' || next == '%' || next == '\\' || next == '&':
		return true
	case introducer == '%':
		return hexDigit(next) >= 0
	default:
		return next == '#' || next >= 'a' && next <= 'z' || next >= 'A' && next <= 'Z'
	}
}

// singles has each byte as a text.
var singles = func() (texts [256]string) {
	for b := range texts {
		texts[b] = string([]byte{byte(b)})
	}
	return texts
}()

// read returns the character at a position. Characters may be escaped up to nesting times.
func read(text string, at, nesting int) character {
	c := character{text[at : at+1], at + 1}
	for level := range nesting {
		if escaped := (escapeReader{text, level}).after(c); escaped.end != 0 {
			c = escaped
		}
	}
	return c
}

// escapeReader reads an escape after its introducer. The characters of the escape may be escaped themselves, up to its
// nesting. A character that ends at 0 means none.
type escapeReader struct {
	text    string
	nesting int
}

// after returns the character of the escape that c introduces.
func (r escapeReader) after(c character) character {
	if len(c.text) != 1 {
		return character{}
	}
	switch c.text[0] {
	case '%':
		return r.percent(c.end)
	case '\\':
		return r.backslash(c.end)
	case '&':
		return r.entity(c.end)
	default:
		return character{}
	}
}

// next returns the byte at a position; 0 for the end of the text or a character of several bytes.
func (r escapeReader) next(at int) (b byte, end int) {
	if at >= len(r.text) {
		return 0, at
	}
	c := read(r.text, at, r.nesting)
	if len(c.text) != 1 {
		return 0, c.end
	}
	return c.text[0], c.end
}

// hex reads that many digits.
func (r escapeReader) hex(at, digits int) (value rune, end int) {
	for range digits {
		b, next := r.next(at)
		digit := hexDigit(b)
		if digit < 0 {
			return 0, 0
		}
		value, at = value<<4|rune(digit), next
	}
	return value, at
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	default:
		return -1
	}
}

func (r escapeReader) percent(at int) character {
	value, end := r.hex(at, 2)
	return character{singles[byte(value)], end}
}

// simpleEscapes are the letters after a backslash, in JSON and in programming languages.
var simpleEscapes = [256]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b}

// backslash reads \n, \/, \x2B, \u002B, a pair of surrogates, and \u{2B}. A sign after a backslash is itself.
func (r escapeReader) backslash(at int) character {
	b, end := r.next(at)
	switch {
	case end == at || b == 0:
		return character{}
	case b == 'x':
		value, end := r.hex(end, 2)
		return character{singles[byte(value)], end}
	case b == 'u':
		return r.unicode(end)
	case simpleEscapes[b] != 0 || b == '0':
		return character{singles[simpleEscapes[b]], end}
	case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= utf8.RuneSelf:
		return character{}
	default:
		return character{singles[b], end}
	}
}

func (r escapeReader) unicode(at int) character {
	if b, end := r.next(at); b == '{' {
		return r.braced(end)
	}
	value, end := r.hex(at, 4)
	if end == 0 || !utf16.IsSurrogate(value) {
		return character{string(value), end}
	}
	backslash, at := r.next(end)
	u, at := r.next(at)
	low, lowEnd := r.hex(at, 4)
	if backslash != '\\' || u != 'u' || lowEnd == 0 {
		return character{}
	}
	return character{string(utf16.DecodeRune(value, low)), lowEnd}
}

func (r escapeReader) braced(at int) character {
	var value rune
	for range 7 {
		b, end := r.next(at)
		digit := hexDigit(b)
		switch {
		case b == '}':
			return character{string(value), end}
		case digit < 0:
			return character{}
		}
		value, at = value<<4|rune(digit), end
	}
	return character{}
}

// entity reads &#x2B; &#43; and &plus; of HTML and XML.
func (r escapeReader) entity(at int) character {
	var name [maxEntity]byte
	for i := range name {
		b, end := r.next(at)
		switch {
		case b == ';':
			return entityNamed(string(name[:i]), end)
		case b != '#' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z'):
			return character{}
		}
		name[i], at = b, end
	}
	return character{}
}

func entityNamed(name string, end int) character {
	if number, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if strings.HasPrefix(number, "x") || strings.HasPrefix(number, "X") {
			number, base = number[1:], 16
		}
		value, err := strconv.ParseUint(number, base, 21)
		if err != nil {
			return character{}
		}
		return character{string(rune(value)), end}
	}
	written := "&" + name + ";"
	if text := html.UnescapeString(written); name != "" && text != written {
		return character{text, end}
	}
	return character{}
}
