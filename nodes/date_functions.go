package nodes

import (
	"fmt"
	"math"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/calendar"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// DateAdd moves a time forward.
type DateAdd struct{ dateMove }

// DateSubtract moves a time back.
type DateSubtract struct{ dateMove }

type dateMove struct {
	// Amount is the number of units. A negative number moves in the other direction. Days and longer units take whole
	// numbers only.
	Amount expression.Template[float64] `json:"amount" required:"true"`
	// Unit is the unit of the amount.
	Unit calendar.Unit `json:"unit" required:"true" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
}

func (f *dateMove) check(v *kind.Validation, pointer string) {
	amount, ok := f.Amount.Literal()
	if ok && f.Unit.Clock() == 0 && amount != math.Trunc(amount) {
		v.Error(pointer+"/amount", fmt.Sprintf("%v is not a whole number, and a %s cannot be divided", amount, f.Unit),
			"write a whole number, or use a smaller unit")
	}
}

func (f *dateMove) move(scope *expression.Scope, v any, direction float64) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	amount, err := f.Amount.Eval(scope)
	if err != nil {
		return nil, err
	}
	if f.Unit.Clock() == 0 && amount != math.Trunc(amount) {
		return nil, fmt.Errorf("%v is not a whole number, and a %s cannot be divided; use a smaller unit", amount,
			f.Unit)
	}
	return calendar.Shift(t, direction*amount, f.Unit)
}

func (f *DateAdd) apply(scope *expression.Scope, v any) (any, error) { return f.move(scope, v, 1) }
func (f *DateSubtract) apply(scope *expression.Scope, v any) (any, error) {
	return f.move(scope, v, -1)
}

// DateDiff compares a time with another one.
type DateDiff struct {
	// With is the other time.
	With expression.Template[any] `json:"with" required:"true"`
	// Unit is the unit of the result.
	Unit calendar.Unit `json:"unit" required:"true" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
	// Absolute leaves out the sign.
	Absolute bool `json:"absolute,omitempty" default:"false"`
	// Round says what happens to a fraction: none keeps it, nearest rounds it (halves away from zero), floor rounds
	// down, ceil rounds up, truncate rounds towards zero.
	Round calendar.Rounding `json:"round,omitempty" enum:"none,nearest,floor,ceil,truncate" default:"none"`
}

func (f *DateDiff) check(v *kind.Validation, pointer string) {
	if with, ok := f.With.Literal(); ok {
		if _, err := toTime(with); err != nil {
			v.Error(pointer+"/with", err.Error(), "")
		}
	}
}

func (f *DateDiff) apply(scope *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	v, err = f.With.Eval(scope)
	if err != nil {
		return nil, err
	}
	with, err := toTime(v)
	if err != nil {
		return nil, fmt.Errorf("with: %w", err)
	}
	n := calendar.Difference(t, with, f.Unit)
	if f.Absolute {
		n = math.Abs(n)
	}
	return f.Round.Round(n)
}

// DateGet takes a part of a time.
type DateGet struct {
	// Unit is the part: month is 1 to 12, week the ISO week, weekday 1 (Monday) to 7 (Sunday), day the day of the
	// month.
	Unit calendar.Unit `json:"unit" required:"true" enum:"year,quarter,month,week,weekday,day,hour,minute,second,millisecond"`
}

func (f *DateGet) apply(_ *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	switch f.Unit {
	case calendar.Year:
		return t.Year(), nil
	case calendar.Quarter:
		return calendar.QuarterOf(t), nil
	case calendar.Month:
		return int(t.Month()), nil
	case calendar.Week:
		_, week := t.ISOWeek()
		return week, nil
	case calendar.Weekday:
		return calendar.WeekdayOf(t), nil
	case calendar.Day:
		return t.Day(), nil
	case calendar.Hour:
		return t.Hour(), nil
	case calendar.Minute:
		return t.Minute(), nil
	case calendar.Second:
		return t.Second(), nil
	default:
		return t.Nanosecond() / int(time.Millisecond), nil
	}
}

// DateStartOf goes to the start of a unit.
type DateStartOf struct{ datePeriod }

// DateEndOf goes to the end of a unit.
type DateEndOf struct{ datePeriod }

type datePeriod struct {
	// Unit is the unit whose start or end is wanted.
	Unit calendar.Unit `json:"unit" required:"true" enum:"second,minute,hour,day,week,month,quarter,year"`
}

func (f *datePeriod) edge(v any, of func(time.Time, calendar.Unit) time.Time) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	return calendar.Within(of(t, f.Unit))
}

func (f *DateStartOf) apply(_ *expression.Scope, v any) (any, error) {
	return f.edge(v, calendar.StartOf)
}
func (f *DateEndOf) apply(_ *expression.Scope, v any) (any, error) { return f.edge(v, calendar.EndOf) }

// DateToTimestamp gives a time as a number.
type DateToTimestamp struct {
	// Unit is the unit of the result: second or millisecond.
	Unit calendar.Unit `json:"unit,omitempty" enum:"second,millisecond" default:"second"`
}

func (f *DateToTimestamp) apply(_ *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	if f.Unit == calendar.Millisecond {
		return int(t.UnixMilli()), nil
	}
	return int(t.Unix()), nil
}

// DateFromTimestamp makes a time of a number.
type DateFromTimestamp struct {
	// Unit is the unit of the number: second, which may have a fraction, or millisecond.
	Unit calendar.Unit `json:"unit,omitempty" enum:"second,millisecond" default:"second"`
}

func (f *DateFromTimestamp) apply(_ *expression.Scope, v any) (any, error) {
	n, err := toNumber(v)
	if err != nil {
		return nil, err
	}
	unit := f.Unit
	if unit == "" {
		unit = calendar.Second
	}
	t, err := calendar.Shift(time.Unix(0, 0).UTC(), n, unit)
	if err != nil && unit == calendar.Second {
		return nil, fmt.Errorf("%w; if it counts milliseconds, write `unit: millisecond`", err)
	}
	return t, err
}

// DateIsLeapYear tells leap years.
type DateIsLeapYear struct{}

func (*DateIsLeapYear) apply(_ *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	year := t.Year()
	return year%4 == 0 && (year%100 != 0 || year%400 == 0), nil
}

// DateTimezone changes the zone of a time.
type DateTimezone struct {
	// Name is a name of the IANA time zone database, such as Europe/Zurich, or UTC.
	Name expression.Template[string] `json:"name" required:"true"`
}

// zoneUnits is what finding a time zone costs.
const zoneUnits = 1000

func (f *DateTimezone) check(v *kind.Validation, pointer string) {
	if name, ok := f.Name.Literal(); ok {
		if _, err := expression.Zone(name); err != nil {
			v.Error(pointer+"/name", err.Error(), "")
		}
	}
}

func (f *DateTimezone) apply(scope *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	name, err := f.Name.Eval(scope)
	if err != nil {
		return nil, err
	}
	scope.Spent += zoneUnits
	zone, err := expression.Zone(name)
	if err != nil {
		return nil, err
	}
	return calendar.Within(t.In(zone))
}

// toTime takes a time, or text that is one. It has milliseconds.
func toTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v.Truncate(time.Millisecond), nil
	case string:
		t, err := expression.ParseTime(v)
		return t.Truncate(time.Millisecond), err
	case int, float64:
		return time.Time{}, fmt.Errorf("a number where a time is needed; make it one with the function " +
			"fromTimestamp, or in an expression with `fromUnix(…)`")
	default:
		return time.Time{}, fmt.Errorf("%s where a time is needed", dateTypeName(v))
	}
}

func toNumber(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	default:
		return 0, fmt.Errorf("%s where a number is needed", dateTypeName(v))
	}
}

// dateTypeName names the type of a step's input for messages.
func dateTypeName(v any) string {
	if _, ok := v.(time.Time); ok {
		return "a time"
	}
	return everhook.TypeName(v)
}

// DateFormat writes a time as text.
type DateFormat struct {
	// Layout consists of tokens, those of the functions `date` and `Format` in expressions: YYYY, MM, DD, HH, mm, ss,
	// SSS (milliseconds), Z (offset, such as +02:00) and others. The letter T and all characters that are not letters
	// are copied. Put other text in [brackets].
	Layout calendar.Layout `json:"layout" required:"true"`
}

func (f *DateFormat) apply(_ *expression.Scope, v any) (any, error) {
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	return f.Layout.Format(t), nil
}
