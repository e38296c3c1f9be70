package everhook

import (
	"encoding/json"
	"time"
)

// Step is one execution of one node in a run, as the step log keeps it.
type Step struct {
	// Number counts the run's steps from 1, in the order in which they began.
	Number int `json:"number"`
	// Node is the node's key, Kind its kind, Title its name for people if it has one.
	Node  string `json:"node"`
	Kind  string `json:"kind"`
	Title string `json:"title,omitempty"`
	// Iteration is where in its loops the step stood, as "items[3].lines[0]"; empty outside loops.
	Iteration string `json:"iteration,omitempty"`
	// Status is Pending until the step ends.
	Status Status `json:"status"`
	// Started and Ended are by the run's clock. Ended is nil while the step is pending.
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	// Attempts counts the attempts of an effect; 0 for work without any.
	Attempts int `json:"attempts,omitempty"`
	// Config holds the evaluated fields by their JSON pointer in the node's config; a secret is shown as its reference.
	Config Mapping `json:"config,omitempty"`
	// Subflow is the run that the step started, as "<flow key>/<run ID>"; empty for kinds that start none.
	Subflow string `json:"subflow,omitempty"`
	// Result is what the step left behind; nil without any.
	Result *Value `json:"result,omitempty"`
	// Error is set when the step did not resolve.
	Error *Error `json:"error,omitempty"`
	// Lines are what the step had to say.
	Lines []string `json:"lines,omitempty"`
}

// Limits of a step log.
const (
	// MaxLoggedSteps is how many steps a log keeps, besides the first and last of each node. All steps are counted.
	MaxLoggedSteps = 1000
	// MaxLoggedValue is how many bytes of one value a log keeps; a larger one is replaced by a text that says so.
	MaxLoggedValue = 16 << 10
	// MaxLoggedRun is how many bytes of values a log keeps in all.
	MaxLoggedRun = 1 << 20
	// MaxLoggedLines is how many lines of a step a log keeps.
	MaxLoggedLines = 100
)

// Execution names one execution of Temporal's.
type Execution struct {
	// WorkflowID and RunID are Temporal's.
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// HandedOver tells of executions that went on with a loop: the first of a chain, in which each was continued as the
// next.
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
	// Total counts all steps of the run, those that the log did not keep included.
	Total int `json:"total"`
	// HandedOver are the executions that have the steps of loops that were handed over.
	HandedOver []HandedOver `json:"handedOver,omitempty"`
}

// Outcome is how a run stands, or how it ended. A run's close event carries it.
type Outcome struct {
	// Status is Pending while the run goes on.
	Status Status `json:"status"`
	// Output is what an output node set.
	Output *Value `json:"output,omitempty"`
	// Answer is what a response node answered; nil when none did.
	Answer *Answer `json:"answer,omitempty"`
	// Error is set when the run ended not resolved.
	Error *Error `json:"error,omitempty"`
}

// UnmarshalJSON tells an output that is null from one that is missing.
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
