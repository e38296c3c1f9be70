package calendar_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes/calendar"
	"github.com/everhook/everhook/nodes/expression"
)

// dateZones change their clocks by an hour, by half an hour, at midnight, by a whole day, or never.
var dateZones = []string{"UTC", "Europe/Zurich", "America/Sao_Paulo", "Australia/Lord_Howe", "America/Havana",
	"Pacific/Apia", "Asia/Kolkata", "Africa/Casablanca", "Asia/Kathmandu"}

var (
	clockUnits    = []calendar.Unit{"millisecond", "second", "minute", "hour"}
	calendarUnits = []calendar.Unit{"day", "week", "month", "quarter", "year"}
)

// wallOf is what clocks show at a time, as a time in UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func offsetOf(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

// eachTime calls check with many times, half of them within a day of a change of clocks.
func eachTime(t *testing.T, check func(random *rand.Rand, at time.Time)) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range dateZones {
		zone, err := expression.Zone(name)
		require.NoError(t, err)
		for i := range 600 {
			at := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, random.IntN(36500)).In(zone)
			if _, end := at.ZoneBounds(); i%2 == 0 && !end.IsZero() {
				at = end.Add(-24 * time.Hour).In(zone)
			}
			check(random, at.Add(time.Duration(random.IntN(48*3600e3))*time.Millisecond))
		}
	}
}

func TestMovingForthAndBackByTheClockIsNoMove(t *testing.T) {
	t.Parallel()
	eachTime(t, func(random *rand.Rand, at time.Time) {
		for _, unit := range clockUnits {
			amount := float64(random.IntN(10_000_000))
			moved, err := calendar.Shift(at, amount, unit)
			require.NoError(t, err)
			require.Equal(t, amount, calendar.Difference(moved, at, unit), "%s by %v %s", at, amount, unit)
			back, err := calendar.Shift(moved, -amount, unit)
			require.NoError(t, err)
			require.True(t, back.Equal(at), "%s by %v %s and back is %s", at, amount, unit, back)
			require.Equal(t, at.Location(), back.Location())
		}
	})
}

func TestMovingByTheCalendarKeepsTheTimeOfDayAndClampsTheDay(t *testing.T) {
	t.Parallel()
	eachTime(t, func(random *rand.Rand, at time.Time) {
		at = at.UTC()
		for _, unit := range calendarUnits {
			n := random.IntN(100)
			moved, err := calendar.Shift(at, float64(n), unit)
			require.NoError(t, err)
			require.Equal(t, at.Format("15:04:05.000"), moved.Format("15:04:05.000"))
			require.Equal(t, float64(n), calendar.Difference(moved, at, unit), "%s by %d %s", at, n, unit)
			back, err := calendar.Shift(moved, -float64(n), unit)
			require.NoError(t, err)
			if unit.Days() > 0 || moved.Day() == at.Day() {
				require.True(t, back.Equal(at), "%s by %d %s and back is %s", at, n, unit, back)
			} else {
				require.Equal(t, 1, moved.AddDate(0, 0, 1).Day(), "a clamped day is the last of its month")
				require.Less(t, moved.Day(), at.Day())
			}
		}
	})
}

func TestMovingByDaysInAZoneKeepsTheTimeOfDayUnlessClocksSkipIt(t *testing.T) {
	t.Parallel()
	eachTime(t, func(random *rand.Rand, at time.Time) {
		n := random.IntN(800) - 400
		moved, err := calendar.Shift(at, float64(n), "day")
		require.NoError(t, err)
		want := wallOf(at).AddDate(0, 0, n)
		if wall := wallOf(moved); !wall.Equal(want) {
			require.True(t, wall.After(want))
			earlier := want.Add(-time.Duration(offsetOf(moved)) * time.Second).In(at.Location())
			require.NotEqual(t, offsetOf(moved), offsetOf(earlier), "%s exists: %s by %d days is %s", want,
				at, n, moved)
		}
	})
}

func TestATimeIsWithinTheUnitThatItIsIn(t *testing.T) {
	t.Parallel()
	eachTime(t, func(_ *rand.Rand, at time.Time) {
		for _, unit := range append(clockUnits[1:len(clockUnits):len(clockUnits)], calendarUnits...) {
			start, end := calendar.StartOf(at, unit), calendar.EndOf(at, unit)
			require.False(t, start.After(at), "the %s of %s starts %s", unit, at, start)
			require.False(t, end.Before(at), "the %s of %s ends %s", unit, at, end)
			if unit.Clock() > 0 {
				continue
			}
			require.True(t, calendar.StartOf(start, unit).Equal(start), "the %s of %s starts %s", unit, at, start)
			require.True(t, calendar.StartOf(end, unit).Equal(start), "the %s of %s ends %s", unit, at, end)
			require.True(t, calendar.EndOf(start, unit).Equal(end), "the %s of %s starts %s", unit, at, start)
			next := end.Add(time.Millisecond)
			require.True(t, calendar.StartOf(next, unit).Equal(next), "after the %s of %s comes %s", unit, at, next)
		}
	})
}

func TestUnitsBeginAndEndAroundChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone, at   string
		unit       calendar.Unit
		start, end string
	}{
		// 02:45 is followed by 03:45.
		{"Pacific/Chatham", "2020-09-27T03:50:00+13:45", "hour", "2020-09-27T03:45:00+13:45",
			"2020-09-27T03:59:59.999+13:45"},
		{"Pacific/Chatham", "2020-09-27T02:10:00+12:45", "hour", "2020-09-27T02:00:00+12:45",
			"2020-09-27T02:44:59.999+12:45"},
		// 23:30 is followed by 00:30.
		{"America/Toronto", "1919-03-31T12:00:00-04:00", "day", "1919-03-31T00:30:00-04:00",
			"1919-03-31T23:59:59.999-04:00"},
		{"America/Toronto", "1919-03-30T12:00:00-05:00", "day", "1919-03-30T00:00:00-05:00",
			"1919-03-30T23:29:59.999-05:00"},
		// 00:01 is followed by 23:01.
		{"America/St_Johns", "2006-10-28T23:30:00-03:30", "day", "2006-10-28T00:00:00-02:30",
			"2006-10-28T23:59:59.999-03:30"},
	} {
		zone, err := expression.Zone(test.zone)
		require.NoError(t, err)
		at, err := time.Parse(time.RFC3339, test.at)
		require.NoError(t, err)
		require.Equal(t, test.start, calendar.StartOf(at.In(zone), test.unit).Format(time.RFC3339Nano), test.at)
		require.Equal(t, test.end, calendar.EndOf(at.In(zone), test.unit).Format(time.RFC3339Nano), test.at)
	}
}

func TestTheDifferenceTurnsItsSignWithItsTimes(t *testing.T) {
	t.Parallel()
	var before time.Time
	eachTime(t, func(_ *rand.Rand, at time.Time) {
		for _, unit := range append(clockUnits[:len(clockUnits):len(clockUnits)], calendarUnits...) {
			in := before.In(at.Location())
			forth, back := calendar.Difference(at, in, unit), calendar.Difference(in, at, unit)
			require.Equal(t, forth, -back, "%s and %s in %s", at, before, unit)
			require.Equal(t, at.After(before), forth > 0)
		}
		before = at
	})
}

func FuzzALayout(f *testing.F) {
	for _, seed := range []string{"YYYY-MM-DDTHH:mm:ss.SSSZ", "[Am] DD.MM.", "[open", "hh", "Größe", "\xff", ""} {
		f.Add(seed)
	}
	at := time.Date(2026, 8, 9, 10, 11, 12, 345e6, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		var layout calendar.Layout
		if layout.UnmarshalText([]byte(text)) != nil {
			return
		}
		written := layout.Format(at)
		require.Equal(t, written, layout.Format(at))
		require.LessOrEqual(t, len(written), 6*len(text))
		if read, err := layout.Parse(written, time.UTC); err == nil {
			require.LessOrEqual(t, read.Year(), 9999)
		}
		_, _ = layout.Parse(text, time.UTC)
	})
}

func TestALayoutReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	layouts := []string{"YYYY-MM-DDTHH:mm:ss.SSSSSSZ", "dddd, D MMMM YYYY h:mm:ss.SSSSSS a ZZ",
		"M/D/YYYY H:m:s[.]SSSSSS [UTC]Z", "YYYYMMDDHHmmssSSSSSSZ", "[the] DD. MMM YYYY, hh:mm:ss SSSSSS A Z"}
	eachTime(t, func(_ *rand.Rand, at time.Time) {
		at = at.Truncate(time.Microsecond)
		if _, offset := at.Zone(); at.Year() < 0 || at.Year() > 9999 || offset%60 != 0 {
			return
		}
		for _, text := range layouts {
			layout, err := calendar.ParseLayout(text)
			require.NoError(t, err)
			read, err := layout.Parse(layout.Format(at), time.UTC)
			require.NoError(t, err, layout.Format(at))
			require.True(t, at.Equal(read), "%s, as %s", at, layout.Format(at))
		}
	})
}

func TestTextThatDoesNotHaveTheLayout(t *testing.T) {
	t.Parallel()
	zurich, err := time.LoadLocation("Europe/Zurich")
	require.NoError(t, err)
	for _, c := range []struct{ layout, text, want string }{
		{"YYYY-MM-DD", "2023-04-11", "2023-04-11T00:00:00+02:00"},
		{"DD.MM.YY HH:mm", "01.02.68 23:59", "2068-02-01T23:59:00+01:00"},
		{"h A", "12 AM", "0000-01-01T00:00:00+00:34"},
		{"h a", "12 PM", "0000-01-01T12:00:00+00:34"},
		{"YYYY-MM-DD[T]HH:mm:ssZ", "2023-04-11T14:30:00+0200", "2023-04-11T14:30:00+02:00"},
		{"YYYY-MM-DD HH:mm:ss.SSS Z", "2023-04-11 14:30:00.5 Z", "2023-04-11T14:30:00.5Z"},
		{"D MMM YYYY", "1 FEB 2024", "2024-02-01T00:00:00+01:00"},
		{"YYYY-MM-DD", "2023-4-11", `where the layout has MM, the text has "4-11"`},
		{"YYYY-MM-DD", "2023-02-29", "there is no such time: month 2, day 29"},
		{"YYYY-MM-DD", "2023-13-01", "there is no such time: month 13"},
		{"YYYY-MM-DD", "2023-04-11T10:00", `the layout ends before "T10:00"`},
		{"HH:mm", "24:00", "there is no such time"},
		{"h A", "13 PM", "there is no hour 13 of twelve"},
		{"Z", "+25:00", `where the layout has Z, the text has "+25:00"`},
		{"MMM", "Mär", `where the layout has MMM, the text has "Mär"`},
		{"[at] HH", "HH", `where the layout has at, the text has "HH"`},
		{"YYYY", "", `where the layout has YYYY, the text has ""`},
	} {
		layout, err := calendar.ParseLayout(c.layout)
		require.NoError(t, err)
		read, err := layout.Parse(c.text, zurich)
		if err != nil {
			require.ErrorContains(t, err, c.want, c.text)
			continue
		}
		require.Equal(t, c.want, read.Format(time.RFC3339Nano)[:len(c.want)], "%s %s", c.layout, c.text)
	}
}

func TestALayoutThatIsNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2006-01-02":                `is a layout of Go; write "YYYY-MM-DD"`,
		"2006-01-02T15:04:05Z07:00": `is a layout of Go; write "YYYY-MM-DDTHH:mm:ssZ"`,
		"Mon, 2 Jan 2006 3:04PM":    `is a layout of Go; write "ddd, D MMM YYYY h:mmA"`,
		"yyyy-MM-dd":                "did you mean YYYY?",
		"%Y-%m-%d":                  "did you mean YYYY?",
		"EEE":                       "did you mean ddd?",
		"YYYY [of":                  "is not closed",
		"at HH":                     `"t" is none of`,
		"--":                        "has no part of a time",
		"[2006]":                    "has no part of a time",
		"":                          "a layout has 1 to 200 bytes",
	} {
		_, err := calendar.ParseLayout(text)
		require.ErrorContains(t, err, want, text)
	}
}
