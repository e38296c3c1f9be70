package jsonpath

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds of regular expressions, which may come from the data.
const (
	// maxPattern is in bytes. A longer one matches nothing.
	maxPattern = 1 << 10
	// maxPatterns is how many an evaluation keeps compiled.
	maxPatterns = 100
)

type regexpKey struct {
	source string
	whole  bool
}

// matcher tells whether a text matches.
type matcher func(text string) bool

func nothing(string) bool { return false }

// regexp compiles an I-Regexp (RFC 9485), to match a whole text or a part of it.
func (e *evaluation) regexp(source string, whole bool) matcher {
	key := regexpKey{source, whole}
	if found, ok := e.regexps[key]; ok {
		return found
	}
	if e.regexps == nil || len(e.regexps) >= maxPatterns {
		e.regexps = map[regexpKey]matcher{}
	}
	e.regexps[key] = compileRegexp(source, whole)
	return e.regexps[key]
}

func compileRegexp(source string, whole bool) matcher {
	translated, ok := translateRegexp(source)
	if !ok {
		return nothing
	}
	if whole {
		translated = `\A(?:` + translated + `)\z`
	}
	compiled, err := regexp.Compile(translated)
	if err != nil {
		return nothing
	}
	return compiled.MatchString
}

// translateRegexp makes a regular expression of Go of an I-Regexp, as RFC 9485, 5.4 says: only the dot differs. It reports false for what is no
// I-Regexp, such as \d and (?i): then another implementation would give something else. A ^ and a $ are anchors, as in the compliance test suite.
func translateRegexp(source string) (string, bool) {
	if len(source) > maxPattern {
		return "", false
	}
	var out strings.Builder
	for rest := source; rest != ""; {
		piece, length := rest[:1], 1
		switch rest[0] {
		case '.':
			piece = `[^\n\r]`
		case '\\':
			length = escapeLength(rest, singleEscapes)
			piece = rest[:length]
		case '[':
			length = classLength(rest)
			piece = rest[:length]
		case '(', '*', '+', '?', '{', '}':
			length = operatorLength(rest)
			piece = rest[:length]
		case ']':
			length = 0
		}
		if length == 0 {
			return "", false
		}
		out.WriteString(piece)
		rest = rest[length:]
	}
	return out.String(), true
}

// singleEscapes are what may follow a backslash, besides p and P.
const singleEscapes = `()*+-.?[\]^nrt{|}`

// escapeLength is the length of the escape that a text begins with, 0 if there is no such escape.
func escapeLength(text, single string) int {
	if len(text) < 2 {
		return 0
	}
	if strings.IndexByte(single, text[1]) >= 0 {
		return 2
	}
	if text[1] == 'p' || text[1] == 'P' {
		return len(categoryEscape.FindString(text))
	}
	return 0
}

var (
	categoryEscape = regexp.MustCompile(`^\\[pP]\{(?:L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|Z[lps]?|S[ckmo]?|C[cfno]?)\}`)
	quantifier     = regexp.MustCompile(`^(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})`)
)

// operatorLength is the length of a group's start or of one quantifier; a second one behind it, as in a*?, is no I-Regexp.
func operatorLength(text string) int {
	if text[0] == '(' {
		if strings.HasPrefix(text, "(?") {
			return 0
		}
		return 1
	}
	length := len(quantifier.FindString(text))
	if length > 0 && length < len(text) && strings.IndexByte("*+?{", text[length]) >= 0 {
		return 0
	}
	return length
}

// classLength is the length of the character class that a text begins with, 0 if it is none. A hyphen stands for itself at its ends only,
// and a bracket only escaped.
func classLength(text string) int {
	i := 1
	if strings.HasPrefix(text[i:], "^") {
		i++
	}
	for start := i; i < len(text); {
		switch c := text[i]; {
		case c == ']' && i > start:
			return i + 1
		case c == '[' || c == ']':
			return 0
		case c == '\\':
			length := escapeLength(text[i:], singleEscapes)
			if length == 0 {
				return 0
			}
			i += length
		default:
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
		}
	}
	return 0
}
