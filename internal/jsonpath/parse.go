package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parser parses a query by the grammar of RFC 9535, appendix A, with a method for each rule.
type parser struct {
	text  string
	at    int
	depth int
}

func (p *parser) fail(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// unexpected returns the error for text other than the needed one.
func (p *parser) unexpected(needed string) error {
	if p.at >= len(p.text) {
		return p.fail(p.at, "the query ends where %s is needed", needed)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return p.fail(p.at, "%q where %s is needed", r, needed)
}

// peek reports whether a token is next.
func (p *parser) peek(token string) bool { return strings.HasPrefix(p.text[p.at:], token) }

// take reads a token if it is next.
func (p *parser) take(token string) bool {
	if !p.peek(token) {
		return false
	}
	p.at += len(token)
	return true
}

// blank skips blank space.
func (p *parser) blank() {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t\n\r"))
}

// nested guards against queries that would use up the stack.
func (p *parser) nested(parse func() error) error {
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.at, "the query is nested deeper than %d", maxNesting)
	}
	defer func() { p.depth-- }()
	return parse()
}

// query is the whole: jsonpath-query.
func (p *parser) query() ([]segment, error) {
	if len(p.text) > MaxQuery {
		return nil, p.fail(MaxQuery, "the query is longer than %d bytes", MaxQuery)
	}
	if !utf8.ValidString(p.text) {
		return nil, p.fail(0, "the query is not valid UTF-8")
	}
	if !p.take("$") {
		return nil, p.unexpected("`$`, with which a query begins,")
	}
	segments, err := p.segments()
	if err == nil && p.at < len(p.text) {
		err = p.unexpected("`.`, `[` or the end of the query")
	}
	return segments, err
}

// segments reads all segments. It leaves blank space after the last one.
func (p *parser) segments() ([]segment, error) {
	var segments []segment
	for {
		end := p.at
		p.blank()
		var s segment
		var err error
		switch {
		case p.take(".."):
			s.descendant = true
			if s.selectors, err = p.descendants(); err != nil {
				return nil, err
			}
		case p.take("."):
			if s.selectors, err = p.shorthand("a name or `*`"); err != nil {
				return nil, err
			}
		case p.peek("["):
			if s.selectors, err = p.brackets(); err != nil {
				return nil, err
			}
		default:
			p.at = end
			return segments, nil
		}
		segments = append(segments, s)
	}
}

func (p *parser) descendants() ([]selector, error) {
	if p.peek("[") {
		return p.brackets()
	}
	return p.shorthand("a name, `*` or `[`")
}

// shorthand is a wildcard-selector or member-name-shorthand.
func (p *parser) shorthand(needed string) ([]selector, error) {
	if p.take("*") {
		return []selector{wildcardSelector{}}, nil
	}
	length := 0
	for length < len(p.text)-p.at {
		r, size := utf8.DecodeRuneInString(p.text[p.at+length:])
		if digit := '0' <= r && r <= '9'; !isNameFirst(r) && (length == 0 || !digit) {
			break
		}
		length += size
	}
	if length == 0 {
		return nil, p.unexpected(needed)
	}
	name := p.text[p.at : p.at+length]
	p.at += length
	return []selector{nameSelector(name)}, nil
}

func isNameFirst(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r >= 0x80
}

// brackets is a bracketed-selection.
func (p *parser) brackets() (selectors []selector, err error) {
	err = p.nested(func() error {
		p.at++
		for {
			p.blank()
			s, err := p.selector()
			if err != nil {
				return err
			}
			selectors = append(selectors, s)
			p.blank()
			if p.take("]") {
				return nil
			}
			if !p.take(",") {
				return p.unexpected("`,` or `]`")
			}
		}
	})
	return selectors, err
}

func (p *parser) selector() (selector, error) {
	switch {
	case p.peek(`"`) || p.peek(`'`):
		name, err := p.string()
		return nameSelector(name), err
	case p.take("*"):
		return wildcardSelector{}, nil
	case p.take("?"):
		p.blank()
		condition, err := p.or()
		return filterSelector{condition}, err
	default:
		return p.indexOrSlice()
	}
}

func (p *parser) indexOrSlice() (selector, error) {
	start, err := p.optionalInteger()
	if err != nil {
		return nil, err
	}
	end := p.at
	p.blank()
	if !p.take(":") {
		if p.at = end; start == nil {
			return nil, p.unexpected("a name in quotes, a number, `*`, `:` or `?`")
		}
		return indexSelector(*start), nil
	}
	s := sliceSelector{start: start}
	p.blank()
	if s.end, err = p.optionalInteger(); err != nil {
		return nil, err
	}
	end = p.at
	p.blank()
	if !p.take(":") {
		p.at = end
		return s, nil
	}
	p.blank()
	s.step, err = p.optionalInteger()
	return s, err
}

// maxInteger bounds indexes: they are exact in every JSON implementation (RFC 7493, 2.2).
const maxInteger = 1<<53 - 1

// optionalInteger returns nil if there is none.
func (p *parser) optionalInteger() (*int, error) {
	start := p.at
	digits := p.digitsAt(p.at)
	if p.peek("-") {
		digits = p.digitsAt(p.at + 1)
	}
	switch text := p.text[start:digits]; {
	case text == "":
		return nil, nil
	case text == "-":
		return nil, p.fail(start, "a `-` without a number")
	case text == "-0" || len(strings.TrimPrefix(text, "-")) > 1 && strings.TrimPrefix(text, "-")[0] == '0':
		return nil, p.fail(start, "%s is not how an index is written; no leading zeros and no -0", text)
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n > maxInteger || n < -maxInteger {
			return nil, p.fail(start, "%s is out of range; an index is at most %d", text, maxInteger)
		}
		p.at = digits
		return &n, nil
	}
}

// digitsAt returns the end of the digits that begin at an offset.
func (p *parser) digitsAt(offset int) int {
	for offset < len(p.text) && '0' <= p.text[offset] && p.text[offset] <= '9' {
		offset++
	}
	return offset
}

// string is a string-literal.
func (p *parser) string() (string, error) {
	start, quote := p.at, p.text[p.at]
	p.at++
	var out strings.Builder
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == quote:
			p.at++
			return out.String(), nil
		case c < 0x20:
			return "", p.fail(p.at, "a control character in a text; write it as \\u%04x", c)
		case c == '\\':
			r, err := p.escape(quote)
			if err != nil {
				return "", err
			}
			out.WriteRune(r)
		default:
			out.WriteByte(c)
			p.at++
		}
	}
	return "", p.fail(start, "the text that begins with %c is not closed", quote)
}

// escapes are those of JSON; of the quotes, only the enclosing one can be escaped.
var escapes = map[byte]rune{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '/': '/', '\\': '\\'}

func (p *parser) escape(quote byte) (rune, error) {
	start := p.at
	if p.at += 2; p.at > len(p.text) {
		return 0, p.fail(start, "the query ends within a text")
	}
	c := p.text[p.at-1]
	if c == quote {
		return rune(c), nil
	}
	if r, ok := escapes[c]; ok {
		return r, nil
	}
	if c != 'u' {
		return 0, p.fail(start, "there is no escape \\%c; write \\\\ for a backslash", c)
	}
	r, ok := p.hex()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		if ok = p.take(`\u`); ok {
			low, ok = p.hex()
		}
		r = utf16.DecodeRune(r, low)
		ok = ok && r != utf8.RuneError
	}
	if !ok {
		return 0, p.fail(start, "\\u needs four hexadecimal digits, and twice that for what is beyond U+FFFF")
	}
	return r, nil
}

func (p *parser) hex() (rune, bool) {
	if len(p.text)-p.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	p.at += 4
	return rune(n), err == nil
}
