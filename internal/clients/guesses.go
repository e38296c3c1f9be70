package clients

import (
	"net/netip"
	"time"
)

// Limits of wrong credentials: a few at once, because users mistype, and then one every six seconds.
const (
	GuessesAtOnce    = 10
	guessesPerSecond = 10.0 / 60
)

// Guesses slows the guessing of credentials. After too many wrong ones, the credentials of a client are not checked for
// a while, so that it cannot learn whether another one is right. It is safe for concurrent use.
type Guesses struct{ meter *Meter[guess] }

// guess is a client and its target: wrong credentials for one flow do not block the client for another.
type guess struct {
	client netip.Addr
	target string
}

// NewGuesses returns one that allows so many wrong credentials at once, after a quiet time.
func NewGuesses(atOnce int) *Guesses { return &Guesses{NewMeter[guess](guessesPerSecond, atOnce)} }

// Wait returns the time for which the client's credentials for a target are not checked; 0 if they are.
func (g *Guesses) Wait(address netip.Addr, target string, now time.Time) time.Duration {
	return g.meter.Wait(guess{Of(address), target}, now)
}

// Wrong counts wrong credentials of a client for a target.
func (g *Guesses) Wrong(address netip.Addr, target string, now time.Time) {
	g.meter.Count(guess{Of(address), target}, now)
}
