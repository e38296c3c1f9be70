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
	// Env are the settings that the flow refers to, with their values at the start of the run.
	Env map[string]string `json:"env,omitempty"`
	// Resume makes the URLs that resume the run; nil for a flow without waits for calls.
	Resume *everhook.Resume `json:"resume,omitempty"`
	// Attributes is set when the namespace has the search attributes: setting others would block the run.
	Attributes bool `json:"searchAttributes,omitempty"`
	// Budget bounds an execution; above it, its loops continue in another one.
	Budget Budget `json:"budget,omitzero"`
	// Origin is the run that the delivery started, if this run is a retry of it, over all retries; else empty.
	Origin everhook.RunID `json:"origin,omitempty"`
	// From is the point at which a retry begins; nil means the beginning.
	From *RetryPoint `json:"from,omitempty"`
	// Depth counts the runs in the chain of calls above this one; 0: it is not a subflow.
	Depth int `json:"depth,omitempty"`
	// Descendants is the number of runs of other flows that this one may start, directly and through the flows that it
	// calls. Nil means MaxDescendants.
	Descendants *int `json:"descendants,omitempty"`
	// InFlight bounds the effects and called runs that the run waits for at the same time; 0 stands for 1,000.
	InFlight int `json:"inFlight,omitempty"`
	// MaxPayload bounds one value that the run passes to Temporal, in bytes as JSON: MaxStoredPayload if large values
	// are kept outside of histories. Every bound up to 1.5 MiB, including 0, means 1.5 MiB.
	MaxPayload int `json:"maxPayload,omitempty"`
	// Early is the answer that the caller has already; nil for a run that answers itself.
	Early *Early `json:"early,omitempty"`
}

// engine is what the engine sees of the input.
func (s *Start) engine() engine.Start {
	return engine.Start{Version: s.Version, Delivery: s.Delivery, Env: s.Env, Resume: s.Resume, Origin: s.Origin,
		From: s.From, Budget: engine.Budget{Steps: s.Budget.Steps, Units: s.Budget.Units}}
}

// First returns the run that the delivery started: this run, or the original of its retries.
func (s *Start) First() everhook.RunID {
	if s.Origin != "" {
		return s.Origin
	}
	return s.Delivery.RunID
}

// Budget bounds one execution; above it, its loops continue in another one. A field of 0 means the engine's own bound.
type Budget struct {
	Steps  int `json:"steps,omitempty"`
	Events int `json:"events,omitempty"`
	Units  int `json:"units,omitempty"`
}

func (b Budget) events() int { return cmp.Or(b.Events, budgetEvents) }

// RetryPoint is the point at which a retry begins, with the values before it.
type RetryPoint = engine.RetryPoint

// MaxDescendants is the number of runs that one run may start, directly and through the flows that it calls.
const MaxDescendants = 100_000
