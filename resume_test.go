package everhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

const waitingRun = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

func TestAResumeURLNamesRunNodeAndTicket(t *testing.T) {
	t.Parallel()
	resume := everhook.NewResume("https://hooks.example.org/api/webhook:resume/token", []byte("secret"), waitingRun)
	require.Equal(t, "https://hooks.example.org/api/webhook:resume/token/abcdefghijklmnopqrstuvwxyz/confirm?ticket="+
		resume.Ticket("confirm", ""), resume.URL(waitingRun, "confirm", ""))
	require.Equal(t, "https://hooks.example.org/api/webhook:resume/token/abcdefghijklmnopqrstuvwxyz/confirm?ticket="+
		resume.Ticket("confirm", "items[3].lines[0]")+"&iteration=items%5B3%5D.lines%5B0%5D",
		resume.URL(waitingRun, "confirm", "items[3].lines[0]"))
	require.Regexp(t, "^[a-z2-7]{26}$", resume.Ticket("confirm", ""))
}

func TestATicketIsThatOfOneWaitOfOneRun(t *testing.T) {
	t.Parallel()
	resume := everhook.NewResume("", []byte("secret"), waitingRun)
	ticket := resume.Ticket("confirm", "items[3]")
	require.True(t, everhook.NewResume("https://elsewhere.example", []byte("secret"), waitingRun).Admits(ticket,
		"confirm", "items[3]"))
	for name, other := range map[string]bool{
		"another node":      resume.Admits(ticket, "refuse", "items[3]"),
		"another iteration": resume.Admits(ticket, "confirm", "items[4]"),
		"none":              resume.Admits("", "confirm", "items[3]"),
		"a longer one":      resume.Admits(ticket+"a", "confirm", "items[3]"),
		"another run": everhook.NewResume("", []byte("secret"), "bbcdefghijklmnopqrstuvwxyz").Admits(ticket,
			"confirm", "items[3]"),
		"another flow": everhook.NewResume("", []byte("other"), waitingRun).Admits(ticket, "confirm", "items[3]"),
	} {
		require.False(t, other, name)
	}
}

// The caller of a flow chooses the dedupe key, and gets the run ID that is derived from it.
func TestNoDedupeKeyGivesTheKeyOfARun(t *testing.T) {
	t.Parallel()
	secret := []byte("secret")
	key := everhook.NewResume("", secret, waitingRun).Key
	for _, dedupe := range []string{"everhook resume " + string(waitingRun), "everhook resume " + string(waitingRun) +
		"\x01", "resume" + string(waitingRun), string(waitingRun)} {
		require.NotEqual(t, key, string(everhook.DerivedRunID(secret, dedupe)))
	}
}

func TestOuterLoopsOfAnIteration(t *testing.T) {
	t.Parallel()
	for loops, want := range []string{"", "items[3]", "items[3].lines[0]", "items[3].lines[0]"} {
		require.Equal(t, want, everhook.OuterIteration("items[3].lines[0]", loops))
	}
	require.Empty(t, everhook.OuterIteration("", 0))
}
