package inbox

import (
	"time"

	"github.com/everhook/everhook"
)

// Claim says which delivery of a dedupe key is first.
type Claim struct {
	// Delivery is the delivery that has the run, Digest is that of its body.
	Delivery, Digest string
	State            State
	// Expires is when the claim counts no longer. A claim that waits does not expire.
	Expires time.Time
}

// State is that of a claim.
type State int

// States. They are stored.
const (
	// Tentative: the run is being started directly; a process that was killed leaves it in this state.
	Tentative State = 1
	// Waiting: the entry waits in the box.
	Waiting State = 2
	// Settled: the run is durable.
	Settled State = 3
)

// Verdict is what becomes of an entry.
type Verdict int

const (
	// Proceed: the entry can be started directly. The starter finds out whether it is a duplicate.
	Proceed Verdict = iota + 1
	// Stored: the entry is in the box.
	Stored
	// StoredDuplicate: it is in the box, although another delivery came first: the run of that may not be durable, or
	// may have to be run again.
	StoredDuplicate
	// Duplicate: another delivery has the run, and nothing is to be done.
	Duplicate
	// Reused: another delivery had the same key and another body.
	Reused
	// Elsewhere: another delivery has the run, or has had it. Only Temporal can tell. Nothing was stored.
	Elsewhere
	// Unknown: only Temporal can tell whether the key was used with another body. Nothing was stored.
	Unknown
)

// decide says what becomes of an entry whose run has a claim; nil: it has none. The returned claim replaces it unless
// it is nil. Direct is set on the direct way.
func decide(earlier *Claim, e *Entry, direct bool, now, expires time.Time) (Verdict, *Claim) {
	claimed := &Claim{Delivery: e.Delivery, Digest: e.Digest, State: Waiting, Expires: expires}
	if direct {
		claimed.State = Tentative
	}
	if earlier == nil || earlier.Delivery == e.Delivery || earlier.State != Waiting && !earlier.Expires.After(now) {
		if direct {
			return Proceed, claimed
		}
		return Stored, claimed
	}
	differs := e.Duplicates.SamePayload && earlier.Digest != e.Digest
	switch {
	case earlier.State == Waiting && !differs:
		return Duplicate, nil
	case earlier.State != Tentative && differs:
		return Reused, nil
	case direct:
		return Proceed, nil
	case e.OnlyFirst:
		return Elsewhere, nil
	case differs:
		return Unknown, nil
	case earlier.State == Tentative || e.Duplicates.Rerun:
		return StoredDuplicate, claimed
	default:
		return Duplicate, nil
	}
}

// errReused is the error of a delivery whose dedupe key was used with another body.
func errReused() error {
	return everhook.Failuref(everhook.TypeKeyReused,
		"this key came before with another body; a new event needs a new key")
}
