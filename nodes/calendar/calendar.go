package calendar

import (
	"errors"
	"math"
	"time"
)

// Unit is a unit of the calendar or the clock.
type Unit string

const (
	Millisecond Unit = "millisecond"
	Second      Unit = "second"
	Minute      Unit = "minute"
	Hour        Unit = "hour"
	Day         Unit = "day"
	Weekday     Unit = "weekday"
	Week        Unit = "week"
	Month       Unit = "month"
	Quarter     Unit = "quarter"
	Year        Unit = "year"
)

// What the units are made of.
var (
	clockUnits = map[Unit]time.Duration{Millisecond: time.Millisecond, Second: time.Second,
		Minute: time.Minute, Hour: time.Hour}
	dayUnits   = map[Unit]int{Day: 1, Week: 7}
	monthUnits = map[Unit]int{Month: 1, Quarter: 3, Year: 12}
)

// clock is the length of a unit that always lasts the same; 0 for those of the calendar.
func (u Unit) Clock() time.Duration { return clockUnits[u] }

// days and months are the length of a unit of the calendar: one of them is 0.
func (u Unit) Days() int   { return dayUnits[u] }
func (u Unit) Months() int { return monthUnits[u] }

// size is the length of a unit in milliseconds, of a month and longer in months.
func (u Unit) Size() float64 {
	if length := u.Clock(); length > 0 {
		return float64(length / time.Millisecond)
	}
	return float64(u.Days())*24*3600e3 + float64(u.Months())
}

// tenThousandYears bounds moves, in milliseconds: further away there is no time that can be written, and sums of it are
// exact.
const tenThousandYears = 10_000 * 366 * 24 * 3600e3

// shift moves a time by so many units, by whole ones if they are of the calendar. Those keep the time of day; days that
// a month does not have become its last.
func Shift(t time.Time, amount float64, unit Unit) (time.Time, error) {
	length := unit.Clock()
	if length == 0 {
		return shiftCalendar(t, amount, unit)
	}
	milliseconds := math.Round(amount * float64(length/time.Millisecond))
	if !(math.Abs(milliseconds) <= tenThousandYears) {
		return time.Time{}, ErrYears
	}
	// A time.Duration ends after 292 years.
	whole, rest := int64(milliseconds)/1000, int64(milliseconds)%1000
	return Within(time.Unix(t.Unix()+whole,
		int64(t.Nanosecond())).Add(time.Duration(rest) * time.Millisecond).In(t.Location()))
}

func shiftCalendar(t time.Time, amount float64, unit Unit) (time.Time, error) {
	if !(math.Abs(amount)*float64(unit.Days()+28*unit.Months()) <= tenThousandYears/24/3600e3) {
		return time.Time{}, ErrYears
	}
	n := int(amount)
	if n == 0 {
		return t, nil
	}
	return Within(atWall(shiftWall(wallOf(t), n, unit), t.Location(), offsetOf(t)))
}

// shiftWall moves what clocks show by units of the calendar.
func shiftWall(wall time.Time, n int, unit Unit) time.Time {
	if days := unit.Days(); days > 0 {
		return wall.AddDate(0, 0, n*days)
	}
	first := wall.AddDate(0, n*unit.Months(), 1-wall.Day())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(wall.Day(), last)-1)
}

// wallOf is what clocks in the zone of t show, as a time in UTC.
func wallOf(t time.Time) time.Time {
	return time.Unix(t.Unix()+int64(offsetOf(t)), int64(t.Nanosecond())).UTC()
}

// atWall is the time at which clocks in the zone show wall. If they show it twice, it is the time with the preferred
// offset, else the first time. If they skip it, it is later by the skipped span, as in java.time and in ECMAScript's
// Temporal.
func atWall(wall time.Time, zone *time.Location, preferred int) time.Time {
	before := offsetBefore(wall, zone)
	for _, offset := range []int{preferred, before, offsetOf(wall.AddDate(0, 0, 1).In(zone))} {
		if t := withOffset(wall, zone, offset); offsetOf(t) == offset {
			return t
		}
	}
	return withOffset(wall, zone, before)
}

// firstAtWall is the first time at which clocks in the zone show wall.
func firstAtWall(wall time.Time, zone *time.Location) time.Time {
	return atWall(wall, zone, offsetBefore(wall, zone))
}

// offsetBefore is the offset a day before clocks show wall: before a change of the clocks on that day.
func offsetBefore(wall time.Time, zone *time.Location) int {
	return offsetOf(wall.AddDate(0, 0, -1).In(zone))
}

func withOffset(wall time.Time, zone *time.Location, offset int) time.Time {
	return wall.Add(-time.Duration(offset) * time.Second).In(zone)
}

func offsetOf(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

// startOf is the first moment of the unit that t is in.
func StartOf(t time.Time, unit Unit) time.Time {
	wall := startOfWall(wallOf(t), unit)
	if unit.Clock() > 0 {
		return shown(wall, atWall(wall, t.Location(), offsetOf(t)))
	}
	return shown(wall, firstAtWall(wall, t.Location()))
}

// shown is t, or where clocks skip wall, the first moment at which they show a later time.
func shown(wall, t time.Time) time.Time {
	if !wallOf(t).Equal(wall) {
		t, _ = t.ZoneBounds()
	}
	return t
}

func startOfWall(wall time.Time, unit Unit) time.Time {
	if length := unit.Clock(); length > 0 {
		return wall.Truncate(length)
	}
	year, month, day := wall.Date()
	switch unit {
	case Week:
		day -= WeekdayOf(wall) - 1
	case Month:
		day = 1
	case Quarter:
		month, day = time.Month(QuarterOf(wall)*3-2), 1
	case Year:
		month, day = time.January, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// endOf is the last millisecond of the unit that t is in.
func EndOf(t time.Time, unit Unit) time.Time {
	start := startOfWall(wallOf(t), unit)
	length := unit.Clock()
	if length == 0 {
		wall := shiftWall(start, 1, unit)
		next := firstAtWall(wall, t.Location())
		// Where clocks go back over the end of the unit, it comes once more.
		if !next.After(t) {
			next = atWall(wall, t.Location(), offsetOf(t))
		}
		return shown(wall, next).Add(-time.Millisecond)
	}
	next := shown(start.Add(length), atWall(start.Add(length), t.Location(), offsetOf(t)))
	// Where clocks go back within the hour, it is over when it has lasted an hour.
	if early := StartOf(t, unit).Add(length); early.After(t) && early.Before(next) {
		next = early
	}
	return next.Add(-time.Millisecond)
}

// difference is how many units a is later than b. Units of the calendar are counted in the zone of a, as shift moves:
// the whole ones from the earlier time, and of the last one the part that has passed.
func Difference(a, b time.Time, unit Unit) float64 {
	if length := unit.Clock(); length > 0 {
		return float64(a.UnixMilli()-b.UnixMilli()) / float64(length/time.Millisecond)
	}
	if b = b.In(a.Location()); a.Before(b) {
		return -units(a, b, unit)
	}
	return units(b, a, unit)
}

// units counts the units of the calendar from one time to a later one.
func units(from, to time.Time, unit Unit) float64 {
	wall := wallOf(from)
	moved := func(n int) time.Time {
		if n == 0 {
			return from
		}
		return atWall(shiftWall(wall, n, unit), from.Location(), offsetOf(from))
	}
	whole := max(0, roughUnits(wall, wallOf(to), unit))
	for whole > 0 && moved(whole).After(to) {
		whole--
	}
	for !moved(whole + 1).After(to) {
		whole++
	}
	start, end := moved(whole), moved(whole+1)
	return float64(whole) + float64(to.UnixMilli()-start.UnixMilli())/float64(end.UnixMilli()-start.UnixMilli())
}

// roughUnits is at most a few units off.
func roughUnits(from, to time.Time, unit Unit) int {
	if days := unit.Days(); days > 0 {
		return int((to.Unix() - from.Unix()) / (24 * 3600) / int64(days))
	}
	return ((to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())) / unit.Months()
}

// weekday is 1 on Monday to 7 on Sunday (ISO 8601).
func WeekdayOf(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func QuarterOf(t time.Time) int { return (int(t.Month())-1)/3 + 1 }

// ErrYears is for times that RFC 3339 cannot write.
var ErrYears = errors.New("the time is outside the years 0 to 9999")

func Within(t time.Time) (time.Time, error) {
	if year := t.UTC().Year(); year < 0 || year > 9999 || t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, ErrYears
	}
	return t, nil
}
