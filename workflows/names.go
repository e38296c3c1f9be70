// Package workflows interprets flows on Temporal: one workflow type walks the definition that it was started with. It also holds the client
// side: starting runs, waiting for their answers, and reading how they stand.
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
	// AnswerUpdate is the update that gives a run's Answer once there is one, and its constant ID: a repeat gets the same one.
	AnswerUpdate = "answer"
	// StepsQuery gives a StepPage, from the step number of its argument.
	StepsQuery = "everhook.steps"
	// OutcomeQuery gives the Outcome.
	OutcomeQuery = "everhook.outcome"
)

// Level is the engine level of this release: how its interpreter behaves where replay could tell. A run keeps the level it was started with.
const Level = 1

// TaskQueue is the task queue of runs of a level. A worker polls those up to its own level, so that it never sees a newer run.
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

// SearchAttributes are all of them, to be registered before runs are started with them.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{AttributeRun, AttributeFlow, AttributeVersion, AttributeStatus, AttributeTrigger, AttributeWaiting}
}

// Memo keys of runs: what lists show when search attributes cannot be registered.
const (
	MemoFlow    = "everhook.flow"
	MemoVersion = "everhook.version"
	MemoTitle   = "everhook.title"
	// MemoDelivery, MemoDigest and MemoKey are those of the delivery that started the run, with deduplication.
	MemoDelivery = "everhook.delivery"
	MemoDigest   = "everhook.digest"
	MemoKey      = "everhook.dedupeKey"
)

// Budget of one execution: histories and cold replays stay small.
const (
	maxEvents = 4000
	maxSteps  = 50_000
	// maxStretch is how many units of evaluation may pass before the workflow task is broken, far below the second after which Temporal's
	// deadlock detector fires.
	maxStretch = 200_000
	// stepUnits is what a step costs besides its expressions.
	stepUnits = 20
	// maxInFlight bounds the effects that an execution waits for at once; Temporal's own limit is 2,000.
	maxInFlight = 1000
	// maxMessage bounds the message of an error that a run keeps.
	maxMessage = 4000
)

// What an effect adds to the history, with the workflow task that follows it.
const (
	eventsOfActivity = 6
	eventsOfTimer    = 5
	// eventsOfLocalActivity is its marker; it needs no workflow task of its own.
	eventsOfLocalActivity = 1
)
