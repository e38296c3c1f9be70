package workflows

import (
	"strconv"

	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// Presentation is the part of a start that Temporal shows and indexes. It is the same for runs of deliveries and of
// subflows.
type Presentation struct {
	Flow, Title, Trigger string
	Version              int
	Run                  everhook.RunID
}

// Bounds for the texts in the Temporal UI.
const (
	maxSummary = 200
	MaxDetails = 10_000
)

func (p Presentation) Summary() string {
	return everhook.Shorten(p.Title+" v"+strconv.Itoa(p.Version), maxSummary)
}

func (p Presentation) Memo() map[string]any {
	return map[string]any{MemoFlow: p.Flow, MemoVersion: p.Version, MemoTitle: p.Title}
}

// Priority makes task queues serve flows in turns, where the server does that: a flow with many tasks does not hold up
// the others.
func (p Presentation) Priority() temporal.Priority {
	return temporal.Priority{FairnessKey: p.Flow}
}

func (p Presentation) Attributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AttributeRun.ValueSet(string(p.Run)), AttributeFlow.ValueSet(p.Flow),
		AttributeVersion.ValueSet(strconv.Itoa(p.Version)), AttributeTrigger.ValueSet(p.Trigger))
}
