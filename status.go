package everhook

import "fmt"

// Status is the state of a step or a run. Search attributes and step logs store the texts, so they are never edited.
type Status string

const (
	// Queued: no worker has picked up the run yet.
	Queued Status = "queued"
	// Pending: the step or run is running or waiting.
	Pending Status = "pending"
	// Resolved: success. All other final statuses are failures.
	Resolved Status = "resolved"
	// Failed: a business condition is not met, for example reject on false, no case matched, an unexpected HTTP status.
	Failed Status = "failed"
	// Errored: something broke, for example an expression, a connection after all retries, a limit.
	Errored Status = "error"
	// Aborted: the timeout of the run or of its parent expired.
	Aborted Status = "aborted"
	// Cancelled: an operator cancelled the run, or the branch lost a race.
	Cancelled Status = "cancelled"
	// Rejected: a person rejected, or an end node says "rejected".
	Rejected Status = "rejected"
)

// Statuses lists every status, in the order of the documentation.
var Statuses = []Status{Queued, Pending, Resolved, Failed, Errored, Aborted, Cancelled, Rejected}

// Number is the number of the status in exports and imports. Queued has the number of Pending, because it is never
// exported.
func (s Status) Number() int {
	switch s {
	case Resolved:
		return 1
	case Failed:
		return -1
	case Errored:
		return -2
	case Aborted:
		return -3
	case Cancelled:
		return -4
	case Rejected:
		return -5
	default:
		return 0
	}
}

// Ended reports whether the status is final.
func (s Status) Ended() bool { return s.Number() != 0 }

// Catchable reports whether onError applies. It applies to failures of the work itself, not to an abort or a cancel.
func (s Status) Catchable() bool { return s == Failed || s == Errored || s == Rejected }

// ParseStatus reads the text of a status.
func ParseStatus(text string) (Status, error) {
	for _, s := range Statuses {
		if string(s) == text {
			return s, nil
		}
	}
	return "", fmt.Errorf("unknown status %q", text)
}
