package cmd

import (
	"io"

	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes/kind"
)

type flowReference struct {
	Page string `arg:"" optional:"" enum:"nodes,triggers,flow-file,expressions" default:"nodes" help:"Page to print: nodes, triggers, flow-file or expressions. Default nodes."`
}

// Run prints a page of the manual, with the kinds that this program has.
func (c *flowReference) Run(s streams, registry *kind.Registry) error {
	for _, page := range schema.Reference(registry) {
		if page.Name == c.Page+".md" {
			_, err := io.WriteString(s.out, page.Markdown)
			return err
		}
	}
	return nil
}
