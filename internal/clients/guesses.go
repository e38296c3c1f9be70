package clients

import (
	"net/netip"
	"time"
)

// How many wrong credentials a client may show: some at once, because people mistype, and then one every six seconds.
const (
	guessesAtOnce    = 10
	guessesPerSecond = 10.0 / 60
)

// Guesses slows the guessing of credentials. A client that has shown too many wrong ones is not listened to for a while,
// so that it can't learn whether a further one is right. It is safe for concurrent use.
type Guesses struct{ meter *Meter[guess] }

// guess is a client, and what it asks for: wrong credentials for one flow do not shut a client out of another.
type guess struct {
	client netip.Addr
	target string
}

// NewGuesses makes one.
func NewGuesses() *Guesses { return &Guesses{NewMeter[guess](guessesPerSecond, guessesAtOnce)} }

// Wait gives the time for which the client's credentials for a target are not looked at; 0: they are.
func (g *Guesses) Wait(address netip.Addr, target string, now time.Time) time.Duration {
	return g.meter.Wait(guess{Of(address), target}, now)
}

// Wrong counts wrong credentials of a client for a target.
func (g *Guesses) Wrong(address netip.Addr, target string, now time.Time) {
	g.meter.Count(guess{Of(address), target}, now)
}
