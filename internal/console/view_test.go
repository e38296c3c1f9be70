package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAgesAndDurationsReadAsPeopleSayThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 30, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration][2]string{
		-time.Minute:                  {"just now", "< 1 ms"}, // the clock is ahead
		0:                             {"just now", "< 1 ms"},
		1500 * time.Microsecond:       {"just now", "1 ms"},
		999 * time.Millisecond:        {"just now", "999 ms"},
		1340 * time.Millisecond:       {"just now", "1.3 s"},
		59 * time.Second:              {"59 s ago", "59.0 s"},
		61 * time.Second:              {"1 min ago", "1 min 1 s"},
		59*time.Minute + time.Second:  {"59 min ago", "59 min 1 s"},
		3*time.Hour + 20*time.Minute:  {"3 h ago", "3 h 20 min"},
		49*time.Hour + 59*time.Minute: {"2 d ago", "2 d 1 h"},
	} {
		ended := now.Add(d)
		require.Equal(t, want[0], ago(now.Add(-d), now), d)
		require.Equal(t, want[1], took(now, &ended, now), d)
	}
	require.Equal(t, "1.0 s so far", took(now, nil, now.Add(time.Second)))
}

func TestTimesForMachinesAreUTC(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-07-30T10:00:00Z", machine(time.Date(2026, 7, 30, 12, 0, 0, 0, time.FixedZone("", 2*60*60))))
}

func TestValuesReadWell(t *testing.T) {
	t.Parallel()
	require.Equal(t, "{\n  \"a\": \"<b>\"\n}", pretty(map[string]any{"a": "<b>"}))
	require.Contains(t, pretty(func() {}), "unsupported type")
}
