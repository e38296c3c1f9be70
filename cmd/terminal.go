package cmd

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// terminal is a writer that escapes the control characters of terminals: names and values come from strangers. Line
// ends and tabs are not escaped. The escapes are those of JSON, so JSON keeps its value.
type terminal struct{ io.Writer }

// Write counts the bytes of p, not those of the escapes.
func (t terminal) Write(p []byte) (int, error) {
	if isHarmless(p) {
		return t.Writer.Write(p)
	}
	var text strings.Builder
	for _, c := range string(p) { // an invalid byte becomes U+FFFD
		if c == '\n' || c == '\t' || !steers(c) {
			text.WriteRune(c)
		} else {
			fmt.Fprintf(&text, `\u%04x`, c)
		}
	}
	if _, err := io.WriteString(t.Writer, text.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isHarmless reports whether nothing needs an escape.
func isHarmless(p []byte) bool {
	for _, b := range p {
		if b < ' ' && b != '\n' && b != '\t' || b >= utf8.RuneSelf || b == '\x7f' {
			return false
		}
	}
	return true
}

// steers reports whether a terminal may act on a character instead of showing it: control characters, and those that
// change the direction of text or begin a new line.
func steers(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029'
}

// printable returns a text from a stranger as one line: it also escapes line ends and tabs.
func printable(text string) string {
	if strings.IndexFunc(text, steers) < 0 {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	var line strings.Builder
	for _, c := range text {
		if steers(c) {
			fmt.Fprintf(&line, `\u%04x`, c)
		} else {
			line.WriteRune(c)
		}
	}
	return line.String()
}
