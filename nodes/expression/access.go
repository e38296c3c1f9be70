package expression

import (
	"fmt"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// index returns the member or element of a value. Missing values are nil, and so are the members of nil.
func (m *machine) index(n *ast.MemberNode, v, key any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("%s is a mapping, and %s where a key is needed", quoted(n.Node), describeKey(n, key))
		}
		return v[name], nil
	case []any:
		i, ok := key.(int)
		if !ok {
			return nil, notPosition(n, key, "a list", "use `map(…, .name)` or `get(…, \"name\")` for a member of "+
				"each element")
		}
		if i < 0 {
			i += len(v)
		}
		if i < 0 || i >= len(v) {
			return nil, nil
		}
		return v[i], nil
	case string:
		i, ok := key.(int)
		if !ok {
			return nil, notPosition(n, key, "text", "")
		}
		return m.character(v, i)
	default:
		return nil, fmt.Errorf("%s is %s and has no members", quoted(n.Node), typeName(v))
	}
}

func describeKey(n *ast.MemberNode, key any) string {
	return fmt.Sprintf("%s is %s", quoted(n.Property), typeName(key))
}

func notPosition(n *ast.MemberNode, key any, what, fix string) error {
	if fix != "" {
		fix = "; " + fix
	}
	if name, ok := key.(string); ok {
		if other := memberFix(name, describe(n.Node)); other != "" {
			fix = "; " + other
		}
		return fmt.Errorf("%s is %s and has no member %q%s", quoted(n.Node), what, name, fix)
	}
	return fmt.Errorf("%s is %s, and %s where a position is needed", quoted(n.Node), what, describeKey(n, key))
}

// character gives one character of a text; text is a sequence of characters, not of bytes.
func (m *machine) character(text string, i int) (any, error) {
	if err := m.read(len(text)); err != nil {
		return nil, err
	}
	if i < 0 {
		i += utf8.RuneCountInString(text)
	}
	if i < 0 {
		return nil, nil
	}
	for start, c := range text {
		if i == 0 {
			return text[start : start+utf8.RuneLen(c)], nil
		}
		i--
	}
	return nil, nil
}

// slice returns a part of a list or text. Positions outside are clipped; negative ones count from the end.
func (m *machine) slice(n *ast.SliceNode, v any, fromRun, toRun code) (any, error) {
	length := 0
	switch v := v.(type) {
	case []any:
		length = len(v)
	case string:
		if err := m.read(2 * len(v)); err != nil {
			return nil, err
		}
		length = utf8.RuneCountInString(v)
	case nil:
		return nil, fmt.Errorf("%s is nil; use `?? []` or `?? \"\"`", quoted(n.Node))
	default:
		return nil, fmt.Errorf("%s is %s where a list or text is needed", quoted(n.Node), typeName(v))
	}
	from, err := m.bound(n.From, fromRun, length, 0)
	if err != nil {
		return nil, err
	}
	to, err := m.bound(n.To, toRun, length, length)
	if err != nil {
		return nil, err
	}
	to = max(from, to)
	if list, ok := v.([]any); ok {
		return list[from:to:to], nil
	}
	return characters(v.(string), from, to), nil
}

// bound evaluates one end of a slice and clips it to the length.
func (m *machine) bound(n ast.Node, run code, length, otherwise int) (int, error) {
	if run == nil {
		return otherwise, nil
	}
	v, err := run(m)
	if err != nil {
		return 0, err
	}
	i, ok := v.(int)
	if !ok {
		return 0, needs(quoted(n), v, kindNumber)
	}
	if i < 0 {
		i += length
	}
	return max(0, min(i, length)), nil
}

// characters returns a part of a text by positions in characters, which must be inside the text.
func characters(text string, from, to int) string {
	if len(text) == utf8.RuneCountInString(text) {
		return text[from:to]
	}
	start, position := len(text), 0
	for i := range text {
		if position == from {
			start = i
		}
		if position == to {
			return text[min(start, i):i]
		}
		position++
	}
	return text[start:]
}
