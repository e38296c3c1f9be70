package runs

import (
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/workflows"
)

// triggerDetails describes a delivery in markdown, for the Temporal UI: the time, and the values that have a display
// name.
func triggerDetails(flow *compile.Flow, d everhook.Delivery) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, received %s\n", flow.Definition.Trigger.Type, everhook.FormatTime(d.ReceivedAt.UTC()))
	if receiving, ok := flow.Trigger.(trigger.Receiving); ok {
		kept := receiving.Calls().Request
		writeNamed(&text, kept.Query, d.Trigger["query"])
		writeNamed(&text, kept.Body, d.Trigger["body"])
	}
	return text.String()
}

// writeNamed writes the values of a part of the delivery that have a display name.
func writeNamed(text *strings.Builder, kept *[]trigger.KeptPath, part any) {
	if kept == nil {
		return
	}
	for _, k := range *kept {
		value, ok := k.Path.Get(part)
		if k.Alias == "" || !ok {
			continue
		}
		if shown, err := everhook.EncodeJSON(value); err == nil {
			fmt.Fprintf(text, "* %s: %s\n", workflows.EscapeMarkdown(k.Alias), workflows.EscapeMarkdown(string(shown)))
		}
	}
}
