package nodes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// DateCalculation applies functions to a time, in order.
type DateCalculation struct {
	// Input is a time as RFC 3339 text, a date, or another value that the first step takes, such as a number for
	// fromTimestamp and convert. Without it, the input is the current time of the run. A time without an offset is in
	// UTC. Times have milliseconds; smaller fractions are cut off.
	Input expression.Template[any] `json:"input,omitzero"`
	// Steps are applied in order, each to the result of the step before. Each step has exactly one function.
	Steps []DateStep `json:"steps" required:"true"`
}

// DateStep is one function. Give one of its fields.
type DateStep struct {
	// Add moves the time forward. Days and longer units keep the time of day. If the month is too short, the day is its
	// last: 31 January plus a month is the last day of February.
	Add *DateAdd `json:"add,omitempty"`
	// Subtract moves the time back. It treats days and longer units in the same way as add.
	Subtract *DateSubtract `json:"subtract,omitempty"`
	// Diff gives the time from another time to this one, as a number of units. It is negative if this one is earlier.
	// Whole units are counted from the earlier of the two as add moves it; the fraction is the part of the next unit
	// that has passed. So 31 January to 14 March is 1 + 14/31 months: one month leads to 28 February, the next to 31
	// March.
	Diff *DateDiff `json:"diff,omitempty"`
	// Get gives one part of the time as a number.
	Get *DateGet `json:"get,omitempty"`
	// StartOf gives the first moment of the unit in which the time is. A week starts on Monday.
	StartOf *DateStartOf `json:"startOf,omitempty"`
	// EndOf gives the last millisecond of the unit in which the time is. A week ends on Sunday.
	EndOf *DateEndOf `json:"endOf,omitempty"`
	// ToTimestamp gives the number of whole units since 1970-01-01 UTC.
	ToTimestamp *DateToTimestamp `json:"toTimestamp,omitempty"`
	// FromTimestamp takes a number of units since 1970-01-01 UTC and gives the time, in UTC.
	FromTimestamp *DateFromTimestamp `json:"fromTimestamp,omitempty"`
	// IsLeapYear tells whether the year of the time has 366 days. Write `isLeapYear: {}`.
	IsLeapYear *DateIsLeapYear `json:"isLeapYear,omitempty"`
	// Format gives the time as text.
	Format *DateFormat `json:"format,omitempty"`
	// Convert changes the unit of a span of time: 90 minutes become 1.5 hours. It takes a number, or without `from` a
	// duration such as PT90M.
	Convert *DateConvert `json:"convert,omitempty"`
	// Timezone shows the same moment in another time zone. Later steps use the calendar and the clock of that zone.
	Timezone *DateTimezone `json:"timezone,omitempty"`
}

// dateFunction executes a step. Its error says what is wrong; the kind adds the number of the step.
type dateFunction interface {
	apply(scope *expression.Scope, v any) (any, error)
}

// dateChecker is implemented by functions that know more of their arguments than the types say. The pointer is that of
// the function.
type dateChecker interface {
	check(v *kind.Validation, pointer string)
}

// dateKind is what a step takes or gives.
type dateKind string

const (
	dateTime     dateKind = "a time"
	dateNumber   dateKind = "a number"
	dateBoolean  dateKind = "a boolean"
	dateText     dateKind = "text"
	dateDuration dateKind = "a duration"
)

// dateKinds are what the functions take and give. Convert takes a number if it has `from`.
var dateKinds = map[string]struct{ takes, gives dateKind }{
	"add": {dateTime, dateTime}, "subtract": {dateTime, dateTime}, "startOf": {dateTime, dateTime},
	"endOf": {dateTime, dateTime}, "timezone": {dateTime, dateTime}, "diff": {dateTime, dateNumber},
	"get": {dateTime, dateNumber}, "toTimestamp": {dateTime, dateNumber}, "isLeapYear": {dateTime, dateBoolean},
	"format": {dateTime, dateText}, "fromTimestamp": {dateNumber, dateTime}, "convert": {dateDuration, dateNumber},
}

// canTake reports whether a step can work on what is given. Text can be a time or a duration.
func (k dateKind) canTake(given dateKind) bool {
	return given == k || given == dateText && (k == dateTime || k == dateDuration)
}

var (
	_ kind.Pure    = (*DateCalculation)(nil)
	_ kind.Shaping = (*DateCalculation)(nil)
)

// Spec describes the kind.
func (*DateCalculation) Spec() kind.Spec {
	return kind.Spec{
		Kind: "date-calculation", Group: kind.Calculating, Canonical: true,
		Summary: "Applies functions to a time, one after the other: adding, comparing, rounding to a unit, formatting.",
		Result:  "What the last step gives: a time as RFC 3339 text, a number, a boolean, or text.",
		Failures: "Error, naming the step, when it is given what it cannot take, a template cannot be evaluated, or " +
			"a time is outside the years 0 to 9999.",
		Example: `key: due
type: date-calculation
config:
  input: '2026-01-31T10:00:00Z'
  steps:
    - timezone: { name: Europe/Zurich }
    - add: { amount: 1, unit: month }
    - endOf: { unit: day }
    - format: { layout: 'YYYY-MM-DD HH:mm Z' }
`,
	}
}

// Validate reports steps without exactly one function, and wrong literal arguments.
func (c *DateCalculation) Validate(v *kind.Validation) {
	if len(c.Steps) == 0 {
		v.Error("/config/steps", "there is no step", "add at least one: `- add: { amount: 1, unit: day }`")
	}
	for i := range c.Steps {
		pointer := fmt.Sprintf("/config/steps/%d", i)
		names, function := c.Steps[i].functions()
		switch len(names) {
		case 0:
			v.Error(pointer, "the step has no function", "write for example `- add: { amount: 1, unit: day }` or `- "+
				"isLeapYear: {}`")
		case 1:
			if checker, ok := function.(dateChecker); ok {
				checker.check(v, pointer+"/"+names[0])
			}
		default:
			v.Error(pointer, fmt.Sprintf("the step has several functions: %s", strings.Join(names, ", ")),
				"begin each with `- `, as a step of its own")
		}
	}
	c.validateOrder(v)
}

// validateOrder reports steps that can never take what the step before them gives.
func (c *DateCalculation) validateOrder(v *kind.Validation) {
	given, by := dateTime, "the input is the current time"
	if c.Input.IsSet() {
		given, by = "", ""
		if literal, ok := c.Input.Literal(); ok {
			given, by = literalKind(literal), fmt.Sprintf("the input is %s", everhook.TypeName(literal))
		}
	}
	for i := range c.Steps {
		names, _ := c.Steps[i].functions()
		if len(names) != 1 {
			return
		}
		pointer := fmt.Sprintf("/config/steps/%d/%s", i, names[0])
		takes := c.Steps[i].takes(names[0])
		if given != "" && !takes.canTake(given) {
			v.Error(pointer, fmt.Sprintf("%s takes %s, and %s", names[0], takes, by), orderFix(names[0], takes, given,
				i == 0))
			return
		}
		if literal, ok := c.Input.Literal(); ok && i == 0 && takes == dateTime {
			if _, err := toTime(literal); err != nil {
				v.Error("/config/input", err.Error(), "")
				return
			}
		}
		given, by = dateKinds[names[0]].gives, fmt.Sprintf("the step before it, %s, gives %s", names[0],
			dateKinds[names[0]].gives)
	}
}

// literalKind is what a step is given by a literal input; "" if it is nothing that a step takes.
func literalKind(v any) dateKind {
	switch v.(type) {
	case string:
		return dateText
	case int, float64:
		return dateNumber
	case bool:
		return dateBoolean
	default:
		return ""
	}
}

// orderFix says how to correct a step that cannot take what it is given.
func orderFix(name string, takes, given dateKind, first bool) string {
	switch {
	case takes == dateTime && given == dateNumber && first:
		return "begin with fromTimestamp if it counts from 1970"
	case takes == dateTime && given == dateNumber:
		return "put " + name + " before it; a number that counts from 1970 becomes a time with fromTimestamp"
	case takes == dateTime && first:
		return "write for example 2030-01-31T09:00:00Z"
	case takes == dateTime:
		return "leave one of the two out"
	case takes == dateDuration && given == dateNumber:
		return "say the unit of the number, for example `from: second`"
	case given == dateTime && name == "fromTimestamp":
		return "leave it out: this is a time already"
	case given == dateTime:
		return "count the units from another time with diff"
	case given == dateText:
		return "let the input be a number, for example '{{ int(trigger.body.seconds) }}'"
	default:
		return "leave it out"
	}
}

func (s *DateStep) takes(name string) dateKind {
	if s.Convert != nil && s.Convert.From != "" {
		return dateNumber
	}
	return dateKinds[name].takes
}

// ResultShape is the type that the last step gives.
func (c *DateCalculation) ResultShape(*everhook.Node) *expression.Shape {
	if len(c.Steps) == 0 {
		return &expression.Shape{}
	}
	shape := &expression.Shape{Type: expression.Text}
	names, _ := c.Steps[len(c.Steps)-1].functions()
	switch {
	case len(names) != 1:
		shape.Type = ""
	case dateKinds[names[0]].gives == dateNumber:
		shape.Type = expression.Number
	case dateKinds[names[0]].gives == dateBoolean:
		shape.Type = expression.Boolean
	}
	return shape
}

// functions gives the names of the functions in the step, and the last of them.
func (s *DateStep) functions() (names []string, function dateFunction) {
	given := func(is bool, name string, f dateFunction) {
		if is {
			names, function = append(names, name), f
		}
	}
	given(s.Add != nil, "add", s.Add)
	given(s.Subtract != nil, "subtract", s.Subtract)
	given(s.Diff != nil, "diff", s.Diff)
	given(s.Get != nil, "get", s.Get)
	given(s.StartOf != nil, "startOf", s.StartOf)
	given(s.EndOf != nil, "endOf", s.EndOf)
	given(s.ToTimestamp != nil, "toTimestamp", s.ToTimestamp)
	given(s.FromTimestamp != nil, "fromTimestamp", s.FromTimestamp)
	given(s.IsLeapYear != nil, "isLeapYear", s.IsLeapYear)
	given(s.Format != nil, "format", s.Format)
	given(s.Convert != nil, "convert", s.Convert)
	given(s.Timezone != nil, "timezone", s.Timezone)
	return names, function
}

// Execute is pure.
func (c *DateCalculation) Execute(run kind.Run) (kind.Result, error) {
	var value any = run.Scope().Now().UTC()
	if c.Input.IsSet() {
		var err error
		if value, err = c.Input.Eval(run.Scope()); err != nil {
			return kind.Result{}, err
		}
	}
	for i := range c.Steps {
		names, function := c.Steps[i].functions()
		next, err := function.apply(run.Scope(), value)
		if err != nil {
			return kind.Result{}, stepError(i+1, names[0], err)
		}
		value = next
	}
	value, err := everhook.Canonical(value)
	if err != nil {
		return kind.Result{}, everhook.Errorf(everhook.TypeInput, "the result: %v", err)
	}
	return kind.Result{Value: value}, nil
}

// stepError names the step. The error of a template keeps its type.
func stepError(number int, name string, err error) *everhook.Error {
	failure, ok := errors.AsType[*everhook.Error](err)
	if !ok {
		failure = everhook.Errorf(everhook.TypeInput, "%v", err)
	}
	named := *failure
	named.Message = fmt.Sprintf("step %d (%s): %s", number, name, failure.Message)
	return &named
}
