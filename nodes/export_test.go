package nodes

import "time"

// What the tests of calendar arithmetic see of it.
var (
	Shift, Difference, StartOf, EndOf = shift, difference, startOf, endOf
	WallOf, WithOffset, OffsetOf      = wallOf, withOffset, offsetOf
)

type (
	DateUnit   = dateUnit
	DateLayout = dateLayout
)

// IsOfClock reports whether a unit always lasts the same, IsOfDays whether it is made of days.
func IsOfClock(u DateUnit) bool { return u.clock() > 0 }
func IsOfDays(u DateUnit) bool  { return u.days() > 0 }

// FormatDate writes a time in a layout.
func FormatDate(l DateLayout, t time.Time) string { return l.format(t) }
