package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// maxDetailRows is the number of steps in the Temporal UI: the latest ones.
const maxDetailRows = 50

// showDetails refreshes the step table in the Temporal UI. It costs no event. It is called before the run waits and
// when it ends.
func (r *run) showDetails(ctx workflow.Context) { workflow.SetCurrentDetails(ctx, r.details()) }

func (r *run) details() string {
	var text strings.Builder
	outcome := r.outcome()
	fmt.Fprintf(&text, "**%s**, %d steps\n\n", outcome.Status, r.Log().Total())
	if from := r.start.From; from != nil {
		fmt.Fprintf(&text, "retry of run %s from %s\n\n", from.Of, EscapeMarkdown(from.Node))
	}
	if outcome.AnswerDiffers {
		text.WriteString("the run came to another answer than its caller got before\n\n")
	}
	if outcome.Error != nil {
		fmt.Fprintf(&text, "%s\n\n", EscapeMarkdown(outcome.Error.Error()))
	}
	text.WriteString("| # | Step | Status | Took | |\n|--:|---|---|--:|---|\n")
	steps := r.Log().Steps()
	if len(steps) > maxDetailRows {
		steps = steps[len(steps)-maxDetailRows:]
	}
	for _, step := range steps {
		name, note, took := step.Node, "", ""
		if step.Title != "" {
			name = step.Title
		}
		if step.Iteration != "" {
			name += " (" + step.Iteration + ")"
		}
		if step.Error != nil {
			note = step.Error.Message
		}
		if step.Ended != nil {
			took = step.Ended.Sub(step.Started).Round(time.Millisecond).String()
		}
		fmt.Fprintf(&text, "| %d | %s | %s | %s | %s |\n", step.Number, EscapeMarkdown(name), step.Status, took,
			EscapeMarkdown(note))
	}
	return text.String()
}

var markdown = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[",
	"]", "\\]", "!", "\\!", "#", "\\#", "~", "\\~", "\r", " ", "\n", " ",
)

// EscapeMarkdown escapes text of third parties for markdown, table cells included. It shortens long text.
func EscapeMarkdown(text string) string { return markdown.Replace(everhook.Shorten(text, 300)) }
