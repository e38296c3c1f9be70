package everhook

import (
	"crypto/hkdf"
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

// NewRunID makes a random run ID that can't be guessed.
func NewRunID() RunID {
	var bits [16]byte
	rand.Read(bits[:])
	return RunID(runIDEncoding.EncodeToString(bits[:]))
}

// DerivedRunID is the run ID of a dedupe key: HMAC-SHA256 with the flow's own secret, cut to 128 bits. Every receiver
// computes the same one.
func DerivedRunID(flowSecret []byte, dedupeKey string) RunID {
	mac := hmac.New(sha256.New, flowSecret)
	mac.Write([]byte(dedupeKey))
	return RunID(runIDEncoding.EncodeToString(mac.Sum(nil)[:16]))
}

// CallerRunID is DerivedRunID for a caller with a name: the same dedupe key has another run ID for each caller. The
// empty name gives that of DerivedRunID. The caller's secret is derived by HKDF, for the reason that NewResume gives.
func CallerRunID(flowSecret []byte, caller, dedupeKey string) RunID {
	if caller == "" {
		return DerivedRunID(flowSecret, dedupeKey)
	}
	secret, err := hkdf.Key(sha256.New, flowSecret, nil, "everhook caller "+caller, sha256.Size)
	if err != nil {
		panic(err) // only for lengths over 255 hashes
	}
	return DerivedRunID(secret, dedupeKey)
}

// ParseRunID reports whether text is a run ID.
func ParseRunID(text string) (RunID, bool) { return RunID(text), runIDExp.MatchString(text) }

// WorkflowID is the Temporal workflow ID of a run: "<flow key>/<run ID>".
func WorkflowID(flow string, run RunID) string { return flow + "/" + string(run) }

// ParseWorkflowID reads the form that WorkflowID makes.
func ParseWorkflowID(id string) (flow string, run RunID, ok bool) {
	flow, text, found := strings.Cut(id, "/")
	run, valid := ParseRunID(text)
	return flow, run, found && valid && IsFlowKey(flow)
}

// Delivery is one accepted call of a trigger, as plain data.
type Delivery struct {
	// ID is unique for each delivery; a duplicate has an ID of its own.
	ID string `json:"id,omitempty"`
	// RunID is the run that the delivery starts, or that an earlier delivery with the same dedupe key has started.
	RunID RunID `json:"runId"`
	// ReceivedAt is the time at which the receiver had read the call.
	ReceivedAt time.Time `json:"receivedAt"`
	// Trigger is the value of "trigger" in expressions: for a webhook headers, query, body, id, receivedAt.
	Trigger Mapping `json:"trigger"`
	// Digest is the SHA-256 of the raw body, in hexadecimal; of the raw query if the call is a GET.
	Digest string `json:"digest,omitempty"`
	// DedupeKey is the same for all duplicates; empty without deduplication.
	DedupeKey string `json:"dedupeKey,omitempty"`
	// Failure is the reason why it is not known whether the delivery should start a run: the run ends with it at once.
	// Nil for all others.
	Failure *Error `json:"failure,omitempty"`
	// Caller is the name of the caller whose dedupe key it is; empty: it has none.
	Caller string `json:"caller,omitempty"`
	// Actor is the ID of the person or program that started the run by the admin API; empty for all other runs.
	Actor string `json:"actor,omitempty"`
	// Duplicates says how duplicates are handled. Nil: the run ID is random, so there are no duplicates.
	Duplicates *DuplicatePolicy `json:"-"`
}

// DuplicatePolicy says how a delivery is handled whose dedupe key was used before.
type DuplicatePolicy struct {
	// Rerun starts the run again if it ended failed, error or aborted without an answer by the flow. Without Rerun
	// that failure is the answer.
	Rerun bool
	// SamePayload refuses a delivery with the same key and a different body.
	SamePayload bool
}
