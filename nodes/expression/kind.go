package expression

import (
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// kind is the type of a value, as far as it is known before the evaluation.
type kind int

const (
	kindAny kind = iota
	kindNil
	kindBool
	kindNumber
	kindText
	kindList
	kindMapping
	kindTime
	kindDuration
	kindDecimal
)

// String returns the name of the type in messages.
func (k kind) String() string {
	return [...]string{"any value", "nil", "a boolean", "a number", "text", "a list", "a mapping", "a time",
		"a duration", "a decimal"}[k]
}

func kindOf(v any) kind {
	switch v.(type) {
	case nil:
		return kindNil
	case bool:
		return kindBool
	case int, float64:
		return kindNumber
	case string:
		return kindText
	case []any:
		return kindList
	case map[string]any:
		return kindMapping
	case time.Time:
		return kindTime
	case time.Duration:
		return kindDuration
	case *apd.Decimal:
		return kindDecimal
	default:
		return kindAny
	}
}

// typeName returns the name of a value's type in messages.
func typeName(v any) string {
	if _, ok := v.(*time.Location); ok {
		return "a time zone"
	}
	if k := kindOf(v); k != kindAny {
		return k.String()
	}
	return everhook.TypeName(v)
}

// defaults are examples of a default after `??` for each kind.
var defaults = map[kind]string{kindBool: "false", kindNumber: "0", kindText: `""`, kindList: "[]", kindMapping: "{}",
	kindTime: "now()", kindDuration: `duration("0")`, kindDecimal: `decimal("0")`}

// needs returns the error for an operand of the wrong type. What is the operand's source in backquotes.
func needs(what string, v any, need kind) error {
	if v == nil {
		return fmt.Errorf("%s is nil; use `?? %s`", what, defaults[need])
	}
	return fmt.Errorf("%s is %s where %s is needed", what, typeName(v), need)
}

func notBoolean(what, typeName string) error {
	if typeName == kindNil.String() {
		return fmt.Errorf("%s is nil; use `?? false`", what)
	}
	return fmt.Errorf("%s is %s, not a boolean; compare it with something, for example with `==`", what, typeName)
}

// quoted returns the source of an operand for messages, in backquotes.
func quoted(n ast.Node) string { return "`" + describe(n) + "`" }

// Bounds of a source in a message.
const (
	maxDescribed      = 80
	maxDescribedDepth = 6
)

// describe returns the shortened source of a node for messages.
func describe(n ast.Node) string {
	return everhook.Shorten(describeTo(n, maxDescribedDepth), maxDescribed)
}

func describeTo(n ast.Node, depth int) string {
	if depth == 0 {
		return "…"
	}
	below := func(n ast.Node) string { return describeTo(n, depth-1) }
	switch n := n.(type) {
	case *ast.ChainNode:
		return describeTo(n.Node, depth)
	case *ast.MemberNode:
		return describeMember(n, depth)
	case *ast.PredicateNode:
		return describeTo(n.Node, depth)
	case *ast.PointerNode:
		return "#" + n.Name
	case *ast.BuiltinNode:
		return describeCall(n.Name, n.Arguments, below)
	case *ast.CallNode:
		return describeCall(below(n.Callee), n.Arguments, below)
	case *ast.UnaryNode:
		if n.Operator == "not" {
			return "not " + below(n.Node)
		}
		return n.Operator + below(n.Node)
	case *ast.BinaryNode:
		return below(n.Left) + " " + n.Operator + " " + below(n.Right)
	case *ast.ConditionalNode:
		return below(n.Cond) + " ? " + below(n.Exp1) + " : " + below(n.Exp2)
	case *ast.SliceNode:
		return below(n.Node) + "[…:…]"
	case *ast.ArrayNode:
		return "[…]"
	case *ast.MapNode:
		return "{…}"
	case *ast.VariableDeclaratorNode:
		return "let " + n.Name + " = …"
	case *ast.SequenceNode:
		return below(n.Nodes[len(n.Nodes)-1])
	case *ast.StringNode:
		return fmt.Sprintf("%q", everhook.Shorten(n.Value, 30))
	default:
		return n.String()
	}
}

// describeMember does not count levels along a path, because it reads the path from its end to its start without deep
// recursion.
func describeMember(n *ast.MemberNode, depth int) string {
	base := n.Node
	if chain, ok := base.(*ast.ChainNode); ok {
		base = chain.Node
	}
	text := ""
	if member, ok := base.(*ast.MemberNode); ok && depth > -maxDescribed {
		text = describeMember(member, depth-1)
	} else {
		text = describeTo(base, max(depth-1, 1))
	}
	name, ok := n.Property.(*ast.StringNode)
	if ok && isName(name.Value) {
		return strings.TrimSuffix(text, "#") + "." + name.Value
	}
	return text + "[" + describeTo(n.Property, 1) + "]"
}

func isName(text string) bool {
	for i, c := range text {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

func describeCall(name string, arguments []ast.Node, below func(ast.Node) string) string {
	const shown = 3
	texts := []string{}
	for i, argument := range arguments {
		if i == shown {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, below(argument))
	}
	return name + "(" + strings.Join(texts, ", ") + ")"
}
