package everhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strings"
	"time"
)

// RunID identifies a run everywhere: 26 characters of lower-case base32 (RFC 4648, 128 bits).
type RunID string

var (
	runIDEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	runIDExp      = regexp.MustCompile(`^[a-z2-7]{26}$`)
)

// NewRunID makes a random one that nobody can guess.
func NewRunID() RunID {
	var bits [16]byte
	rand.Read(bits[:])
	return RunID(runIDEncoding.EncodeToString(bits[:]))
}

// DerivedRunID is the run ID of a dedupe key: HMAC-SHA256 under the flow's own secret, cut to 128 bits. Every receiver
// computes the same one.
func DerivedRunID(flowSecret []byte, dedupeKey string) RunID {
	mac := hmac.New(sha256.New, flowSecret)
	mac.Write([]byte(dedupeKey))
	return RunID(runIDEncoding.EncodeToString(mac.Sum(nil)[:16]))
}

// ParseRunID reports whether text is a run ID.
func ParseRunID(text string) (RunID, bool) { return RunID(text), runIDExp.MatchString(text) }

// WorkflowID is the Temporal workflow ID of a run: "<flow key>/<run ID>".
func WorkflowID(flow string, run RunID) string { return flow + "/" + string(run) }

// ParseWorkflowID reads what WorkflowID makes.
func ParseWorkflowID(id string) (flow string, run RunID, ok bool) {
	flow, text, found := strings.Cut(id, "/")
	run, valid := ParseRunID(text)
	return flow, run, found && valid && IsFlowKey(flow)
}

// Delivery is one accepted call of a trigger, as plain data.
type Delivery struct {
	// ID tells this delivery from every other, its duplicates included.
	ID string `json:"id,omitempty"`
	// RunID is the run that it starts, or that its duplicate has started.
	RunID RunID `json:"runId"`
	// ReceivedAt is when the receiver had read it.
	ReceivedAt time.Time `json:"receivedAt"`
	// Trigger is what expressions see as "trigger": for a webhook headers, query, body, id, receivedAt.
	Trigger Mapping `json:"trigger"`
	// Digest is the SHA-256 of the raw body, in hexadecimal.
	Digest string `json:"digest,omitempty"`
	// DedupeKey is what duplicates have in common; empty without deduplication.
	DedupeKey string `json:"dedupeKey,omitempty"`
	// Duplicates says what becomes of duplicates; nil: the run ID is random, and there are none.
	Duplicates *DuplicatePolicy `json:"-"`
}

// DuplicatePolicy says what becomes of a delivery whose dedupe key another one had before.
type DuplicatePolicy struct {
	// Rerun starts the run again when it ended failed, error or aborted without an answer of the flow's own; else its
	// failure is the answer.
	Rerun bool
	// SamePayload refuses a delivery with the same key and another body.
	SamePayload bool
}
