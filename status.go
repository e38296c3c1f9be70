package everhook

import "fmt"

// Status tells how a step or a run stands. The texts are stored in search attributes and step logs: they are never
// edited.
type Status string

const (
	// Queued is a run that no worker has picked up yet.
	Queued Status = "queued"
	// Pending is a step or run that is running or waiting.
	Pending Status = "pending"
	// Resolved is the only success.
	Resolved Status = "resolved"
	// Failed tells that a business condition is not met: rejected on false, no case matched, an unexpected HTTP status.
	Failed Status = "failed"
	// Errored tells that something broke: an expression, a connection after all retries, a limit.
	Errored Status = "error"
	// Aborted tells that the run's timeout expired, or its parent's.
	Aborted Status = "aborted"
	// Cancelled tells that an operator cancelled the run, or that a branch lost a race.
	Cancelled Status = "cancelled"
	// Rejected tells that a person said no, or an end node with "rejected".
	Rejected Status = "rejected"
)

// Statuses lists every status, in the order of the documentation.
var Statuses = []Status{Queued, Pending, Resolved, Failed, Errored, Aborted, Cancelled, Rejected}

// Number is the status in exports and imports. Queued shares 0 with Pending: it is told for one run only and never
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

// Ended reports whether nothing more will happen.
func (s Status) Ended() bool { return s.Number() != 0 }

// Catchable reports whether onError applies: failures of the work itself, never an end that came from outside it.
func (s Status) Catchable() bool { return s == Failed || s == Errored || s == Rejected }

// ParseStatus accepts exactly the texts of the constants.
func ParseStatus(text string) (Status, error) {
	for _, s := range Statuses {
		if string(s) == text {
			return s, nil
		}
	}
	return "", fmt.Errorf("unknown status %q", text)
}
