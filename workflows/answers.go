package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/engine"
)

// Answered records that a response set the answer in this workflow task; the answer is sent when the task ends. An
// execution that continues a loop sends the answer to the run at once if the loop goes on.
func (r *run) Answered(on engine.Line, answer *everhook.Answer, continues bool) {
	r.answered = r.task()
	r.chargeAnswer(encodedSize(answer))
	if r.root != nil && continues {
		r.sendAnswer(contextOf(on), *answer)
	}
}

// takeAnswers receives the run's answer from executions that continue its loops, before they end.
func (r *run) takeAnswers(ctx workflow.Context) {
	if r.takesAnswers {
		return
	}
	r.takesAnswers = true
	signals := workflow.GetSignalChannel(ctx, AnswerSignal)
	workflow.GoNamed(ctx, "answers", func(ctx workflow.Context) {
		for {
			var answer everhook.Answer
			signals.Receive(ctx, &answer)
			r.events++
			if r.Answer() == nil {
				r.GiveAnswer(&answer)
				r.answered = r.task()
			}
		}
	})
}

// sendAnswer sends the answer to the run. If the run has closed, nothing is lost: the execution returns the answer
// again when it ends.
func (r *run) sendAnswer(ctx workflow.Context, answer everhook.Answer) {
	r.events += eventsOfSignal
	if err := workflow.SignalExternalWorkflow(ctx, r.root.WorkflowID, r.root.RunID, AnswerSignal,
		answer).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the answer of a run did not reach it at once", "run", r.start.Delivery.RunID,
			"error", err)
	}
}
