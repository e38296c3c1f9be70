package expression

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook/internal/strict"
)

func (t *translator) identifier(n *ast.IdentifierNode) operand {
	if variable, ok := t.variables[n.Value]; ok {
		variable.node = n
		return variable
	}
	shape, err := t.env.root(n.Value)
	if err != nil {
		return t.failAt(n, err)
	}
	if member, ok := named[n.Value]; ok {
		return t.fail(n, fmt.Sprintf("`%s` alone is not a value", n.Value),
			fmt.Sprintf("name one of them: `%s`", member))
	}
	name := n.Value
	t.usesData = true
	t.references.Trigger = t.references.Trigger || name == "trigger"
	return operand{node: n, shape: shape, kind: shape.kind(), run: func(m *machine) (any, error) {
		m.units++
		return Load(m.scope.Values[name]), nil
	}}
}

// namedMember translates the member of a root such as nodes, whose members have constant names. It returns false for
// other roots.
func (t *translator) namedMember(n *ast.MemberNode) (operand, bool) {
	base := n.Node
	if chain, ok := base.(*ast.ChainNode); ok {
		base = chain.Node
	}
	root, ok := base.(*ast.IdentifierNode)
	if !ok || named[root.Value] == "" {
		return operand{}, false
	}
	if _, variable := t.variables[root.Value]; variable {
		return operand{}, false
	}
	shape, err := t.env.root(root.Value)
	if err != nil {
		return t.failAt(root, err), true
	}
	property, ok := n.Property.(*ast.StringNode)
	if !ok {
		return t.fail(n.Property, fmt.Sprintf("`%s` takes a constant name", describe(n)),
			fmt.Sprintf("write `%s`", named[root.Value])), true
	}
	below, err := shape.member(func() string { return root.Value }, property.Value)
	if err != nil {
		return t.failAt(n.Property, err), true
	}
	rootName, name := root.Value, property.Value
	if rootName == "env" {
		t.references.Env = append(t.references.Env, name)
	} else {
		t.usesData = true
		t.references.Nodes = append(t.references.Nodes, name)
	}
	return operand{node: n, shape: below, kind: below.kind(), run: func(m *machine) (any, error) {
		m.units++
		members, _ := m.scope.Values[rootName].(map[string]any)
		return Load(members[name]), nil
	}}, true
}

func (t *translator) member(n *ast.MemberNode) operand {
	if o, ok := t.namedMember(n); ok {
		return o
	}
	base, property := t.translate(n.Node), t.translate(n.Property)
	if t.err != nil {
		return operand{node: n}
	}
	shape, err := t.shapeBelow(base, property)
	if err != nil {
		return t.failAt(n.Property, err)
	}
	baseRun, propertyRun := base.run, property.run
	if property.constant {
		key, _ := propertyRun(&machine{})
		if name, ok := key.(string); ok {
			return t.fold(operand{node: n, shape: shape, kind: shape.kind(), run: func(m *machine) (any, error) {
				v, err := baseRun(m)
				if err != nil {
					return nil, err
				}
				m.units++
				if mapping, ok := v.(map[string]any); ok {
					return mapping[name], nil
				}
				return m.index(n, v, name)
			}}, base)
		}
	}
	return t.fold(operand{node: n, shape: shape, run: func(m *machine) (any, error) {
		v, err := baseRun(m)
		if err != nil {
			return nil, err
		}
		key, err := propertyRun(m)
		if err != nil {
			return nil, err
		}
		m.units++
		return m.index(n, v, key)
	}}, base, property)
}

// shapeBelow follows a shape. A position in a list stays on the shape, because a projection goes through lists.
func (t *translator) shapeBelow(base, property operand) (*Shape, *Error) {
	if base.shape == nil {
		return nil, nil
	}
	if !property.constant {
		if property.kind == kindNumber {
			return base.shape.element(), nil
		}
		return nil, nil
	}
	key, _ := property.run(&machine{})
	name, ok := key.(string)
	if !ok {
		return base.shape.element(), nil
	}
	at := base.node
	if _, ok := at.(*ast.PointerNode); ok {
		at = t.pointers[len(t.pointers)-1].list
	}
	where := func() string { return describe(at) }
	if doubt := base.shape.doubt(where, name); doubt != nil {
		doubt.Source, doubt.Offset = t.source, byteOffset(t.source, property.node.Location().From)
		t.warnings = append(t.warnings, doubt)
	}
	return base.shape.member(where, name)
}

func (t *translator) slice(n *ast.SliceNode) operand {
	base := t.translate(n.Node)
	inputs := []operand{base}
	bound := func(node ast.Node) code {
		if node == nil {
			return nil
		}
		o := t.translate(node)
		inputs = append(inputs, o)
		return o.run
	}
	from, to := bound(n.From), bound(n.To)
	baseRun := base.run
	return t.fold(operand{node: n, shape: base.shape, kind: base.kind, run: func(m *machine) (any, error) {
		v, err := baseRun(m)
		if err != nil {
			return nil, err
		}
		m.units++
		return m.slice(n, v, from, to)
	}}, inputs...)
}

// pointers are the slots of one predicate: #, #index and #acc.
type pointers struct {
	item, index, accumulator int
	// list is what # is an element of, and shape what is below it.
	list  ast.Node
	shape *Shape
	// usesIndex means that the predicate reads #index, so it must be kept.
	usesIndex bool
	// reduces means that there is an #acc.
	reduces bool
}

func (t *translator) pointer(n *ast.PointerNode) operand {
	if len(t.pointers) == 0 {
		return t.fail(n, "`#` exists only inside a predicate", "as in `filter(list, # > 1)`")
	}
	p := t.pointers[len(t.pointers)-1]
	o := operand{node: n}
	slot := p.item
	switch n.Name {
	case "":
		o.shape = p.shape
	case "index":
		p.usesIndex, slot, o.kind = true, p.index, kindNumber
	case "acc":
		if !p.reduces {
			return t.fail(n, "`#acc` exists only inside reduce", "")
		}
		slot = p.accumulator
	default:
		return t.fail(n, fmt.Sprintf("unknown pointer `#%s`", n.Name),
			strict.Suggest("#"+n.Name, []string{"#", "#index", "#acc"}))
	}
	o.run = func(m *machine) (any, error) {
		m.units++
		return m.slots[slot], nil
	}
	return o
}

func (t *translator) callNode(n *ast.CallNode) operand {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		return t.call(n, callee.Value, n.Arguments)
	case *ast.MemberNode:
		return t.methodCall(n, callee)
	default:
		return t.fail(n, "only functions can be called", "")
	}
}
