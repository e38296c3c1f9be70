package nodes

import (
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/calendar"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// DateConvert changes the unit of a span of time.
type DateConvert struct {
	// From is the unit of the number. Without it, the value is a duration such as PT90M, P3D or 1d12h.
	From calendar.Unit `json:"from,omitempty" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
	// To is the unit of the result. A day has 24 hours here. Months, quarters and years convert only to each other,
	// because the number of their days varies.
	To calendar.Unit `json:"to" required:"true" enum:"millisecond,second,minute,hour,day,week,month,quarter,year"`
	// Round says what happens to a fraction: none keeps it, nearest rounds it (halves away from zero), floor rounds
	// down, ceil rounds up, truncate rounds towards zero.
	Round calendar.Rounding `json:"round,omitempty" enum:"none,nearest,floor,ceil,truncate" default:"none"`
}

func (f *DateConvert) check(v *kind.Validation, pointer string) {
	switch {
	case f.From == "" && f.To.Months() > 0:
		v.Error(pointer+"/to", fmt.Sprintf("a duration has no length in a %s, whose days vary", f.To),
			"write a week or a shorter unit")
	case f.From != "" && (f.From.Months() > 0) != (f.To.Months() > 0):
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
		return f.Round.Round(n * f.From.Size() / f.To.Size())
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
	return f.Round.Round(float64(span) / float64(time.Millisecond) / f.To.Size())
}
