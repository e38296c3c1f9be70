package nodes

import (
	"errors"
	"math"
	"time"
)

// dateUnit is a unit of the calendar or the clock.
type dateUnit string

const (
	unitMillisecond dateUnit = "millisecond"
	unitSecond      dateUnit = "second"
	unitMinute      dateUnit = "minute"
	unitHour        dateUnit = "hour"
	unitDay         dateUnit = "day"
	unitWeekday     dateUnit = "weekday"
	unitWeek        dateUnit = "week"
	unitMonth       dateUnit = "month"
	unitQuarter     dateUnit = "quarter"
	unitYear        dateUnit = "year"
)

// What the units are made of.
var (
	clockUnits = map[dateUnit]time.Duration{unitMillisecond: time.Millisecond, unitSecond: time.Second,
		unitMinute: time.Minute, unitHour: time.Hour}
	dayUnits   = map[dateUnit]int{unitDay: 1, unitWeek: 7}
	monthUnits = map[dateUnit]int{unitMonth: 1, unitQuarter: 3, unitYear: 12}
)

// clock is the length of a unit that always lasts the same; 0 for those of the calendar.
func (u dateUnit) clock() time.Duration { return clockUnits[u] }

// days and months are the length of a unit of the calendar: one of them is 0.
func (u dateUnit) days() int   { return dayUnits[u] }
func (u dateUnit) months() int { return monthUnits[u] }

// tenThousandYears bounds moves, in milliseconds: further away there is no time that can be written, and sums of it are
// exact.
const tenThousandYears = 10_000 * 366 * 24 * 3600e3

// shift moves a time by so many units, by whole ones if they are of the calendar. Those keep the time of day; days that
// a month does not have become its last.
func shift(t time.Time, amount float64, unit dateUnit) (time.Time, error) {
	length := unit.clock()
	if length == 0 {
		return shiftCalendar(t, amount, unit)
	}
	milliseconds := math.Round(amount * float64(length/time.Millisecond))
	if !(math.Abs(milliseconds) <= tenThousandYears) {
		return time.Time{}, errYears
	}
	// A time.Duration ends after 292 years.
	whole, rest := int64(milliseconds)/1000, int64(milliseconds)%1000
	return withinYears(time.Unix(t.Unix()+whole,
		int64(t.Nanosecond())).Add(time.Duration(rest) * time.Millisecond).In(t.Location()))
}

func shiftCalendar(t time.Time, amount float64, unit dateUnit) (time.Time, error) {
	if !(math.Abs(amount)*float64(unit.days()+28*unit.months()) <= tenThousandYears/24/3600e3) {
		return time.Time{}, errYears
	}
	n := int(amount)
	if n == 0 {
		return t, nil
	}
	return withinYears(atWall(shiftWall(wallOf(t), n, unit), t.Location(), offsetOf(t)))
}

// shiftWall moves what clocks show by units of the calendar.
func shiftWall(wall time.Time, n int, unit dateUnit) time.Time {
	if days := unit.days(); days > 0 {
		return wall.AddDate(0, 0, n*days)
	}
	first := wall.AddDate(0, n*unit.months(), 1-wall.Day())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(wall.Day(), last)-1)
}

// wallOf is what clocks in the zone of t show, as a time in UTC.
func wallOf(t time.Time) time.Time {
	return time.Unix(t.Unix()+int64(offsetOf(t)), int64(t.Nanosecond())).UTC()
}

// atWall is the time at which clocks in the zone show wall. Where they show it twice it is the time with the preferred
// offset, else the first; where they skip it, it is later by what they skip: as in java.time and in ECMAScript's
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
func startOf(t time.Time, unit dateUnit) time.Time {
	wall := startOfWall(wallOf(t), unit)
	if unit.clock() > 0 {
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

func startOfWall(wall time.Time, unit dateUnit) time.Time {
	if length := unit.clock(); length > 0 {
		return wall.Truncate(length)
	}
	year, month, day := wall.Date()
	switch unit {
	case unitWeek:
		day -= weekday(wall) - 1
	case unitMonth:
		day = 1
	case unitQuarter:
		month, day = time.Month(quarter(wall)*3-2), 1
	case unitYear:
		month, day = time.January, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// endOf is the last millisecond of the unit that t is in.
func endOf(t time.Time, unit dateUnit) time.Time {
	start := startOfWall(wallOf(t), unit)
	length := unit.clock()
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
	if early := startOf(t, unit).Add(length); early.After(t) && early.Before(next) {
		next = early
	}
	return next.Add(-time.Millisecond)
}

// difference is how many units a is later than b. Units of the calendar are counted in the zone of a, as shift moves:
// the whole ones from the earlier time, and of the last one the part that has passed.
func difference(a, b time.Time, unit dateUnit) float64 {
	if length := unit.clock(); length > 0 {
		return float64(a.UnixMilli()-b.UnixMilli()) / float64(length/time.Millisecond)
	}
	if b = b.In(a.Location()); a.Before(b) {
		return -units(a, b, unit)
	}
	return units(b, a, unit)
}

// units counts the units of the calendar from one time to a later one.
func units(from, to time.Time, unit dateUnit) float64 {
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
func roughUnits(from, to time.Time, unit dateUnit) int {
	if days := unit.days(); days > 0 {
		return int((to.Unix() - from.Unix()) / (24 * 3600) / int64(days))
	}
	return ((to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())) / unit.months()
}

// weekday is 1 on Monday to 7 on Sunday (ISO 8601).
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func quarter(t time.Time) int { return (int(t.Month())-1)/3 + 1 }

// errYears is for times that RFC 3339 cannot write.
var errYears = errors.New("the time is outside the years 0 to 9999")

func withinYears(t time.Time) (time.Time, error) {
	if year := t.UTC().Year(); year < 0 || year > 9999 || t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, errYears
	}
	return t, nil
}
