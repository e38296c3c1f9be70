package activities

import (
	"context"
	"math"
	"time"
)

// Pauses are the pauses of a node between its attempts. Temporal gets a policy with one short pause, because a lost
// worker is not a failure of the effect: its attempt is repeated soon, however often that happens. After attempts that
// reported a failure, the frame in package effect asks Temporal for these pauses.
type Pauses struct {
	// Initial is the pause after the first failure. It grows by the factor Backoff with each one, up to Max.
	Initial time.Duration `json:"initial"`
	Backoff float64       `json:"backoff"`
	Max     time.Duration `json:"max"`
}

// After returns the pause after that many failures, at least one.
func (p Pauses) After(failures int) time.Duration {
	pause := float64(p.Initial) * math.Pow(p.Backoff, float64(failures-1))
	if p.Max > 0 && pause > float64(p.Max) {
		return p.Max
	}
	return time.Duration(pause)
}

// LostPause is the pause before an attempt that replaces one whose worker was lost.
const LostPause = 100 * time.Millisecond

// PausesHeader is the header of an activity that has its Pauses.
const PausesHeader = "everhook-pauses"

type pausesKey struct{}

// WithPauses passes the pauses of the node to the frame of an effect. Without them, Temporal's retry policy applies.
func WithPauses(ctx context.Context, pauses Pauses) context.Context {
	return context.WithValue(ctx, pausesKey{}, pauses)
}

// PausesOf returns the pauses of the node. It returns false if there are none.
func PausesOf(ctx context.Context) (Pauses, bool) {
	pauses, ok := ctx.Value(pausesKey{}).(Pauses)
	return pauses, ok
}
