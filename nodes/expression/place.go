package expression

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// The literal parts of a text determine its language at compile time, and so how inserted values are escaped. Data
// never determines it: no value can add an element to XML or a key to JSON.

// language is the language of the literal parts of a text.
type language int

const (
	plainText language = iota
	markupText
	jsonText
)

// languageOf returns the language of a text of several parts.
func languageOf(parts []part) language {
	switch literal := literalText(parts); {
	case len(parts) < 2:
		return plainText
	case looksLikeJSON(literal) && jsonSkeleton(parts).err == nil:
		return jsonText
	case markupStart.MatchString(literal) || markupInside.MatchString(literal):
		return markupText
	default:
		return plainText
	}
}

// insertionMark stands for an insertion in the literal text.
const insertionMark = "\x00"

func literalText(parts []part) string {
	var text strings.Builder
	for i := range parts {
		if parts[i].literal() {
			text.WriteString(parts[i].text)
		} else {
			text.WriteString(insertionMark)
		}
	}
	return text.String()
}

// assign sets the escape of every insertion by its place. An insertion that no escape makes safe is an error, unless
// its author writes raw(…).
func assign(parts []part) *Error {
	switch languageOf(parts) {
	case markupText:
		return assignMarkup(parts)
	case jsonText:
		skeleton := jsonSkeleton(parts)
		for i, quoted := range skeleton.quoted {
			parts[i].escape = everhook.EscapeJSONValue
			if quoted {
				parts[i].escape = everhook.EscapeJSONText
			}
		}
	}
	return nil
}

// unwrap returns the expression of an insertion, without an outermost call that only says how the value is inserted,
// and the remaining escape.
func unwrap(root ast.Node, escape everhook.Escape) (ast.Node, everhook.Escape) {
	name, argument := outermostCall(root)
	switch {
	case name == "raw" && escape != everhook.EscapePath && escape != everhook.EscapeQuery:
		return argument, everhook.EscapeNone
	case name == "path" && escape == everhook.EscapePath:
		return argument, everhook.EscapeSegments
	case name == "urlEncode" && (escape == everhook.EscapePath || escape == everhook.EscapeQuery),
		name == "toJSON" && escape == everhook.EscapeJSONValue,
		(name == "xmlEscape" || name == "htmlEscape") && escape == everhook.EscapeMarkup:
		return root, everhook.EscapeNone
	}
	return root, escape
}

// outermostCall returns the name and the argument of a call with one argument; "" for other nodes.
func outermostCall(n ast.Node) (name string, argument ast.Node) {
	switch n := n.(type) {
	case *ast.BuiltinNode:
		if len(n.Arguments) == 1 {
			return n.Name, n.Arguments[0]
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && len(n.Arguments) == 1 {
			return callee.Value, n.Arguments[0]
		}
	}
	return "", nil
}

// isRaw reports whether an insertion is a call of raw.
func isRaw(source string) bool {
	root, err := parse(source)
	if err != nil {
		return false
	}
	name, _ := outermostCall(root)
	return name == "raw"
}

// looksLikeJSON reports whether a text starts like an object, or like a list with a text or object in it. "[{{ a }}]"
// is more often a label than a list.
func looksLikeJSON(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") && strings.ContainsAny(text, `"{`)
}

// skeleton is a JSON text with a mark in place of each insertion.
type skeleton struct {
	// quoted says for each insertion, by its position among the parts, whether it is inside a text.
	quoted map[int]bool
	value  any
	err    error
}

// Marks around the number of an insertion. They are noncharacters of Unicode, so only a malicious text contains them.
const (
	markStart = "\U0010FFFE"
	markEnd   = "\U0010FFFF"
)

var mark = regexp.MustCompile(markStart + "([0-9]+)" + markEnd)

func jsonSkeleton(parts []part) skeleton {
	s := skeleton{quoted: map[int]bool{}}
	var text strings.Builder
	inside, escaped := false, false
	for i := range parts {
		p := &parts[i]
		if !p.literal() {
			s.quoted[i] = inside
			marked := markStart + strconv.Itoa(i) + markEnd
			if !inside {
				marked = `"` + marked + `"`
			}
			text.WriteString(marked)
			continue
		}
		if strings.ContainsAny(p.text, markStart+markEnd) || strings.Contains(strings.ToLower(p.text), `\udbff\udff`) {
			s.err = fmt.Errorf("it has a character that is none")
			return s
		}
		for j := range len(p.text) {
			switch c := p.text[j]; {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = inside
			case c == '"':
				inside = !inside
			}
		}
		text.WriteString(p.text)
	}
	if s.value, s.err = everhook.ParseJSON([]byte(text.String())); s.err != nil {
		return s
	}
	if touchesValue(parts, s.quoted) {
		s.err = fmt.Errorf("an insertion is not a whole value")
	}
	return s
}

// touchesValue reports whether an insertion outside of quotes is an object's key, which must be a quoted text.
func touchesValue(parts []part, quoted map[int]bool) bool {
	for i := range parts {
		if inside, isInsertion := quoted[i]; !isInsertion || inside || i+1 == len(parts) {
			continue
		}
		if strings.HasPrefix(strings.TrimLeft(parts[i+1].text, " \t\r\n"), ":") {
			return true
		}
	}
	return false
}

// warnOfJSON reports a text that starts like an object but is not JSON, or that is better written as a mapping.
func (c *formCompiler) warnOfJSON(pointer string, t *textForm) {
	trimmed := strings.TrimSpace(literalText(t.parts))
	if !strings.HasPrefix(trimmed, "{") || !strings.HasPrefix(strings.TrimLeft(trimmed[1:], " \t\r\n"), `"`) {
		return
	}
	if s := jsonSkeleton(t.parts); s.err != nil {
		reason := s.err.Error()
		c.warn(pointer, &Error{Message: "the text starts like JSON, but it is not JSON, so nothing in it is escaped: " +
			mark.ReplaceAllString(reason, "{{ … }}"), Fix: "write a mapping in YAML instead"})
	}
}
