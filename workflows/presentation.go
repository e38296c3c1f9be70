package workflows

import (
	"strconv"

	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// presentation is what Temporal shows of a run and finds it by, whoever starts it.
type presentation struct {
	flow, title, trigger string
	version              int
	run                  everhook.RunID
}

// Bounds of what the Temporal UI shows of a run.
const (
	maxSummary = 200
	maxDetails = 10_000
)

func (p presentation) summary() string {
	return everhook.Shorten(p.title+" v"+strconv.Itoa(p.version), maxSummary)
}

func (p presentation) memo() map[string]any {
	return map[string]any{MemoFlow: p.flow, MemoVersion: p.version, MemoTitle: p.title}
}

func (p presentation) attributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AttributeRun.ValueSet(string(p.run)), AttributeFlow.ValueSet(p.flow),
		AttributeVersion.ValueSet(strconv.Itoa(p.version)), AttributeTrigger.ValueSet(p.trigger))
}
