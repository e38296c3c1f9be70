package everhook

import "errors"

// Errors about a run. Receiver, admin API and command line map them to their own replies.
var (
	// ErrNoRun: the run is unknown or has expired.
	ErrNoRun = errors.New("no such run")
	// ErrOverloaded: more runs are being started than Temporal and the workers keep up with. Nothing was started.
	ErrOverloaded = errors.New("too many runs are being started at once")
	// ErrRunEnded: the run has ended and takes no calls.
	ErrRunEnded = errors.New("the run has ended")
	// ErrWaitOver: the run goes on without a call.
	ErrWaitOver = errors.New("the wait is over")
	// ErrInboxFull: the run keeps as many early calls as it can.
	ErrInboxFull = errors.New("the run keeps too many calls that came early")
)

// Started is the result of starting a run. The run is durable.
type Started struct {
	// Answer is nil if the run has none yet, and for runs of async flows.
	Answer *Answer
	// Duplicate is set if an earlier delivery with the same dedupe key started the run.
	Duplicate bool
}

// ResumeCall is an admitted call of a resume URL. It is stored in histories.
type ResumeCall struct {
	// ID distinguishes the call from repeats.
	ID string `json:"id"`
	// Node and Iteration identify the wait that the call ends.
	Node      string `json:"node"`
	Iteration string `json:"iteration,omitempty"`
	// Data is the part of the call that the run sees: headers, query, body and receivedAt.
	Data Mapping `json:"data"`
	// Answer is the reply to the caller, and to the callers of all repeats.
	Answer Answer `json:"answer"`
}

// Resumed is the result of a ResumeCall that is kept.
type Resumed struct {
	// Answer is the answer to the first call of the wait.
	Answer Answer
	// Duplicate is set if the first call was another one.
	Duplicate bool
}
