package expression

import (
	"fmt"
	"math"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// method is a method of times or durations, as in Go's package time.
type method struct {
	arguments int
	gives     kind
	// time or duration is set, or both.
	// prepare, if set, is called once when a call is compiled. Its error is for the author of the source.
	prepare  func(c *call) error
	time     func(m *machine, c *call, t time.Time, args []any) (any, error)
	duration func(m *machine, c *call, d time.Duration, args []any) (any, error)
}

func timePart[T ~int | ~int64](part func(time.Time) T) method {
	return method{gives: kindNumber, time: func(_ *machine, _ *call, t time.Time, _ []any) (any,
		error) {
		return int(part(t)), nil
	}}
}

func durationPart(part func(time.Duration) float64) method {
	return method{gives: kindNumber, duration: func(_ *machine, c *call, d time.Duration, _ []any) (any, error) {
		return everhook.CanonicalFloat(part(d))
	}}
}

func comparison(holds func(a, b time.Time) bool) method {
	return method{arguments: 1, gives: kindBool, time: func(_ *machine, c *call, t time.Time, args []any) (any, error) {
		other, err := c.time(args, 0)
		return holds(t, other), err
	}}
}

var methods = map[string]method{
	"Year":         timePart(time.Time.Year),
	"Month":        timePart(time.Time.Month),
	"Day":          timePart(time.Time.Day),
	"Hour":         timePart(time.Time.Hour),
	"Minute":       timePart(time.Time.Minute),
	"Second":       timePart(time.Time.Second),
	"Nanosecond":   timePart(time.Time.Nanosecond),
	"Weekday":      timePart(time.Time.Weekday),
	"YearDay":      timePart(time.Time.YearDay),
	"Unix":         timePart(time.Time.Unix),
	"UnixMilli":    timePart(time.Time.UnixMilli),
	"UnixMicro":    timePart(time.Time.UnixMicro),
	"Before":       comparison(time.Time.Before),
	"After":        comparison(time.Time.After),
	"Equal":        comparison(time.Time.Equal),
	"Hours":        durationPart(time.Duration.Hours),
	"Minutes":      durationPart(time.Duration.Minutes),
	"Seconds":      durationPart(time.Duration.Seconds),
	"Milliseconds": durationPart(func(d time.Duration) float64 { return float64(d.Milliseconds()) }),
	"UTC": {gives: kindTime, time: func(_ *machine, _ *call, t time.Time, _ []any) (any, error) {
		return t.UTC(), nil
	}},
	"In": {arguments: 1, gives: kindTime, time: func(m *machine, c *call, t time.Time, args []any) (any, error) {
		zone, err := c.zone(m, args, 0)
		if err != nil {
			return nil, err
		}
		return t.In(zone), nil
	}},
	"Format": {arguments: 1, gives: kindText, time: func(m *machine, c *call, t time.Time, args []any) (any, error) {
		layout, err := c.layoutOf(m, args, 0)
		if err != nil {
			return nil, err
		}
		if err := m.work(formatBytes); err != nil {
			return nil, err
		}
		return layout.Format(t), nil
	}, prepare: prepareLayout(0)},
	"Add": {arguments: 1, gives: kindTime, time: func(_ *machine, c *call, t time.Time, args []any) (any, error) {
		by, err := argument[time.Duration](c, args, 0, kindDuration)
		if err != nil {
			return nil, err
		}
		return shift(c.nodes[0], t, by)
	}},
	"AddDate": {arguments: 3, gives: kindTime, time: addDate},
	"Truncate": {arguments: 1,
		time: func(_ *machine, c *call, t time.Time, args []any) (any, error) {
			by, err := argument[time.Duration](c, args, 0, kindDuration)
			return t.Truncate(by), err
		},
		duration: func(_ *machine, c *call, d time.Duration, args []any) (any, error) {
			by, err := argument[time.Duration](c, args, 0, kindDuration)
			return d.Truncate(by), err
		},
	},
}

func addDate(_ *machine, c *call, t time.Time, args []any) (any, error) {
	var parts [3]int
	for i := range parts {
		var err error
		if parts[i], err = c.whole(args, i, 0); err != nil {
			return nil, err
		}
		if parts[i] < -math.MaxInt32 || parts[i] > math.MaxInt32 {
			return nil, c.errorf("%s is too large", c.what(i))
		}
	}
	return shift(c.nodes[0], t.AddDate(parts[0], parts[1], parts[2]), 0)
}

// methodCall translates calls such as date(…).Year().
func (t *translator) methodCall(n *ast.CallNode, callee *ast.MemberNode) operand {
	base := t.translate(callee.Node)
	if t.err != nil {
		return operand{node: n}
	}
	name := callee.Property.(*ast.StringNode).Value
	called, ok := methods[name]
	if !ok {
		return t.unknownMethod(n, callee, name)
	}
	if len(n.Arguments) != called.arguments {
		return t.fail(n, fmt.Sprintf("%s takes %s, not %d", name, plural(called.arguments), len(n.Arguments)), "")
	}
	inputs := []operand{base}
	for _, argument := range n.Arguments {
		inputs = append(inputs, t.translate(argument))
	}
	c := &call{name: name, nodes: n.Arguments}
	if called.prepare != nil {
		if err := called.prepare(c); err != nil {
			return t.fail(n, fmt.Sprintf("%s: %v", name, err), "")
		}
	}
	return t.fold(operand{node: n, kind: called.gives, run: func(m *machine) (any, error) {
		start := len(m.stack)
		for i := range inputs {
			v, err := inputs[i].run(m)
			if err != nil {
				return nil, err
			}
			m.stack = append(m.stack, v)
		}
		if err := m.spend(1 + len(inputs)); err != nil {
			return nil, err
		}
		args := m.stack[start+1 : len(m.stack) : len(m.stack)]
		v, err := called.apply(m, c, callee, m.stack[start], args)
		m.stack = m.stack[:start]
		return v, err
	}}, inputs...)
}

func (f method) apply(m *machine, c *call, callee *ast.MemberNode, v any, args []any) (any, error) {
	switch v := v.(type) {
	case time.Time:
		if f.time != nil {
			return f.time(m, c, v, args)
		}
	case time.Duration:
		if f.duration != nil {
			return f.duration(m, c, v, args)
		}
	case string:
		if f.time != nil {
			return nil, fmt.Errorf("%s is text and has no method %s; read it with `date(…)`", quoted(callee.Node),
				c.name)
		}
		return nil, fmt.Errorf("%s is text and has no method %s; read it with `duration(…)`", quoted(callee.Node),
			c.name)
	}
	return nil, fmt.Errorf("%s is %s and has no method %s", quoted(callee.Node), typeName(v), c.name)
}

func (t *translator) unknownMethod(n *ast.CallNode, callee *ast.MemberNode, name string) operand {
	fix := methodFix(name, describe(callee.Node))
	if nearest := strict.Nearest(name, everhook.SortedKeys(methods)); fix == "" && nearest != "" {
		fix = fmt.Sprintf("did you mean %q?", nearest)
	}
	return t.fail(callee.Property, fmt.Sprintf("there is no method %q", name), fix)
}
