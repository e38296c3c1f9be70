package everhook

import (
	"encoding/json"
	"fmt"
	"time"
)

// Step is one execution of one node in a run, in the form that the step log keeps.
type Step struct {
	// Number counts the run's steps from 1, in the order in which they began.
	Number int `json:"number"`
	// Node is the node's key, Kind its kind, Title its name for people (may be empty).
	Node  string `json:"node"`
	Kind  string `json:"kind"`
	Title string `json:"title,omitempty"`
	// Iteration is the step's position in its loops, for example "items[3].lines[0]"; empty outside loops.
	Iteration string `json:"iteration,omitempty"`
	// Status is Pending until the step ends.
	Status Status `json:"status"`
	// Started and Ended are times of the run's clock. Ended is nil while the step is pending.
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	// Attempts counts the attempts of an effect; 0 for nodes without an effect.
	Attempts int `json:"attempts,omitempty"`
	// Config holds the evaluated fields by their JSON pointer in the node's config; a secret is shown as its reference.
	Config Mapping `json:"config,omitempty"`
	// Subflow is the run that the step started: "<flow key>/<run ID>"; empty if it started none.
	Subflow string `json:"subflow,omitempty"`
	// Result is the value of nodes.<key>; nil if there is none.
	Result *Value `json:"result,omitempty"`
	// Error is set if the step did not resolve.
	Error *Error `json:"error,omitempty"`
	// Lines are the messages that the step wrote, for example by console.log in a script. One that tells of a likely
	// mistake begins with StepWarning.
	Lines []string `json:"lines,omitempty"`
	// Retrying is set while a failed effect is retried. The step log does not keep it: readers of a run add it.
	Retrying *Retrying `json:"retrying,omitempty"`
}

// StepWarning is the start of a line in the step log that tells of a likely mistake in the flow.
const StepWarning = "warning: "

// Retrying describes an effect that has failed, or has lost its worker, and is tried again.
type Retrying struct {
	// Attempt is the number of the current or next attempt. Of is the number of attempts that the effect has. An
	// attempt whose worker was lost does not count.
	Attempt int `json:"attempt"`
	Of      int `json:"of"`
	// LastError is the error of the attempt before.
	LastError string `json:"lastError"`
	// Next is when the attempt begins; nil if it is running.
	Next *time.Time `json:"next,omitempty"`
}

// Describe is a text for people, for example "attempt 4 of 8, last: 500 Internal Server Error, next in 12 s".
func (r *Retrying) Describe(now time.Time) string { return r.Progress() + ", " + r.Due(now) }

// Progress is the part of Describe that does not depend on the time.
func (r *Retrying) Progress() string {
	text := fmt.Sprintf("attempt %d", r.Attempt)
	if r.Of > 0 {
		text += fmt.Sprintf(" of %d", r.Of)
	}
	if r.LastError != "" {
		text += ", last: " + r.LastError
	}
	return text
}

// Due says when the attempt begins: "running", "next in 12 s" or "next now".
func (r *Retrying) Due(now time.Time) string {
	switch {
	case r.Next == nil:
		return "running"
	case r.Next.After(now):
		return "next in " + waitText(r.Next.Sub(now))
	default:
		return "next now"
	}
}

// waitText rounds a wait up to whole seconds.
func waitText(d time.Duration) string {
	seconds := int((d + time.Second - 1) / time.Second)
	if seconds < 120 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
}

// Limits of a step log.
const (
	// MaxLoggedSteps is the number of steps that a log keeps, in addition to the first and last of each node. All
	// steps are counted.
	MaxLoggedSteps = 1000
	// MaxLoggedValue is the size of one value in bytes; a larger value is replaced by a text that says so.
	MaxLoggedValue = 16 << 10
	// MaxLoggedRun is the size of a whole log in bytes.
	MaxLoggedRun = 1 << 20
	// MaxLoggedLines is the number of lines that a log keeps of one step.
	MaxLoggedLines = 100
)

// Execution names one Temporal workflow execution.
type Execution struct {
	// WorkflowID and RunID are those of Temporal.
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// HandedOver names the first execution of a chain that continues a loop. Each execution of the chain was continued as
// the next one.
type HandedOver struct {
	// Step is the number of the loop's step.
	Step int `json:"step"`
	Execution
}

// StepPage is a part of a step log.
type StepPage struct {
	// Steps of this page, in the order of their numbers.
	Steps []Step `json:"steps"`
	// Next is the number to ask for next; 0 when this is the last page.
	Next int `json:"next,omitempty"`
	// Total counts all steps of the run, including those that the log did not keep.
	Total int `json:"total"`
	// HandedOver are the executions that have the steps of handed-over loops.
	HandedOver []HandedOver `json:"handedOver,omitempty"`
}

// Outcome is the state of a run: how it ended, or that it is pending. The close event of a run contains it.
type Outcome struct {
	// Status is Pending while the run goes on.
	Status Status `json:"status"`
	// Output is the value that an output node set; nil if none did.
	Output *Value `json:"output,omitempty"`
	// Answer is the answer of a response node; nil if there was none.
	Answer *Answer `json:"answer,omitempty"`
	// AnswerDiffers is set if the run came to another answer than its caller got before. That is a defect.
	AnswerDiffers bool `json:"answerDiffers,omitempty"`
	// Error is set if the run ended unresolved.
	Error *Error `json:"error,omitempty"`
}

// UnmarshalJSON distinguishes a null output from a missing one.
func (o *Outcome) UnmarshalJSON(data []byte) error {
	type fields Outcome
	read := struct {
		*fields
		Output json.RawMessage `json:"output"`
	}{fields: (*fields)(o)}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	var err error
	o.Output, err = presentValue(read.Output)
	return err
}
