package everhook

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ParseXML parses an XML 1.0 document in UTF-8, whatever encoding its declaration names. The value is a mapping with
// the root element: {"order": …}. An element that contains only text is that text. Any other element is a mapping of
// its attributes ("@id"), its elements, and its text ("#text") unless that is only white space. Elements that repeat
// within an element become a list. Every value is a text and unchanged.
//
// Prefixes of namespaces are dropped, because senders choose them freely, and so are their declarations (xmlns),
// comments and processing instructions. Attributes that differ only in their prefix become a list. A document type
// (DTD) is passed over and its rules are not fetched; one with declarations is refused, and so is every entity except
// the five of XML. So is nesting over MaxDepth, including lists. Syntax errors are an *SyntaxError;
// its position is after the faulty text.
func ParseXML(document []byte) (Mapping, error) {
	return ParseXMLWithin(document, math.MaxInt)
}

// ParseXMLWithin is ParseXML for documents of strangers: more than maxValues elements, attributes and texts beside them
// are an *ValuesError.
func ParseXMLWithin(document []byte, maxValues int) (Mapping, error) {
	if err := CheckUTF8(document); err != nil {
		return nil, err
	}
	p := &xmlParser{Decoder: xml.NewDecoder(bytes.NewReader(document)), values: maxValues, maxValues: maxValues}
	p.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	if depth(root) > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d, counting the lists of repeated elements", MaxDepth)
	}
	return root, nil
}

type xmlParser struct {
	*xml.Decoder
	// values is how many values may still follow.
	values, maxValues int
	// hasType is set after the document type, inRoot from the beginning of the root element.
	hasType, inRoot bool
}

// count counts values before they are kept.
func (p *xmlParser) count(values int) error {
	if p.values -= values; p.values < 0 {
		return &ValuesError{Max: p.maxValues}
	}
	return nil
}

func (p *xmlParser) root() (map[string]any, error) {
	var root map[string]any
	for {
		token, err := p.next()
		switch {
		case errors.Is(err, io.EOF) && root == nil:
			return nil, p.fail("there is no element")
		case errors.Is(err, io.EOF):
			return root, nil
		case err != nil:
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, p.fail("a second root element")
			}
			p.inRoot = true
			v, err := p.element(token, 1)
			if err != nil {
				return nil, err
			}
			root = map[string]any{token.Name.Local: v}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return nil, p.fail("text outside the root element")
			}
		}
	}
}

// element reads to the end of an element that has begun.
func (p *xmlParser) element(start xml.StartElement, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fail(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	if err := p.count(1 + len(start.Attr)); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := p.attributes(fields, start.Attr); err != nil {
		return nil, err
	}
	var text strings.Builder
	for {
		token, err := p.next()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			v, err := p.element(token, depth+1)
			if err != nil {
				return nil, err
			}
			repeat(fields, token.Name.Local, v)
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if len(fields) == 0 {
				return text.String(), nil
			}
			if strings.TrimSpace(text.String()) != "" {
				fields[XMLTextName] = text.String()
				return fields, p.count(1)
			}
			return fields, nil
		}
	}
}

func (p *xmlParser) attributes(fields map[string]any, attributes []xml.Attr) error {
	seen := make(map[xml.Name]bool, len(attributes))
	for _, a := range attributes {
		if seen[a.Name] {
			return p.fail(fmt.Sprintf("the attribute %q stands twice in one element",
				Shorten(a.Name.Local, 60)))
		}
		seen[a.Name] = true
		if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
			repeat(fields, XMLAttributeMark+a.Name.Local, a.Value)
		}
	}
	return nil
}

// repeat adds a value, which is no list itself; a name with several becomes a list.
func repeat(fields map[string]any, name string, v any) {
	switch before := fields[name].(type) {
	case nil:
		fields[name] = v
	case []any:
		fields[name] = append(before, v)
	default:
		fields[name] = []any{before, v}
	}
}

// next gives the next token; its error is io.EOF at the end of the document.
func (p *xmlParser) next() (xml.Token, error) {
	begin := p.InputOffset()
	token, err := p.Token()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return nil, p.fail(Shorten(syntax.Msg, 200))
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, err
	case err != nil:
		return nil, p.fail(Shorten(strings.TrimPrefix(err.Error(), "xml: "), 200))
	}
	switch token := token.(type) {
	case xml.Directive:
		return token, p.documentType(token)
	case xml.ProcInst:
		if token.Target == "xml" && begin > 0 {
			return nil, p.fail("the XML declaration stands only at the beginning")
		}
	}
	return token, nil
}

// documentType refuses a document type that could define entities, and a second one. One that only names its rules is
// passed over: they are not fetched.
func (p *xmlParser) documentType(directive xml.Directive) error {
	rest, isType := bytes.CutPrefix(directive, []byte("DOCTYPE"))
	switch {
	case !isType || len(rest) == 0 || !isSpace(rest[0]) || p.inRoot:
		return p.fail("a declaration (<!…>), which is not taken; leave it out")
	case p.hasType:
		return p.fail("a second document type (<!DOCTYPE …>)")
	case hasSubset(rest):
		return p.fail("a document type with declarations (<!DOCTYPE … [ … ]>), which is not taken; leave them out")
	}
	p.hasType = true
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// hasSubset reports whether a document type has more than a name and, in quotes, where its rules are.
func hasSubset(text []byte) bool {
	quote := byte(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '<':
			return true
		}
	}
	return quote != 0
}

// fail makes an error with the position after the last token.
func (p *xmlParser) fail(reason string) error {
	line, column := p.InputPos()
	return &SyntaxError{Line: line, Column: column, Reason: reason}
}

// depth counts how deep lists and mappings nest.
func depth(v any) int {
	below := 0
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			below = max(below, depth(item))
		}
	case []any:
		for _, item := range v {
			below = max(below, depth(item))
		}
	default:
		return 0
	}
	return below + 1
}
