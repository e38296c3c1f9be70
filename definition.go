package everhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
)

// Definition is the content of a flow: a trigger and a graph of nodes. Its JSON has the same form as the flow file.
// A definition is immutable.
type Definition struct {
	// Key identifies the flow in all its versions: [a-z0-9][a-z0-9-]{0,62}.
	Key string `json:"key"`
	// Title is the flow's name for people. Default: the key.
	Title string `json:"title,omitempty"`
	// Description says what the flow is for; markdown.
	Description string `json:"description,omitempty"`
	// Mode says whether the caller waits for the flow's answer (sync) or not (async).
	Mode Mode `json:"mode"`
	// Trigger says what starts a run.
	Trigger Trigger `json:"trigger"`
	// Options are limits of a run.
	Options Options `json:"options,omitzero"`
	// Defaults are fields for all nodes of a kind: `timeout`, `retry` and `onError` of the node, and fields of its
	// config. A field of the node itself replaces the default as a whole.
	Defaults map[string]Mapping `json:"defaults,omitempty"`
	// Nodes run one after the other.
	Nodes []Node `json:"nodes,omitempty"`
	// OnFailure are nodes that run after a run has ended failed, error, aborted or rejected, for at most ten minutes.
	// They do not change the status of the run. A response among them answers a caller who has no answer yet.
	OnFailure []Node `json:"onFailure,omitempty"`
}

// Mode is sync or async.
type Mode string

// A sync flow holds its caller until a response node answers. An async flow answers at once, as its trigger says.
const (
	Sync  Mode = "sync"
	Async Mode = "async"
)

// Trigger says what starts runs. Config is the rest of the trigger block; its kind defines the fields.
type Trigger struct {
	Type   string
	Config Mapping
}

// MarshalJSON writes the block as in the file: type beside the fields of the kind.
func (t Trigger) MarshalJSON() ([]byte, error) {
	block := make(map[string]any, len(t.Config)+1)
	for name, v := range t.Config {
		block[name] = v
	}
	block["type"] = t.Type
	return EncodeJSON(block)
}

// UnmarshalJSON reads the form that MarshalJSON writes.
func (t *Trigger) UnmarshalJSON(data []byte) error {
	var block Mapping
	if err := block.UnmarshalJSON(data); err != nil {
		return err
	}
	t.Type, _ = block["type"].(string)
	delete(block, "type")
	t.Config = block
	return nil
}

// Options are limits of a run.
type Options struct {
	// Wait is how long the caller of a sync flow is held before it gets a 202. At most 5m. If the
	// trigger has a signature preset, the default is the time that its provider waits.
	Wait Duration `json:"wait,omitempty" default:"30s"`
	// OnWait is the status that the caller gets after this time: 202 with the address of the answer, or 504 for
	// senders that take 202 for a success. The run continues in both cases.
	OnWait int `json:"onWait,omitempty" default:"202"`
	// Timeout is the longest time for a run, counted from the receipt of its delivery, for a retry from its start.
	// After it the run ends aborted. 0 is no timeout.
	Timeout Duration `json:"timeout,omitempty" default:"0"`
	// DeleteOn are the statuses of runs that are deleted an hour after their end, with all their values: resolved,
	// failed, error, aborted, cancelled, rejected. Counters stay. A run whose delivery had a dedupe key is kept for the
	// retention, because duplicates get its answer. The enabled version decides for the runs of all versions. Default:
	// every run is kept for the retention.
	DeleteOn []Status `json:"deleteOn,omitempty"`
}

// OnError says what happens when a node fails, errs or is rejected.
type OnError string

const (
	// OnErrorFail passes the status on to the parent node. The default.
	OnErrorFail OnError = "fail"
	// OnErrorContinue goes on with the next node.
	OnErrorContinue OnError = "continue"
	// OnErrorBranch runs the node's branch "error", then goes on with the next node.
	OnErrorBranch OnError = "branch"
)

// ErrorBranch is the reserved name of the branch that OnErrorBranch runs.
const ErrorBranch = "error"

// Node is one instance of a kind in a flow.
type Node struct {
	// Key names the node in expressions: [a-zA-Z_][a-zA-Z0-9_]*, unique in the flow.
	Key string `json:"key"`
	// Type is the node's kind.
	Type string `json:"type"`
	// Title is the node's name for people. Default: the key.
	Title string `json:"title,omitempty"`
	// Config holds the fields that the kind defines.
	Config Mapping `json:"config,omitempty"`
	// Branches are lists of nodes below this one, in the order of the file.
	Branches Branches `json:"branches,omitempty"`
	// OnError says what happens when the node fails, errs or is rejected.
	OnError OnError `json:"onError,omitempty" default:"fail"`
	// Timeout bounds one attempt of a kind with effects. The default is the kind's.
	Timeout Duration `json:"timeout,omitempty"`
	// Retry says how an effect is tried again. The default is the kind's.
	Retry *Retry `json:"retry,omitempty"`
}

// Name is the title, or the key if there is no title.
func (n *Node) Name() string {
	if n.Title != "" {
		return n.Title
	}
	return n.Key
}

// Name is the title, or the key if there is no title.
func (d *Definition) Name() string {
	if d.Title != "" {
		return d.Title
	}
	return d.Key
}

// Retry says how often and when an effect is tried again.
type Retry struct {
	// MaxAttempts counts all attempts, including the first: 1 to 100.
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// InitialInterval is the pause before the second attempt.
	InitialInterval Duration `json:"initialInterval,omitempty" default:"1s"`
	// Backoff multiplies the pause after each attempt: 1 to 10.
	Backoff float64 `json:"backoff,omitempty" default:"2"`
	// MaxInterval limits the pause.
	MaxInterval Duration `json:"maxInterval,omitempty" default:"1m"`
	// MaxRetryAfter limits the pause that another system asks for with Retry-After: if it asks for more, the node
	// fails. At most 24h.
	MaxRetryAfter Duration `json:"maxRetryAfter,omitempty" default:"10m"`
	// On lists what is tried again, instead of the kind's own list: connect, timeout, HTTP statuses as 503, 5xx or
	// 500-504, and default for the kind's own list: `[default, 5xx]` adds to it.
	On []RetryCause `json:"on,omitempty" single:"true"`
	// Never lists what is not tried again, whatever `on` or the kind's own list say.
	Never []RetryCause `json:"never,omitempty" single:"true"`
}

// RetryCause is what an effect is tried again on: "connect", "timeout", HTTP statuses ("503", "5xx", "500-504"), or
// "default", the kind's own list.
type RetryCause string

// UnmarshalText takes any text; by having it, a file may write a status as a number.
func (c *RetryCause) UnmarshalText(text []byte) error {
	*c = RetryCause(text)
	return nil
}

// Branch is a named list of nodes below a node.
type Branch struct {
	Name  string
	Nodes []Node
}

// Branches is a mapping of branch name to nodes that keeps its order.
type Branches []Branch

// Get gives the nodes of a branch and whether there is one of that name.
func (b Branches) Get(name string) ([]Node, bool) {
	for _, branch := range b {
		if branch.Name == name {
			return branch.Nodes, true
		}
	}
	return nil, false
}

// MarshalJSON writes an object in the order of the branches.
func (b Branches) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, branch := range b {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := EncodeJSON(branch.Name)
		if err != nil {
			return nil, err
		}
		nodes, err := EncodeJSON(branch.Nodes)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), nodes...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads an object and keeps its order.
func (b *Branches) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("branches must be a mapping of names to lists of nodes")
	}
	*b = nil
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		var nodes []Node
		if err := decoder.Decode(&nodes); err != nil {
			return err
		}
		*b = append(*b, Branch{Name: token.(string), Nodes: nodes})
	}
	return nil
}

var (
	flowKey  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	nodeKey  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	tokenExp = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)
)

// IsFlowKey reports whether text can be a flow's key.
func IsFlowKey(text string) bool { return flowKey.MatchString(text) }

// IsNodeKey reports whether text can be a node's key, or the name of a branch or case.
func IsNodeKey(text string) bool { return nodeKey.MatchString(text) && len(text) <= 64 }

// IsToken reports whether text can be the secret part of a webhook URL.
func IsToken(text string) bool { return tokenExp.MatchString(text) }

// Version is one immutable content of a flow, with its number.
type Version struct {
	// Number counts a flow's versions from 1.
	Number int
	// Hash is the hash of the definition.
	Hash string
	// Definition is the content.
	Definition *Definition
}

// Hash is the SHA-256 of the definition's JSON, in hexadecimal.
func (d *Definition) Hash() (string, error) {
	data, err := EncodeJSON(d)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
