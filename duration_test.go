package everhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestSpansOfTime(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, " 1d12h ": 36 * time.Hour, "250ms": 250 * time.Millisecond,
		"1.5h": 90 * time.Minute, "2w": 14 * day, "1us": time.Microsecond, "1µs": time.Microsecond,
		"1h1h": 2 * time.Hour, "0s": 0, "P3D": 3 * day, "P1W": 7 * day, "P1DT12H": 36 * time.Hour,
		"PT1.5S": 1500 * time.Millisecond, "PT0S": 0, "P0.5D": 12 * time.Hour,
		"3660d": 3660 * day, "3659d23h59m59.999999999s": 3660*day - 1, "0.1ns": 0,
	} {
		got, err := everhook.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Std(), text)
	}
}

func TestWhatIsNoSpanSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"5":      "5 has no unit; write 5s for seconds or 5ms for milliseconds",
		"1.5":    "1.5 has no unit; write 1.5s for seconds or 1.5ms for milliseconds",
		"":       `"" is not a duration; write for example 30s, 1d12h or P3D`,
		"-5s":    `"-5s" is not a duration; write for example 30s, 1d12h or P3D`,
		"nan":    `"nan" is not a duration; write for example 30s, 1d12h or P3D`,
		"1e3":    `"1e3" is not a duration; write for example 30s, 1d12h or P3D`,
		"P":      `"P" is not a duration; write for example 30s, 1d12h or P3D`,
		"P1DT":   `"P1DT" is not a duration; write for example 30s, 1d12h or P3D`,
		"1 hour": `"1 hour" is not a duration; write for example 30s, 1d12h or P3D`,
		"P1M": `"P1M" uses years or months, whose length varies; write days, for example P30D ` +
			`or 30d`,
		"P1Y2D": `"P1Y2D" uses years or months, whose length varies; write days, for example ` +
			`P30D or 30d`,
		"3661d":                    "3661d is longer than ten years",
		"99999999999999999999999h": "99999999999999999999999h is longer than ten years",
		"3660d1ns":                 "3660d1ns is longer than ten years",
		"3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d3660d": "3660d3660d3660d3660d3660d3660d3660d3660d… is longer than ten years",
	} {
		_, err := everhook.ParseDuration(text)
		require.EqualError(t, err, want, text)
	}
}

func TestSpansAreWrittenInISO8601(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"PT0S": 0, "P1D": 24 * time.Hour, "P1DT12H": 36 * time.Hour, "PT0.25S": 250 * time.Millisecond,
		"PT1M": time.Minute, "-PT1S": -time.Second, "PT1H1.000000001S": time.Hour + time.Second + 1,
		"-P106751DT23H47M16.854775808S": -1 << 63,
	} {
		require.Equal(t, want, everhook.Duration(d).String())
	}
	text, err := everhook.Duration(time.Minute).MarshalText()
	require.NoError(t, err)
	var d everhook.Duration
	require.NoError(t, d.UnmarshalText(text))
	require.Equal(t, time.Minute, d.Std())
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"1d12h", "P3D", "PT1.5S", "0", "3660d", "3659d1ns", "5", "P1M", "1.999999999s",
		"0.5w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := everhook.ParseDuration(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, d, everhook.Duration(0))
		require.LessOrEqual(t, d, everhook.MaxDuration)
		again, err := everhook.ParseDuration(d.String())
		require.NoError(t, err, d.String())
		require.Equal(t, d, again)
	})
}
