package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// adopt settles the answer.
func (r *run) adopt(answer *everhook.Answer) {
	r.answer, r.outcome.Answer = answer, answer
	r.answered = r.task()
}

// takeAnswers lets executions that go on with loops of the run give its answer before they end.
func (r *run) takeAnswers(ctx workflow.Context) {
	if r.answers {
		return
	}
	r.answers = true
	signals := workflow.GetSignalChannel(ctx, AnswerSignal)
	workflow.GoNamed(ctx, "answers", func(ctx workflow.Context) {
		for {
			var answer everhook.Answer
			signals.Receive(ctx, &answer)
			r.events++
			if r.answer == nil {
				r.adopt(&answer)
			}
		}
	})
}

// sendAnswer brings the run an answer at once. The execution gives it to the run again when it ends, so that a run that
// is gone is no failure.
func (r *run) sendAnswer(ctx workflow.Context, answer everhook.Answer) {
	r.events += eventsOfSignal
	if err := workflow.SignalExternalWorkflow(ctx, r.part.Root.WorkflowID, r.part.Root.RunID, AnswerSignal,
		answer).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the answer of a run did not reach it at once", "run", r.start.Delivery.RunID,
			"error", err)
	}
}
