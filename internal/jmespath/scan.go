package jmespath

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// kind is the kind of a token. Operators and brackets are their own text.
type kind string

const (
	end kind = "the end"
	// name is an identifier without quotes, quoted one in double quotes.
	name     kind = "a name"
	quoted   kind = "a name in double quotes"
	number   kind = "a number"
	variable kind = "a variable"
	// literal is JSON in backquotes or text in single quotes.
	literal kind = "a literal"
)

// token is one word of a query.
type token struct {
	kind   kind
	offset int
	// text is a name, a variable without $, or the digits of a number.
	text string
	// value is that of a literal.
	value any
}

// shown is how messages name the token.
func (t token) shown() string {
	switch t.kind {
	case name, number:
		return "`" + everhook.Shorten(t.text, 40) + "`"
	case variable:
		return "`$" + everhook.Shorten(t.text, 40) + "`"
	case end, quoted, literal:
		return string(t.kind)
	default:
		return "`" + string(t.kind) + "`"
	}
}

// operators are the tokens of fixed text. A longer one stands before its beginnings.
var operators = []kind{
	"&&", "||", "==", "!=", "<=", ">=", "//", "[?", "[]",
	".", "*", ",", ":", "{", "}", "[", "]", "(", ")", "@", "$", "|", "&", "!", "<", ">", "=", "+", "-", "/", "%",
}

// spellings are other characters for operators.
var spellings = map[rune]kind{'\u2212': "-", '\u00d7': "*", '\u00f7': "/"}

// scan splits a query into tokens. The last one is the end.
func scan(text string) ([]token, error) {
	if !utf8.ValidString(text) {
		return nil, &SyntaxError{0, "the query is not valid UTF-8"}
	}
	var tokens []token
	for at := 0; at < len(text); {
		if strings.ContainsRune(" \t\r\n", rune(text[at])) {
			at++
			continue
		}
		t, length, err := scanOne(text[at:])
		if err != nil {
			return nil, &SyntaxError{at, err.Error()}
		}
		t.offset = at
		tokens = append(tokens, t)
		at += length
	}
	return append(tokens, token{kind: end, offset: len(text)}), nil
}

// scanOne reads the token at the beginning of a text.
func scanOne(text string) (token, int, error) {
	c := text[0]
	switch {
	case isLetter(c):
		n := word(text)
		return token{kind: name, text: text[:n]}, n, nil
	case c == '$' && len(text) > 1 && isLetter(text[1]):
		n := 1 + word(text[1:])
		return token{kind: variable, text: text[1:n]}, n, nil
	case isDigit(c), c == '-' && len(text) > 1 && isDigit(text[1]):
		n := 1
		for n < len(text) && isDigit(text[n]) {
			n++
		}
		return token{kind: number, text: text[:n]}, n, nil
	case c == '"', c == '\'', c == '`':
		return scanQuoted(text)
	}
	for _, operator := range operators {
		if strings.HasPrefix(text, string(operator)) {
			return token{kind: operator}, len(operator), nil
		}
	}
	r, n := utf8.DecodeRuneInString(text)
	if operator, ok := spellings[r]; ok {
		return token{kind: operator}, n, nil
	}
	if r > utf8.RuneSelf {
		return token{}, 0, fmt.Errorf("%q cannot stand here; put a name with other characters than a-z, 0-9 and _ in "+
			"double quotes", r)
	}
	return token{}, 0, fmt.Errorf("%q cannot stand here", r)
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// word gives the length of the identifier at the beginning of a text.
func word(text string) int {
	n := 0
	for n < len(text) && (isLetter(text[n]) || isDigit(text[n])) {
		n++
	}
	return n
}

// scanQuoted reads a name in double quotes, a text in single quotes or JSON in backquotes. A backslash always takes the
// next character along.
func scanQuoted(text string) (token, int, error) {
	quote := text[0]
	n := 1
	for n < len(text) && text[n] != quote {
		if text[n] == '\\' {
			n++
		}
		n++
	}
	if n >= len(text) {
		return token{}, 0, fmt.Errorf("the closing %c of what begins here is missing", quote)
	}
	inner := text[1:n]
	n++
	switch quote {
	case '\'':
		return token{kind: literal, value: unescape(inner)}, n, nil
	case '`':
		v, err := everhook.ParseJSON([]byte(strings.ReplaceAll(inner, "\\`", "`")))
		if err != nil {
			return token{}, 0, fmt.Errorf("what is in backquotes is not JSON: %w; text is JSON only in double "+
				"quotes, or write it in single quotes instead of backquotes", err)
		}
		return token{kind: literal, value: v}, n, nil
	default:
		var text string
		if err := json.Unmarshal([]byte(`"`+inner+`"`), &text); err != nil {
			return token{}, 0, fmt.Errorf("a name in double quotes is written as a JSON string: %w", err)
		}
		return token{kind: quoted, text: text}, n, nil
	}
}

// unescape reads a text in single quotes, in which \' and \\ are escapes and every other backslash is itself.
func unescape(text string) string { return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(text) }
