package expression

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// NodeReferences returns the offsets, in bytes and ascending, at which a text names the node with a key: below nodes,
// errors and loops, and as the argument of resumeUrl. The text is that of a field with the given notation. A text with
// an error in it has none, a template only those of its other expressions.
func NodeReferences(text string, class Class, key string) []int {
	if class == ClassExpression {
		return nodeReferences(text, key)
	}
	parts, err := parseParts(text)
	if err != nil {
		return nil
	}
	var all []int
	for _, p := range parts {
		if p.literal() {
			continue
		}
		for _, at := range nodeReferences(p.source, key) {
			all = append(all, p.offset+at)
		}
	}
	return all
}

// nodeReferences returns the references of one expression.
func nodeReferences(source, key string) []int {
	root, err := parse(source)
	if err != nil {
		return nil
	}
	names := &nodeNames{source: source, key: key}
	ast.Walk(&root, names)
	slices.Sort(names.at)
	return slices.Compact(names.at)
}

// nodeNames collects where a syntax tree names a node.
type nodeNames struct {
	source, key string
	at          []int
}

// Visit looks at one node of the tree.
func (v *nodeNames) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.MemberNode:
		base := n.Node
		if chain, ok := base.(*ast.ChainNode); ok {
			base = chain.Node
		}
		if root, ok := base.(*ast.IdentifierNode); ok && (root.Value == "nodes" || root.Value == "errors" ||
			root.Value == "loops") {
			v.name(n.Property)
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && callee.Value == "resumeUrl" && len(n.Arguments) > 0 {
			v.name(n.Arguments[0])
		}
	}
}

// name notes a name, with or without quotes. One that is written with escapes is left out.
func (v *nodeNames) name(n ast.Node) {
	text, ok := n.(*ast.StringNode)
	if !ok || text.Value != v.key {
		return
	}
	at := byteOffset(v.source, text.Location().From)
	if rest := v.source[at:]; rest != "" && strings.ContainsRune("\"'`", rune(rest[0])) {
		at++
	}
	if strings.HasPrefix(v.source[at:], v.key) {
		v.at = append(v.at, at)
	}
}
