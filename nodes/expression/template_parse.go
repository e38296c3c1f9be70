package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// part is a piece of a text: literal, an expression, or the name of a secret. Exactly one of the three is set, except
// that text may be empty.
type part struct {
	text   string
	source string
	secret string
	// offset is the position of the source in the whole text, in bytes.
	offset  int
	program *Program
	// escape is the escape of the inserted value; region is its part of a URL.
	escape everhook.Escape
	// supplies means that the value supplies the scheme or host of a URL.
	supplies bool
}

func (p *part) literal() bool { return p.source == "" }

// parseParts splits a text at its {{ … }}. Literal parts are never empty.
func parseParts(text string) ([]part, *Error) {
	var parts []part
	for rest := 0; ; {
		open := strings.Index(text[rest:], "{{")
		if open < 0 {
			if rest < len(text) {
				parts = append(parts, part{text: text[rest:]})
			}
			return parts, nil
		}
		open += rest
		if open > rest {
			parts = append(parts, part{text: text[rest:open]})
		}
		end, err := templateEnd(text, open+2)
		if err != nil {
			return nil, err
		}
		source := text[open+2 : end]
		if strings.TrimSpace(source) == "" {
			return nil, &Error{Message: "an empty template", Fix: "write an expression between the braces, or `{{ " +
				"\"{{\" }}` for the braces themselves", Source: text, Offset: open}
		}
		parts = append(parts, part{source: source, secret: bareSecret(source), offset: open + 2})
		rest = end + 2
	}
}

// bareSecret returns the name if the source is exactly secret.NAME.
func bareSecret(source string) string {
	name, ok := strings.CutPrefix(strings.TrimSpace(source), "secret.")
	if !ok || !IsSecretName(name) {
		return ""
	}
	return name
}

// isBadSecret reports whether the source is a secret with an invalid name.
func isBadSecret(source string) bool {
	name, ok := strings.CutPrefix(strings.TrimSpace(source), "secret.")
	return ok && isName(name) && !IsSecretName(name)
}

// templateEnd finds the }} that closes a template, outside of strings, comments and brackets of the expression.
func templateEnd(text string, start int) (int, *Error) {
	depth := 0
	for i := start; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'' || c == '`':
			end := stringEnd(text, i)
			if end < 0 {
				return 0, &Error{Message: fmt.Sprintf("the text that starts with %c is not closed", c), Source: text,
					Offset: i}
			}
			i = end
		case strings.HasPrefix(text[i:], "//"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return 0, &Error{Message: "the comment hides the end of the template",
					Fix: "use `/* … */`, or close the template on the next line", Source: text, Offset: i}
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			if end < 0 {
				return 0, &Error{Message: "the comment is not closed", Fix: "close it with `*/`", Source: text,
					Offset: i}
			}
			i += end + 4
		case depth == 0 && strings.HasPrefix(text[i:], "}}"):
			return i, nil
		case c == '(' || c == '[' || c == '{':
			depth++
			i++
		case c == ')' || c == ']' || c == '}':
			depth = max(0, depth-1)
			i++
		default:
			i++
		}
	}
	return 0, &Error{Message: "the template is not closed", Fix: "close it with `}}`, or write `{{ \"{{\" }}` for " +
		"the braces themselves", Source: text, Offset: start - 2}
}

// stringEnd returns the position after a quoted text of an expression, or -1.
func stringEnd(text string, start int) int {
	quote := text[start]
	for i := start + 1; i < len(text); {
		switch {
		case text[i] == '\\' && quote != '`':
			_, size := utf8.DecodeRuneInString(text[min(i+1, len(text)):])
			i += 1 + size
		case text[i] != quote:
			i++
		case quote == '`' && strings.HasPrefix(text[i+1:], "`"):
			i += 2
		default:
			return i + 1
		}
	}
	return -1
}
