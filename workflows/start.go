package workflows

import (
	"cmp"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/engine"
)

// Start is the input of a run, besides its definition. It is stored in histories.
type Start struct {
	// Level is the engine level of the release that started the run.
	Level int `json:"level"`
	// Version is the number of the definition's version.
	Version int `json:"version"`
	// Delivery is the call that started the run.
	Delivery everhook.Delivery `json:"delivery"`
	// Env are the settings that the flow refers to, as they were when the run was started.
	Env map[string]string `json:"env,omitempty"`
	// Resume makes the URLs that resume the run; nil for a flow that waits for no call.
	Resume *everhook.Resume `json:"resume,omitempty"`
	// Attributes is set when the namespace has the search attributes: setting others would block the run.
	Attributes bool `json:"searchAttributes,omitempty"`
	// Budget is what an execution may use before its loops continue in another one.
	Budget Budget `json:"budget,omitzero"`
	// Origin is the run that this one is a retry of, over all retries; empty for one that a delivery started.
	Origin everhook.RunID `json:"origin,omitempty"`
	// From is where a retry goes on; nil: it begins at the beginning.
	From *RetryPoint `json:"from,omitempty"`
	// Depth counts the runs that called each other to start this one; 0: it is no subflow.
	Depth int `json:"depth,omitempty"`
	// Descendants is how many runs of other flows this one may start, directly and through the flows that it calls. Nil
	// stands for MaxDescendants.
	Descendants *int `json:"descendants,omitempty"`
	// MaxPayload bounds one value that the run hands to Temporal, in bytes as JSON: MaxStoredPayload if large values
	// are kept outside of histories. Every bound up to 1.5 MiB, 0 included, stands for 1.5 MiB.
	MaxPayload int `json:"maxPayload,omitempty"`
}

// First is the run that the delivery started: the run itself, or the first one that it is a retry of.
func (s *Start) First() everhook.RunID {
	if s.Origin != "" {
		return s.Origin
	}
	return s.Delivery.RunID
}

// Budget is what one execution may use before its loops continue in another one. A field that is 0 stands for the
// engine's own number.
type Budget struct {
	Steps  int `json:"steps,omitempty"`
	Events int `json:"events,omitempty"`
	Units  int `json:"units,omitempty"`
}

func (b Budget) events() int { return cmp.Or(b.Events, budgetEvents) }

// RetryPoint is where a retry begins.
type RetryPoint = engine.RetryPoint

// MaxDescendants is how many runs one run may start, directly and through the flows that it calls.
const MaxDescendants = 100_000
