package jsonpath

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of regular expressions, which may come from the data.
const (
	// maxPattern is in bytes. A longer pattern matches nothing.
	maxPattern = 1 << 10
	// maxRepeat bounds the repetitions of a part, nested ones multiplied: Go's own bound.
	maxRepeat = 1000
	// maxKept bounds the instructions of the patterns that an evaluation keeps compiled; a single one may have more.
	maxKept = 1 << 18
	// atOnce is the approximate number of steps of a match that is not interrupted.
	atOnce = 1 << 20
	// runesBetweenChecks is the number of characters of a longer match between checks of the context.
	runesBetweenChecks = 64
)

type regexpKey struct {
	source string
	whole  bool
}

// pattern is a compiled regular expression; nil matches nothing.
type pattern struct {
	compiled *regexp.Regexp
	// weight is at least the approximate number of its instructions.
	weight int
}

// regexp compiles an I-Regexp (RFC 9485), to match a whole text or a part of it.
func (e *evaluation) regexp(source string, whole bool) *pattern {
	key := regexpKey{source, whole}
	if found, ok := e.regexps[key]; ok {
		return found
	}
	made, weight := compileRegexp(source, whole), min(len(source), maxPattern)
	if made != nil {
		weight = made.weight
	}
	if e.kept += weight; e.regexps == nil || e.kept > maxKept {
		e.regexps, e.kept = map[regexpKey]*pattern{}, weight
	}
	e.regexps[key] = made
	return made
}

func compileRegexp(source string, whole bool) *pattern {
	translated, ok := translateRegexp(source)
	if !ok {
		return nil
	}
	if whole {
		translated = `\A(?:` + translated + `)\z`
	}
	compiled, err := regexp.Compile(translated)
	if err != nil {
		return nil
	}
	return &pattern{compiled, weightOf(source)}
}

// weightOf returns the length of a pattern with all its repetitions written out.
func weightOf(source string) int {
	repeats := 1
	for _, bound := range bounds.FindAllString(source, -1) {
		n, err := strconv.Atoi(bound)
		if err != nil {
			n = maxRepeat
		}
		repeats = min(maxRepeat, repeats*max(1, n))
	}
	return (len(source) + 1) * repeats
}

// matched reports whether a text matches. It ends with the context, however long the text is: the rest of the text is
// then ignored.
func (e *evaluation) matched(p *pattern, text string) bool {
	if e.err == nil {
		e.err = e.ctx.Err()
	}
	switch {
	case e.err != nil || p == nil:
		return false
	case len(text) <= atOnce/p.weight:
		return p.compiled.MatchString(text)
	default:
		return p.compiled.MatchReader(&runes{e: e, text: text}) && e.err == nil
	}
}

// runes reads a text until the evaluation ends.
type runes struct {
	e    *evaluation
	text string
	read int
}

func (r *runes) ReadRune() (rune, int, error) {
	if r.read++; r.read%runesBetweenChecks == 0 && r.e.err == nil {
		r.e.err = r.e.ctx.Err()
	}
	if r.text == "" || r.e.err != nil {
		return 0, 0, io.EOF
	}
	c, size := utf8.DecodeRuneInString(r.text)
	r.text = r.text[size:]
	return c, size, nil
}

// translateRegexp translates an I-Regexp to a regular expression of Go, by RFC 9485, 5.4: only the dot differs. It
// reports false for text that is not an I-Regexp, such as \d and (?i), because other implementations would match
// something else. A ^ and a $ are anchors, as in the compliance test suite.
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

// singleEscapes are the characters that may follow a backslash, besides p and P.
const singleEscapes = `()*+-.?[\]^nrt{|}`

// escapeLength returns the length of the escape at the beginning of a text, or 0.
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
	categoryEscape = regexp.MustCompile(
		`^\\[pP]\{(?:L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|Z[lps]?|S[ckmo]?|C[cfno]?)\}`)
	bounds     = regexp.MustCompile(`[0-9]+`)
	quantifier = regexp.MustCompile(`^(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})`)
)

// operatorLength returns the length of a group's start or of one quantifier. A second quantifier after it, as in a*?,
// is not an I-Regexp.
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

// classLength returns the length of the character class at the beginning of a text, or 0. A hyphen is itself only at
// the ends of the class, and a bracket only if it is escaped.
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
