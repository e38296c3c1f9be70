package workflows

import (
	"net/http"

	"github.com/everhook/everhook"
)

// DerivedAnswer is the answer for the caller of a sync flow whose run ended without a response node. It does not
// contain messages of errors: the caller gets the node that failed, and the run ID.
func DerivedAnswer(outcome everhook.Outcome, id everhook.RunID) everhook.Answer {
	if outcome.Answer != nil {
		return *outcome.Answer
	}
	if outcome.Status == everhook.Resolved {
		return everhook.Answer{Status: http.StatusOK, Body: outcome.Output}
	}
	problem := &everhook.Problem{RunID: id}
	switch outcome.Status {
	case everhook.Rejected:
		problem.Type, problem.Title, problem.Status = everhook.ProblemRunRejected, "The run was rejected",
			http.StatusConflict
	case everhook.Aborted:
		problem.Type, problem.Title, problem.Status = everhook.ProblemRunAborted, "The run did not end in time",
			http.StatusRequestTimeout
	case everhook.Cancelled:
		problem.Type, problem.Title, problem.Status = everhook.ProblemRunCancelled, "The run was cancelled",
			http.StatusServiceUnavailable
	default:
		problem.Type, problem.Title, problem.Status = everhook.ProblemRunFailed, "The run failed",
			http.StatusInternalServerError
	}
	if outcome.Error != nil {
		problem.Node = outcome.Error.Node
	}
	return everhook.Answer{Status: problem.Status, Problem: problem, Ended: outcome.Status}
}
