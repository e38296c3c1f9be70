package expression

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/everhook/everhook"
)

var (
	// markupStart is the start of a text of XML or HTML: a tag, a comment or a declaration.
	markupStart = regexp.MustCompile(
		`^\x{FEFF}?\s*<(?:[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?(?:\s|/?>)|!--|!\[CDATA\[|(?i:!doctype)\s|\?[A-Za-z])`)
	// markupInside is what a text with elements has: an end tag, an empty element or a line break.
	markupInside = regexp.MustCompile(`</[A-Za-z_][\w.:-]*\s*>|<[A-Za-z_][\w.:-]*(?:\s[^<>]*)?/>|(?i:<[bh]r\s*>)`)
	// xmlStart is the start of XML that is not XHTML. It has no elements whose content is a script.
	xmlStart = regexp.MustCompile(`^\x{FEFF}?\s*<(?:\?xml\b|[^<>]*\sxmlns(?::\w+)?=)`)
	// htmlStart is the start of an HTML page. It has no CDATA sections.
	htmlStart = regexp.MustCompile(`(?i)^\x{FEFF}?\s*<(?:!doctype\s+html|html)\b`)
)

// markupState is the context of a position in a text of XML or HTML.
type markupState int

const (
	inContent markupState = iota
	inTag
	afterEquals
	inDoubleQuotes
	inSingleQuotes
	inUnquoted
	inComment
	inCDATA
	inDeclaration
	inScript
)

// notHere maps the states in which no escape makes a value safe to messages.
var notHere = map[markupState]string{
	inTag: "a tag or the name of an attribute", afterEquals: "an attribute without quotes",
	inUnquoted: "an attribute without quotes", inComment: "a comment", inDeclaration: "a declaration",
	inScript: "a script or style",
}

// markupScanner follows the literal parts of a text of XML or HTML.
type markupScanner struct {
	state     markupState
	xml, html bool
	// element and attribute are the names of the tag and attribute around the position.
	element, attribute string
	// empty means that the attribute's value is empty so far.
	empty bool
}

func assignMarkup(parts []part) *Error {
	literal := literalText(parts)
	s := markupScanner{html: htmlStart.MatchString(literal)}
	s.xml = !s.html && xmlStart.MatchString(literal)
	for i := range parts {
		p := &parts[i]
		if p.literal() {
			s.read(p.text)
			continue
		}
		p.escape = everhook.EscapeMarkup
		if s.state == inCDATA {
			p.escape = everhook.EscapeCDATA
		}
		if err := s.check(); err != nil && !isRaw(p.source) {
			err.Offset = p.offset
			return err
		}
		s.empty = false
		if s.state == afterEquals {
			s.state = inUnquoted
		}
	}
	return nil
}

// urlAttributes are those whose value may start with javascript:.
var urlAttributes = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "xlink:href": true,
	"data": true}

// check returns an error if no escape makes an insertion safe here.
func (s *markupScanner) check() *Error {
	const orRaw = ", or write `{{ raw(…) }}` for a value that you trust"
	if place, ok := notHere[s.state]; ok {
		return &Error{Message: fmt.Sprintf("a value cannot be inserted into %s, where no escape makes it safe", place),
			Fix: "move it into the text or a quoted attribute" + orRaw}
	}
	if s.state != inDoubleQuotes && s.state != inSingleQuotes || s.xml {
		return nil
	}
	switch {
	case s.empty && urlAttributes[s.attribute]:
		return &Error{Message: fmt.Sprintf("a value cannot be inserted first in %s, because it could be a script",
			s.attribute), Fix: "start with the address, as in `href=\"https://shop.example/{{ … }}\"`, or write `{{ " +
			"raw(htmlEscape(…)) }}` for an address that you trust"}
	case strings.HasPrefix(s.attribute, "on") || s.attribute == "style" || s.attribute == "srcdoc":
		return &Error{Message: fmt.Sprintf("a value cannot be inserted into the attribute %s, which is a script or "+
			"style",
			s.attribute), Fix: "move it into a data- attribute" + orRaw}
	}
	return nil
}

// read scans a literal part.
func (s *markupScanner) read(text string) {
	for text != "" {
		text = text[s.step(text):]
	}
}

// step scans the next token of the text, and returns its length.
func (s *markupScanner) step(text string) int {
	switch s.state {
	case inContent:
		return s.content(text)
	case inComment:
		return s.until(text, "-->", inContent)
	case inCDATA:
		return s.until(text, "]]>", inContent)
	case inDeclaration:
		return s.until(text, ">", inContent)
	case inScript:
		if end := strings.Index(strings.ToLower(text), "</"+s.element); end >= 0 {
			s.state = inDeclaration
			return end + 2
		}
		return len(text)
	case inDoubleQuotes:
		return s.quoted(text, `"`)
	case inSingleQuotes:
		return s.quoted(text, "'")
	default:
		return s.tag(text)
	}
}

// until skips to the end mark and changes to the next state.
func (s *markupScanner) until(text, end string, next markupState) int {
	at := strings.Index(text, end)
	if at < 0 {
		return len(text)
	}
	s.state = next
	return at + len(end)
}

func (s *markupScanner) quoted(text, quote string) int {
	length := s.until(text, quote, inTag)
	s.empty = s.empty && (s.state == inTag || strings.TrimSpace(text[:length]) == "")
	return length
}

var tagName = regexp.MustCompile(`^<([A-Za-z_][\w.:-]*)`)

func (s *markupScanner) content(text string) int {
	start := strings.IndexByte(text, '<')
	if start < 0 {
		return len(text)
	}
	rest := text[start:]
	match := tagName.FindStringSubmatch(rest)
	switch {
	case strings.HasPrefix(rest, "<!--"):
		s.state = inComment
		return start + 4
	case strings.HasPrefix(rest, "<![CDATA[") && !s.html:
		s.state = inCDATA
		return start + len("<![CDATA[")
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"), strings.HasPrefix(rest, "</"):
		s.state = inDeclaration
		return start + 2
	case match != nil:
		s.state, s.element, s.attribute = inTag, strings.ToLower(match[1]), ""
		return start + len(match[0])
	case rest == "<":
		s.state, s.element, s.attribute = inTag, "", ""
	}
	return start + 1
}

var attributeName = regexp.MustCompile(`^[^\s=>/"']+`)

// tag scans inside a tag, outside of quotes.
func (s *markupScanner) tag(text string) int {
	space := len(text) - len(strings.TrimLeft(text, " \t\r\n\f"))
	switch {
	case text[0] == '>':
		s.state = inContent
		if !s.xml && (s.element == "script" || s.element == "style") {
			s.state = inScript
		}
	case s.state == afterEquals && (text[0] == '"' || text[0] == '\''):
		s.state, s.empty = inDoubleQuotes, true
		if text[0] == '\'' {
			s.state = inSingleQuotes
		}
	case space > 0:
		if s.state == inUnquoted {
			s.state = inTag
		}
		return space
	case s.state == afterEquals:
		s.state = inUnquoted
	case s.state == inTag && text[0] == '=':
		s.state = afterEquals
	case s.state == inTag:
		if name := attributeName.FindString(text); name != "" {
			s.attribute = strings.ToLower(name)
			return len(name)
		}
	}
	return 1
}
