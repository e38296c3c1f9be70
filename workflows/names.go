// Package workflows interprets flows on Temporal: one workflow type runs the definition in its input. The client side
// (starting, finding and retrying runs) is package internal/runs.
//
// Everything below Interpreter.Run is workflow code: it runs again on every replay and must then do the same.
package workflows

import (
	"strconv"

	"go.temporal.io/sdk/temporal"
)

// Names that Temporal stores. They are never edited, only added to.
const (
	// RunWorkflow is the workflow type of every run.
	RunWorkflow = "everhook.run"
	// LoopWorkflow is the workflow type of executions that continue a loop of a run. They are not listed as runs.
	LoopWorkflow = "everhook.loop"
	// AnswerSignal sends a run the Answer of a response in an execution that continues a loop.
	AnswerSignal = "everhook.answer"
	// WaitSignal asks the root to wait for a call on behalf of such an execution. CallSignal reports the end of the
	// wait.
	WaitSignal = "everhook.wait"
	CallSignal = "everhook.call"
	// AnswerUpdate is the update that returns a run's Answer once there is one, and its constant ID: a repeat gets the
	// same answer.
	AnswerUpdate = "answer"
	// ResumeUpdate delivers a ResumeCall to the waiting run, and returns the Answer of the first call of that wait. Its
	// ID is constant for a wait.
	ResumeUpdate = "everhook.resume"
	// StepsQuery returns a StepPage, from the step number of its argument.
	StepsQuery = "everhook.steps"
	// OutcomeQuery returns the Outcome.
	OutcomeQuery = "everhook.outcome"
	// ValuesQuery returns a RetryPoint: the values before the node of its argument began.
	ValuesQuery = "everhook.values"
	// AbortSignal reports to a subflow, or to an execution that continues a loop, that the run waiting for it is
	// aborted.
	AbortSignal = "everhook.abort"
)

// Engine levels. A release raises Level when the interpreter changes in a way that a replay could notice. A run keeps
// the level that it was started with, and the interpreter branches on it.
const (
	// Level is the engine level of this release.
	Level = 3
	// FirstLevel is the level of the first release. Runs of lower levels were started by builds from before it, and no
	// worker executes them.
	FirstLevel = 3
)

// TaskQueue is the task queue of the runs of one level. A worker polls the queues from FirstLevel up to its own level,
// so that it never sees a newer run.
func TaskQueue(level int) string { return "everhook/" + strconv.Itoa(level) }

// Search attributes of runs.
var (
	AttributeRun     = temporal.NewSearchAttributeKeyKeyword("EverhookRun")
	AttributeFlow    = temporal.NewSearchAttributeKeyKeyword("EverhookFlow")
	AttributeVersion = temporal.NewSearchAttributeKeyKeyword("EverhookVersion")
	AttributeStatus  = temporal.NewSearchAttributeKeyKeyword("EverhookStatus")
	AttributeTrigger = temporal.NewSearchAttributeKeyKeyword("EverhookTrigger")
	AttributeWaiting = temporal.NewSearchAttributeKeyKeywordList("EverhookWaiting")
)

// SearchAttributes returns all search attributes. They must be registered before runs are started with them.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{AttributeRun, AttributeFlow, AttributeVersion, AttributeStatus,
		AttributeTrigger, AttributeWaiting}
}

// Memo keys of runs: what lists show when search attributes cannot be registered.
const (
	MemoFlow    = "everhook.flow"
	MemoVersion = "everhook.version"
	MemoTitle   = "everhook.title"
	// MemoDelivery, MemoDigest and MemoKey describe the delivery that started the run, if it has a dedupe key.
	MemoDelivery = "everhook.delivery"
	MemoDigest   = "everhook.digest"
	MemoKey      = "everhook.dedupeKey"
	// MemoReplayOf is the delivery on record that a run repeats.
	MemoReplayOf = "everhook.replayOf"
	// MemoRetryOf is the run that a retry repeats, MemoRetryFrom the node at which it begins.
	MemoRetryOf   = "everhook.retryOf"
	MemoRetryFrom = "everhook.retryFrom"
	// MemoActor is the ID of the person or program that started the run by the admin API.
	MemoActor = "everhook.actor"
	// MemoCaller is the workflow ID of the run that called a subflow.
	MemoCaller = "everhook.caller"
)

const (
	// budgetEvents and budgetBytes are the length and the size of the history above which the loops of an execution
	// continue in another one, so that histories and cold replays stay small. Temporal ends a run at 50 MiB.
	budgetEvents = 4000
	budgetBytes  = 10 << 20
	// maxEvents is the limit of one execution, far above its budget. It ends a run that no loop could hand over in
	// time.
	maxEvents = 40_000
	// maxInFlight bounds the effects that an execution waits for at the same time. Temporal's own limit is 2,000.
	maxInFlight = 1000
	// maxPartItems bounds the items of a loop in one hand-over, in bytes as JSON.
	maxPartItems = 1 << 19
	// maxMessage bounds the message of an error that a run keeps.
	maxMessage = 4000
	// maxWorkflowID is slightly below Temporal's limit of a workflow ID.
	maxWorkflowID = 900
)

// Events that actions of the engine add to the history, including the workflow tasks that follow.
const (
	eventsOfActivity = 6
	eventsOfTimer    = 5
	// eventsOfUpdate are its acceptance, its completion and a workflow task.
	eventsOfUpdate = 5
	// eventsOfUpsert is the one of changed search attributes.
	eventsOfUpsert = 1
	// eventsOfLocalActivity is its marker; it needs no workflow task of its own.
	eventsOfLocalActivity = 1
	eventsOfChild         = 9
	eventsOfSignal        = 5
)
