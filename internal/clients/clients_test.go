package clients

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAClientIsAnAddressOrANetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::", "2001:db8:1:3::1": "2001:db8:1:3::", "fe80::1%eth0": "fe80::",
	} {
		require.Equal(t, want, Of(netip.MustParseAddr(address)).String(), address)
	}
	require.Equal(t, netip.Addr{}, Of(netip.Addr{}))
}

func TestAMeterAllowsABurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	m := NewMeter[string](10, 3)
	now := m.epoch.Add(time.Hour)
	for range 3 {
		require.Zero(t, m.Wait("a", now))
		require.Zero(t, m.Take("a", now))
	}
	require.Equal(t, 100*time.Millisecond, m.Take("a", now))
	require.Equal(t, 100*time.Millisecond, m.Wait("a", now), "what is refused is not counted")
	require.Zero(t, m.Take("b", now), "another key has its own rate")
	now = now.Add(99 * time.Millisecond)
	require.Equal(t, time.Millisecond, m.Take("a", now))
	now = now.Add(time.Millisecond)
	require.Zero(t, m.Take("a", now))
	require.Equal(t, 100*time.Millisecond, m.Take("a", now))
	now = now.Add(time.Hour)
	for range 3 {
		require.Zero(t, m.Take("a", now), "a quiet time allows no more than a burst")
	}
	require.NotZero(t, m.Take("a", now))
}

func TestAMeterOfOneEventAtOnce(t *testing.T) {
	t.Parallel()
	m := NewMeter[string](0.5, 0)
	require.Zero(t, m.Take("a", m.epoch))
	require.Equal(t, 2*time.Second, m.Take("a", m.epoch))
}

func TestCountedEventsUseTheRate(t *testing.T) {
	t.Parallel()
	m := NewMeter[string](1, 2)
	m.Count("a", m.epoch)
	require.Zero(t, m.Wait("a", m.epoch))
	m.Count("a", m.epoch)
	require.Equal(t, time.Second, m.Wait("a", m.epoch))
	m.Count("a", m.epoch)
	require.Equal(t, 2*time.Second, m.Wait("a", m.epoch), "counting goes beyond the rate")
}

func TestATableForgetsTheKeysSeenLongestAgo(t *testing.T) {
	t.Parallel()
	kept := table[int, string]{half: 10}
	for key := range 1000 {
		kept.set(key, fmt.Sprint(key))
		require.LessOrEqual(t, len(kept.recent)+len(kept.older), 20)
	}
	for key := 990; key < 1000; key++ {
		require.Equal(t, fmt.Sprint(key), kept.get(key))
	}
	require.Empty(t, kept.get(0))
	for round := range 100 { // a key that is set again and again stays
		kept.set(7, "seven")
		kept.set(2000+round, "other")
		require.Equal(t, "seven", kept.get(7))
	}
}

func TestWrongCredentialsAreSlowed(t *testing.T) {
	t.Parallel()
	g := NewGuesses(GuessesAtOnce)
	now := time.Now()
	client, neighbour := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:0:1::1")
	for range GuessesAtOnce {
		require.Zero(t, g.Wait(client, "flow", now))
		g.Wrong(client, "flow", now)
	}
	require.Positive(t, g.Wait(client, "flow", now))
	require.Positive(t, g.Wait(netip.MustParseAddr("2001:db8::2"), "flow", now), "the same network")
	require.Zero(t, g.Wait(neighbour, "flow", now))
	require.Zero(t, g.Wait(client, "other", now))
	require.Zero(t, g.Wait(client, "flow", now.Add(6*time.Second)))
}
