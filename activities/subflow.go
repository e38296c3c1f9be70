package activities

import (
	"encoding/json"
	"time"

	"github.com/everhook/everhook"
)

// Bounds of loading a called flow. Temporal keeps the definition compressed.
const (
	// LoadTimeout bounds one attempt.
	LoadTimeout = 5 * time.Second
	// LoadAttempts counts all attempts. Only a store that does not answer is asked again.
	LoadAttempts = 5
	// LoadWithin bounds all attempts together.
	LoadWithin = 30 * time.Second
	// MaxSubflow bounds definition, settings and input of a subflow together, encoded: Temporal's own limit is 2 MiB.
	MaxSubflow = 1_900_000
)

// LoadSubflowInput names the called flow and its caller.
type LoadSubflowInput struct {
	// Flow is the key of the called flow.
	Flow string `json:"flow"`
	// Version is the number of the version; 0: the enabled one, or the latest if none is enabled.
	Version int `json:"version,omitempty"`
	// Input is the input of the called flow. It is checked against the schema of the flow's trigger.
	Input everhook.Value `json:"input"`
	// Run is the run ID that the subflow will have, Caller names the step that calls it, in markdown.
	Run    everhook.RunID `json:"run"`
	Caller string         `json:"caller"`
}

// LoadedSubflow is what a run of the called version needs to start. It holds no secret.
type LoadedSubflow struct {
	Definition json.RawMessage `json:"definition"`
	// Version is its number, Title the flow's name for people, Trigger the kind of its trigger.
	Version int    `json:"version"`
	Title   string `json:"title"`
	Trigger string `json:"trigger"`
	// Env are the settings that the flow refers to, as they are now.
	Env map[string]string `json:"env,omitempty"`
	// Resume makes the URLs that resume the run, if it waits for calls.
	Resume *everhook.Resume `json:"resume,omitempty"`
	// Calls is set if the flow calls other flows.
	Calls bool `json:"calls,omitempty"`
	// Details describe the call in the Temporal UI, in markdown.
	Details string `json:"details,omitempty"`
	// Skipped is set if the flow leaves out calls with this input: no run is to be started. Only Version is then set.
	Skipped bool `json:"skipped,omitempty"`
	// Failure is Delivery.Failure of the run.
	Failure *everhook.Error `json:"failure,omitempty"`
}
