package cmd

import (
	"io"

	"github.com/everhook/everhook/nodes"
)

type flowReference struct {
	Page string `arg:"" optional:"" enum:"nodes,triggers,flow-file,expressions" default:"nodes" help:"Page to print: nodes, triggers, flow-file or expressions. Default nodes."`
}

// Run prints a page of the manual, with the kinds that this program has.
func (c *flowReference) Run(s streams, registry *nodes.Registry) error {
	pages, err := registry.Reference()
	if err != nil {
		return err
	}
	for _, page := range pages {
		if page.Name == c.Page+".md" {
			_, err = io.WriteString(s.out, page.Markdown)
		}
	}
	return err
}
