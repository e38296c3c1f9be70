package expression

import (
	"math"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/calendar"
)

const (
	// zoneUnits is the cost of loading a time zone.
	zoneUnits = 1000
	// dateUnits is the cost of reading a time in any of the usual forms.
	dateUnits = 40
	// formatBytes is the highest cost of reading or writing a time by a layout: a layout has 200 bytes, and its tokens
	// become up to six times as long.
	formatBytes = 1200
)

func now(m *machine, c *call, _ []any) (any, error) {
	if m.scope.Now == nil {
		return nil, c.errorf("there is no clock here")
	}
	return m.scope.Now().Round(0).UTC(), nil
}

func date(m *machine, c *call, args []any) (any, error) {
	if t, ok := args[0].(time.Time); ok && len(args) == 1 {
		return t, nil
	}
	if kindOf(args[0]) == kindNumber {
		return nil, c.errorf("%s is a number; use `fromUnix(…)` for seconds since 1970", c.what(0))
	}
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.spend(dateUnits); err != nil {
		return nil, err
	}
	if len(args) == 1 {
		t, err := parseTime(text)
		if err != nil {
			return nil, c.errorf("%s: %w", c.what(0), err)
		}
		return t, nil
	}
	layout, err := c.layoutOf(m, args, 1)
	if err != nil {
		return nil, err
	}
	zone := time.UTC
	if len(args) == 3 {
		if zone, err = c.zone(m, args, 2); err != nil {
			return nil, err
		}
	}
	if err := m.read(len(text) + formatBytes); err != nil {
		return nil, err
	}
	t, err := layout.Parse(text, zone)
	if err != nil {
		return nil, c.errorf("%s is %q, which does not have the layout: %w", c.what(0), everhook.Shorten(text, 40), err)
	}
	return t, nil
}

// prepareLayout reads a layout that is a constant of the expression.
func prepareLayout(argument int) func(c *call) error {
	return func(c *call) (err error) {
		if argument < len(c.nodes) {
			if text, ok := c.nodes[argument].(*ast.StringNode); ok {
				c.layout, err = calendar.ParseLayout(text.Value)
			}
		}
		return err
	}
}

// layoutOf returns a layout, and charges reading it.
func (c *call) layoutOf(m *machine, args []any, i int) (calendar.Layout, error) {
	if c.layout != nil {
		return c.layout, nil
	}
	text, err := c.text(args, i)
	if err != nil {
		return nil, err
	}
	if err := m.read(formatBytes + len(text)); err != nil {
		return nil, err
	}
	layout, err := calendar.ParseLayout(text)
	if err != nil {
		return nil, c.errorf("%w", err)
	}
	return layout, nil
}

// zone accepts a time zone or its name.
func (c *call) zone(m *machine, args []any, i int) (*time.Location, error) {
	if zone, ok := args[i].(*time.Location); ok {
		return zone, nil
	}
	name, err := c.text(args, i)
	if err != nil {
		return nil, err
	}
	if err := m.spend(zoneUnits); err != nil {
		return nil, err
	}
	zone, err := Zone(name)
	if err != nil {
		return nil, c.errorf("%w", err)
	}
	return zone, nil
}

func timezone(m *machine, c *call, args []any) (any, error) { return c.zone(m, args, 0) }

// duration accepts the notation of duration fields, with an optional sign.
func duration(m *machine, c *call, args []any) (any, error) {
	if d, ok := args[0].(time.Duration); ok {
		return d, nil
	}
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.read(16 * len(text)); err != nil {
		return nil, err
	}
	positive, negative := strings.CutPrefix(strings.TrimSpace(text), "-")
	d, err := everhook.ParseDuration(positive)
	if err != nil {
		return nil, c.errorf("%s: %w", c.what(0), err)
	}
	if negative {
		d = -d
	}
	return d.Std(), nil
}

func fromUnix(_ *machine, c *call, args []any) (any, error) {
	seconds, err := c.number(args, 0)
	if err != nil {
		return nil, err
	}
	whole, fraction := math.Modf(seconds)
	if n, ok := args[0].(int); ok {
		whole, fraction = float64(n), 0
	}
	const from, to = -62167219200, 253402300799 // the years 0 to 9999
	if whole < from || whole > to {
		return nil, c.errorf("%s is outside the years 0 to 9999; divide milliseconds by 1000", c.what(0))
	}
	// A float64 of today's seconds has the precision of a microsecond.
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC(), nil
}

var timeFunctions = []*Function{
	{Name: "now", Signature: "now()", Doc: "The run's clock, the same on every replay. Outside an expression a time " +
		"is RFC 3339 text.", Example: `now() > date("2020-01-01")`, Result: `true`, minimum: 0, maximum: 0,
		gives: kindTime, apply: now, varying: true},
	{Name: "date", Signature: "date(text[, layout[, zone]])", Doc: "The time that a text is written as: RFC 3339, " +
		"2030-01-31, RFC 1123 and others, or in a layout such as \"DD.MM.YYYY HH:mm\". Without an offset it is UTC, " +
		"or the zone that is given.",
		Example: `date("2030-01-31") + duration("1d12h")`, Result: `"2030-02-01T12:00:00Z"`, minimum: 1, maximum: 3,
		gives: kindTime, prepare: prepareLayout(1), apply: date},
	{Name: "fromUnix", Signature: "fromUnix(seconds)", Doc: "The time that many seconds after 1970, in UTC.",
		Example: `fromUnix(1700000000)`, Result: `"2023-11-14T22:13:20Z"`, minimum: 1, maximum: 1, gives: kindTime,
		apply: fromUnix},
	{Name: "duration", Signature: "duration(text)", Doc: "The span that a text is written as (1d12h, P3D), with a " +
		"minus too. Outside an expression a duration is ISO 8601 text.", Example: `duration("90m")`,
		Result: `"PT1H30M"`, minimum: 1, maximum: 1, gives: kindDuration, apply: duration},
	{Name: "timezone", Signature: "timezone(name)", Doc: "A time zone of the IANA database, for date(…).In(…).",
		Example: `date("2030-01-31T12:00:00Z").In(timezone("Europe/Zurich")).Hour()`, Result: `13`, minimum: 1,
		maximum: 1, apply: timezone},
}
