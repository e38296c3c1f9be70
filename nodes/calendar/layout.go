package calendar

import (
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Layout is a parsed layout.
type Layout []layoutPart

// layoutPart is a token, or a literal text.
type layoutPart struct{ token, text string }

// layoutTokens are the tokens, and how Go writes them.
var layoutTokens = map[string]string{"YYYY": "2006", "MM": "01", "DD": "02", "HH": "15", "mm": "04", "ss": "05",
	"SSS": ".000", "Z": "-07:00"}

// maxLayout bounds a layout, in bytes.
const maxLayout = 200

// UnmarshalText reads a layout.
func (l *Layout) UnmarshalText(text []byte) error {
	if len(text) == 0 || len(text) > maxLayout {
		return fmt.Errorf("a layout has 1 to %d bytes; write for example YYYY-MM-DD", maxLayout)
	}
	*l = nil
	for rest := string(text); rest != ""; {
		part, length, err := parseLayoutPart(rest)
		if err != nil {
			return err
		}
		*l, rest = append(*l, part), rest[length:]
	}
	return nil
}

// parseLayoutPart reads the part that a text begins with, and gives its length.
func parseLayoutPart(text string) (layoutPart, int, error) {
	first := text[0]
	if first == '[' {
		inside, _, closed := strings.Cut(text[1:], "]")
		if !closed {
			return layoutPart{}, 0, fmt.Errorf("the bracket in %q is not closed", everhook.Shorten(text, 40))
		}
		return layoutPart{text: inside}, len(inside) + 2, nil
	}
	if !isLetter(first) || first == 'T' {
		return layoutPart{text: text[:1]}, 1, nil
	}
	run := text[:len(text)-len(strings.TrimLeft(text, text[:1]))]
	if layoutTokens[run] == "" {
		if meant := meantToken(run); meant != "" {
			return layoutPart{}, 0, fmt.Errorf("%q is none of YYYY MM DD HH mm ss SSS Z; did you mean %s? Put text "+
				"in brackets: [%s]", run, meant, run)
		}
		return layoutPart{}, 0, fmt.Errorf("%q is none of YYYY MM DD HH mm ss SSS Z; put text in brackets: [%s]", run,
			run)
	}
	return layoutPart{token: run}, len(run), nil
}

// meantToken is what other libraries write in the same letter: yyyy, dd, hh; empty if there is none.
func meantToken(run string) string {
	switch run[0] {
	case 'y', 'Y':
		return "YYYY"
	case 'M':
		return "MM"
	case 'd', 'D':
		return "DD"
	case 'h', 'H':
		return "HH"
	case 'm':
		return "mm"
	case 's':
		return "ss"
	case 'S':
		return "SSS"
	case 'z', 'Z', 'x', 'X':
		return "Z"
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (l Layout) Format(t time.Time) string {
	var text strings.Builder
	for _, part := range l {
		written := part.text
		if part.token != "" {
			written = strings.TrimPrefix(t.Format(layoutTokens[part.token]), ".")
		}
		text.WriteString(written)
	}
	return text.String()
}

// JSONSchema is that of a text.
func (*Layout) JSONSchema() map[string]any {
	return map[string]any{"title": "a layout, as YYYY-MM-DD HH:mm", "type": "string", "minLength": 1,
		"maxLength": maxLayout}
}
