package nodes

import (
	"fmt"
	"math"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// DateConvert changes the unit of a span.
type DateConvert struct {
	// From is the unit of the number. Left out, the value is a duration as PT90M, P3D or 1d12h.
	From dateUnit `json:"from,omitempty" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
	// To is the unit of the result. A day is 24 hours here. Months, quarters and years convert among each other only:
	// how many days they have varies.
	To dateUnit `json:"to" required:"true" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
	// Round takes a fraction away: none (default) keeps it, nearest rounds it (halves away from zero), floor goes down,
	// ceil up, truncate towards zero.
	Round dateRounding `json:"round,omitempty" enum:"none,nearest,floor,ceil,truncate"`
}

func (f *DateConvert) check(v *Validation, pointer string) {
	switch {
	case f.From == "" && f.To.months() > 0:
		v.Error(pointer+"/to", fmt.Sprintf("a duration has no length in a %s, whose days vary", f.To),
			"write a week or a shorter unit")
	case f.From != "" && (f.From.months() > 0) != (f.To.months() > 0):
		v.Error(pointer, fmt.Sprintf("a %s cannot be converted into a %s, because the days of a month vary", f.From,
			f.To), "count from a time with diff instead")
	}
}

func (f *DateConvert) apply(_ *expression.Scope, v any) (any, error) {
	if f.From != "" {
		n, err := toNumber(v)
		if err != nil {
			return nil, err
		}
		return f.Round.round(n * f.From.size() / f.To.size())
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s where a duration as PT90M is needed; a number needs `from`, its unit",
			dateTypeName(v))
	}
	span, err := everhook.ParseDuration(text)
	if err != nil {
		return nil, err
	}
	return f.Round.round(float64(span) / float64(time.Millisecond) / f.To.size())
}

// size is the length of a unit in milliseconds, of a month and longer in months.
func (u dateUnit) size() float64 {
	if length := u.clock(); length > 0 {
		return float64(length / time.Millisecond)
	}
	return float64(u.days())*24*3600e3 + float64(u.months())
}

// dateRounding is what becomes of a fraction.
type dateRounding string

// round gives a canonical number.
func (r dateRounding) round(n float64) (any, error) {
	switch r {
	case "nearest":
		n = math.Round(n)
	case "floor":
		n = math.Floor(n)
	case "ceil":
		n = math.Ceil(n)
	case "truncate":
		n = math.Trunc(n)
	}
	v, err := everhook.CanonicalFloat(n)
	if err != nil {
		return nil, fmt.Errorf("the result is out of range")
	}
	return v, nil
}
