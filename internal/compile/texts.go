package compile

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Texts are the parts of a definition in which nodes can be named, by their JSON pointers in it.
type Texts struct {
	// Fields are the expressions and templates.
	Fields map[string]expression.Field
	// Names are the keys of nodes in literal fields.
	Names map[string]string
}

// TextsOf returns the texts of a definition. It may have errors: what cannot be decoded is left out.
func TextsOf(d *everhook.Definition, registry *kind.Registry) Texts {
	c := newCompiler(d, registry, false)
	c.compile()
	return Texts{c.flow.Fields, c.names}
}
