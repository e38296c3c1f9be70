package runs

import (
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/workflows"
)

// triggerDetails describes a delivery for the Temporal UI, in markdown: when it came, and the values that have a
// display name.
func triggerDetails(flow *compile.Flow) func(everhook.Delivery) string {
	var named []namedPath
	if receiving, ok := flow.Trigger.(trigger.Receiving); ok {
		kept := receiving.Calls().Request
		named = append(namedPaths("query", kept.Query), namedPaths("body", kept.Body)...)
	}
	return func(d everhook.Delivery) string {
		var text strings.Builder
		fmt.Fprintf(&text, "%s, received %s\n", flow.Definition.Trigger.Type, everhook.FormatTime(d.ReceivedAt.UTC()))
		for _, n := range named {
			if v, ok := n.path.Get(d.Trigger[n.part]); ok {
				shown, err := everhook.EncodeJSON(v)
				if err != nil {
					continue
				}
				fmt.Fprintf(&text, "* %s: %s\n", workflows.EscapeMarkdown(n.alias),
					workflows.EscapeMarkdown(string(shown)))
			}
		}
		return text.String()
	}
}

type namedPath struct {
	part, alias string
	path        everhook.Path
}

func namedPaths(part string, kept *[]trigger.KeptPath) []namedPath {
	var named []namedPath
	if kept != nil {
		for _, k := range *kept {
			if k.Alias != "" {
				named = append(named, namedPath{part, k.Alias, k.Path})
			}
		}
	}
	return named
}
