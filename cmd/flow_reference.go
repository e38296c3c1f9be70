package cmd

import (
	"fmt"
	"io"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes/kind"
)

type flowReference struct {
	Page string `arg:"" optional:"" default:"nodes" help:"Page to print: nodes, triggers, flow-file, expressions, providers, or a provider as github. Default nodes."`
}

// Run prints a page of the manual, with the kinds that this program has.
func (c *flowReference) Run(s streams, registry *kind.Registry) error {
	for _, page := range schema.Reference(registry) {
		if page.Name == c.Page+".md" || page.Name == "providers/"+c.Page+".md" {
			_, err := io.WriteString(s.out, page.Markdown)
			return err
		}
	}
	return fmt.Errorf("there is no page %q; there are nodes, triggers, flow-file, expressions and providers, and "+
		"one for each provider, as github", everhook.Shorten(c.Page, 60))
}
