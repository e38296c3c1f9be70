package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Shape describes what can exist below a name. The zero value means anything. Shapes are used only for checks: no value
// depends on them.
type Shape struct {
	// Type is the type of every value that is not nil; empty: any. The elements of a list have the members in Fields.
	Type Type
	// Fields are the names that exist. Nil: anything; empty: nothing.
	Fields map[string]*Shape
	// Hidden are names that exist elsewhere in the flow but not here, each with the reason ("it runs later").
	Hidden map[string]string
	// Open means that names besides Fields are allowed too, with anything below them. A name in Hidden is then a
	// warning.
	Open bool
	// Index, if set, replaces Fields, Hidden and Open if there are many names.
	Index Index
	// Content is the field that probably contains a name that does not exist: the body of an answer.
	Content string
	// Title is what people call the value, Help one line about it.
	Title, Help string
	// Missing is the fix for a name that does not exist ("add it to request.headers").
	Missing string
}

// Type is the type of a value, as far as it is known before a run.
type Type string

// The types that a Shape can have.
const (
	Boolean Type = "boolean"
	Number  Type = "number"
	Text    Type = "text"
	List    Type = "list"
	Mapping Type = "mapping"
)

// Index looks up the names below a shape.
type Index interface {
	// Look returns the shape below a name; or nil and the reason why the name is hidden here; or nil and "".
	Look(name string) (below *Shape, hidden string)
	// Names are the names that Look finds, for suggestions.
	Names() []string
}

func (t Type) kind() kind {
	switch t {
	case Boolean:
		return kindBool
	case Number:
		return kindNumber
	case Text:
		return kindText
	case List:
		return kindList
	case Mapping:
		return kindMapping
	default:
		return kindAny
	}
}

// kind is the type of a value of the shape. The value may still be nil.
func (s *Shape) kind() kind {
	if s == nil {
		return kindAny
	}
	return s.Type.kind()
}

// element returns the shape of the elements of a list; for other values the shape itself, because projections go
// through lists.
func (s *Shape) element() *Shape {
	if s == nil || s.Type != List {
		return s
	}
	return &Shape{Fields: s.Fields, Hidden: s.Hidden, Open: s.Open, Index: s.Index, Content: s.Content,
		Missing: s.Missing}
}

// listed returns the shape of a list of such values; nil if their members are not known.
func (s *Shape) listed() *Shape {
	switch k := s.kind(); k {
	case kindAny:
		return s
	case kindMapping:
		list := *s
		list.Type = List
		return &list
	default:
		return nil
	}
}

// isOpen reports whether every name may exist below the shape.
func (s *Shape) isOpen() bool {
	return (s.Type == "" || s.Type == Mapping) && s.Index == nil && s.Fields == nil && (s.Open || s.Hidden == nil)
}

// member returns the shape below a name. The path is for messages, so it is made only for them.
func (s *Shape) member(path func() string, name string) (*Shape, *Error) {
	if s == nil {
		return nil, nil
	}
	if k := s.kind(); k != kindAny && k != kindMapping {
		return nil, s.noMembers(path(), name)
	}
	if s.isOpen() {
		return nil, nil
	}
	below, reason := s.look(name)
	switch {
	case below != nil:
		return below, nil
	case s.Open, reason == "" && s.Index == nil && s.Fields == nil:
		return nil, nil
	case reason != "":
		return nil, &Error{Message: fmt.Sprintf("`%s.%s` is not available here: %s", path(), name, reason)}
	default:
		return nil, &Error{Message: fmt.Sprintf("`%s` has no member %q", path(), name), Fix: s.nearest(path(), name)}
	}
}

// doubt returns the warning for a name that is probably a mistake although every name may exist; nil if there is none.
func (s *Shape) doubt(path func() string, name string) *Error {
	if s == nil || !s.Open || s.Hidden[name] == "" {
		return nil
	}
	return &Error{Message: fmt.Sprintf("`%s` has no member %q of its own: %s", path(), name, s.Hidden[name])}
}

// noMembers returns the error for a member of a list or of a value without members.
func (s *Shape) noMembers(path, name string) *Error {
	err := &Error{Message: fmt.Sprintf("`%s` is %s and has no member %q", path, s.kind(), name)}
	switch fix := memberFix(name, path); {
	case fix != "" && (s.Type == List || s.Type == Text):
		err.Fix = fix
	case s.Type != List:
		err.Fix = fmt.Sprintf("write `%s` itself", path)
	case s.element().Fields == nil || s.Fields[name] != nil:
		err.Fix = fmt.Sprintf("write `%[1]s[0]%[2]s` for one element, or `map(%[1]s, %[2]s)`", path, dotted(name))
	default:
		err.Fix = "of its elements: " + strict.Suggest(name, everhook.SortedKeys(s.Fields))
	}
	return err
}

// nearest returns a fix for a name that does not exist.
func (s *Shape) nearest(path, name string) string {
	if s.Missing == "" {
		return s.meantBy(path, name)
	}
	if near := strict.Nearest(name, s.names()); near != "" {
		return strict.Suggest(name, s.names()) + " Else " + s.Missing
	}
	return s.Missing
}

func (s *Shape) meantBy(path, name string) string {
	content := s.Fields[s.Content]
	if content != nil && content.Fields[name] != nil {
		return fmt.Sprintf("did you mean `%s%s%s`?", path, dotted(s.Content), dotted(name))
	}
	known := s.names()
	if near := strict.Nearest(name, known); near != "" || content == nil {
		if len(known) == 0 {
			return "nothing is below it here"
		}
		return strict.Suggest(name, known)
	}
	switch {
	case content.isOpen() && contentNames[name]:
		return fmt.Sprintf("did you mean `%[1]s%[2]s` or `%[1]s%[2]s.%[3]s`?", path, dotted(s.Content), name)
	case content.isOpen():
		return fmt.Sprintf("did you mean `%s%s%s`?", path, dotted(s.Content), dotted(name))
	case content.Type != "" && content.Type != Mapping:
		return fmt.Sprintf("did you mean `%s%s`?", path, dotted(s.Content))
	default:
		return strict.Suggest(name, known)
	}
}

// contentNames are the names of the content in other products.
var contentNames = map[string]bool{"body": true, "content": true, "data": true, "input": true, "item": true,
	"output": true, "payload": true, "result": true, "response": true, "value": true}

// dotted returns a member access in the notation of expressions.
func dotted(name string) string {
	if isName(name) {
		return "." + name
	}
	return fmt.Sprintf("[%q]", name)
}

func (s *Shape) look(name string) (below *Shape, hidden string) {
	if s.Index != nil {
		return s.Index.Look(name)
	}
	return s.Fields[name], s.Hidden[name]
}

func (s *Shape) names() []string {
	if s.Index != nil {
		return s.Index.Names()
	}
	return everhook.SortedKeys(s.Fields)
}

// checkGet reports a constant path that leads nowhere in a result whose members are known.
func (t *translator) checkGet(value operand, argument ast.Node) *Error {
	text, ok := argument.(*ast.StringNode)
	if !ok || value.shape == nil || value.shape.Type == "" || value.shape.Fields[text.Value] != nil {
		return nil
	}
	path, err := everhook.ParsePath(text.Value)
	if err != nil {
		return nil
	}
	shape, at := value.shape, func() string { return describe(value.node) }
	for _, step := range path {
		shape = shape.element()
		if _, position := step.Position(); position {
			continue
		}
		below, err := shape.member(at, step.Name)
		if below == nil || err != nil {
			return err
		}
		above := at
		shape, at = below, func() string { return above() + dotted(step.Name) }
	}
	return nil
}

// checkShapes returns an error for an operation whose operands have known types with which it cannot be meant.
func (t *translator) checkShapes(n *ast.BinaryNode, left, right operand) *Error {
	for _, pair := range [][2]operand{{left, right}, {right, left}} {
		one, other := pair[0], pair[1]
		if one.shape == nil || one.shape.Type == "" {
			continue
		}
		switch n.Operator {
		case "==", "!=":
			if !other.constant || other.kind == kindNil || other.kind == kindAny || other.kind == one.shape.kind() {
				continue
			}
			return &Error{Message: fmt.Sprintf("%s is %s and never equals %s", quoted(one.node), one.shape.kind(),
				quoted(other.node)), Fix: one.shape.meant(one.node)}
		case "<", "<=", ">", ">=", "-", "*", "/", "contains", "startsWith", "endsWith":
			if one.shape.Type == Mapping {
				return &Error{Message: fmt.Sprintf("%s is a mapping, which `%s` does not take", quoted(one.node),
					n.Operator), Fix: one.shape.meant(one.node)}
			}
		}
	}
	return nil
}

// meant returns what to write in place of a value that is compared with another type.
func (s *Shape) meant(n ast.Node) string {
	path := describe(n)
	switch {
	case s.Type == Boolean:
		return fmt.Sprintf("write `%s` or `not %s`", path, path)
	case s.Type == Mapping && s.Content != "":
		return fmt.Sprintf("did you mean `%s%s`?", path, dotted(s.Content))
	case s.Type == Mapping:
		return "name one of its members: " + strings.Join(s.names(), ", ")
	default:
		return fmt.Sprintf("compare it with %s", s.kind())
	}
}
