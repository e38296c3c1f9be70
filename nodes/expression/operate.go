package expression

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// operation applies a binary operator to two evaluated operands.
type operation struct {
	gives kind
	apply func(m *machine, n *ast.BinaryNode, a, b any) (any, error)
}

var binaryOperations = map[string]operation{
	"+":          {kindAny, add},
	"-":          {kindAny, subtract},
	"*":          {kindAny, multiply},
	"/":          {kindAny, divide},
	"%":          {kindNumber, remainder},
	"**":         {kindNumber, power},
	"^":          {kindNumber, power},
	"==":         {kindBool, equals},
	"!=":         {kindBool, differs},
	"<":          {kindBool, ordered(func(order int) bool { return order < 0 })},
	"<=":         {kindBool, ordered(func(order int) bool { return order <= 0 })},
	">":          {kindBool, ordered(func(order int) bool { return order > 0 })},
	">=":         {kindBool, ordered(func(order int) bool { return order >= 0 })},
	"in":         {kindBool, in},
	"contains":   {kindBool, onTexts(strings.Contains)},
	"startsWith": {kindBool, onTexts(strings.HasPrefix)},
	"endsWith":   {kindBool, onTexts(strings.HasSuffix)},
	"..":         {kindList, span},
}

// mismatched returns the error for operands that an operator does not accept. Nil is named first, because it is the
// most frequent cause.
func mismatched(n *ast.BinaryNode, a, b any, takes string) error {
	for _, side := range []struct {
		node     ast.Node
		v, other any
	}{{n.Left, a, b}, {n.Right, b, a}} {
		if side.v == nil {
			wanted := kindOf(side.other)
			if wanted == kindTime && n.Operator == "+" {
				wanted = kindDuration
			}
			value, ok := defaults[wanted]
			if !ok {
				value = "0"
			}
			return fmt.Errorf("%s is nil; use `?? %s`", quoted(side.node), value)
		}
	}
	advice := fmt.Sprintf("`%s` takes %s", n.Operator, takes)
	if fix := readText(n.Left, a, b) + readText(n.Right, b, a); fix != "" && n.Operator != "+" {
		advice = fix
	}
	return fmt.Errorf("%s is %s and %s is %s; %s", quoted(n.Left), typeName(a), quoted(n.Right), typeName(b), advice)
}

// readText says how to convert the text v to the type of the other operand; empty if that is not the problem.
func readText(node ast.Node, v, other any) string {
	if kindOf(v) != kindText {
		return ""
	}
	source := describe(node)
	switch kindOf(other) {
	case kindNumber:
		return fmt.Sprintf("read the number with `int(%s)` or `float(%s)`", source, source)
	case kindTime:
		return fmt.Sprintf("read the time with `date(%s)`", source)
	case kindDecimal:
		return fmt.Sprintf("read the number with `decimal(%s)`", source)
	case kindDuration:
		return fmt.Sprintf("read the duration with `duration(%s)`", source)
	default:
		return ""
	}
}

func overflow(n *ast.BinaryNode) error { return fmt.Errorf("%s does not fit in 64 bits", quoted(n)) }

// floats returns both as float64 if both are numbers.
func floats(a, b any) (x, y float64, ok bool) {
	x, okA := float(a)
	y, okB := float(b)
	return x, y, okA && okB
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	default:
		return 0, false
	}
}

// number makes the result of floating point arithmetic canonical.
func number(n ast.Node, f float64) (any, error) {
	v, err := everhook.CanonicalFloat(f)
	if err != nil {
		return nil, fmt.Errorf("%s is out of the range of numbers", quoted(n))
	}
	return v, nil
}

func add(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	switch x := a.(type) {
	case int:
		if y, ok := b.(int); ok {
			return addInts(n, x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			if err := m.produce(len(x) + len(y)); err != nil {
				return nil, err
			}
			return x + y, nil
		}
	case time.Time:
		if y, ok := b.(time.Duration); ok {
			return shift(n, x, y)
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Time:
			return shift(n, y, x)
		case time.Duration:
			sum, err := addInts(n, int(x), int(y))
			return time.Duration(sum), err
		}
	}
	if x, y, ok := decimals(a, b); ok {
		return calculate(m, n, x, y, (*apd.Context).Add)
	}
	if x, y, ok := floats(a, b); ok {
		return number(n, x+y)
	}
	return nil, mismatched(n, a, b, "two numbers, two texts, or a time and a duration; `string(…)` makes text, "+
		"`float(…)` a number")
}

func addInts(n *ast.BinaryNode, x, y int) (int, error) {
	if sum := x + y; (sum > x) == (y > 0) {
		return sum, nil
	}
	return 0, overflow(n)
}

func subtract(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	switch x := a.(type) {
	case int:
		if y, ok := b.(int); ok {
			return subtractInts(n, x, y)
		}
	case time.Time:
		switch y := b.(type) {
		case time.Duration:
			if y == math.MinInt64 {
				return nil, overflow(n)
			}
			return shift(n, x, -y)
		case time.Time:
			span := x.Sub(y)
			if !y.Add(span).Equal(x) {
				return nil, fmt.Errorf("%s is longer than a duration can be, some 292 years", quoted(n))
			}
			return span, nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			difference, err := subtractInts(n, int(x), int(y))
			return time.Duration(difference), err
		}
	}
	if x, y, ok := decimals(a, b); ok {
		return calculate(m, n, x, y, (*apd.Context).Sub)
	}
	if x, y, ok := floats(a, b); ok {
		return number(n, x-y)
	}
	return nil, mismatched(n, a, b, "two numbers, two times, or a time and a duration; `date(…)` and `duration(…)` "+
		"read text")
}

func subtractInts(n *ast.BinaryNode, x, y int) (int, error) {
	if difference := x - y; (difference < x) == (y > 0) {
		return difference, nil
	}
	return 0, overflow(n)
}

// shift moves a time, within the years of RFC 3339.
func shift(n ast.Node, t time.Time, by time.Duration) (any, error) {
	moved := t.Add(by)
	if year := moved.UTC().Year(); year < 0 || year > 9999 {
		return nil, fmt.Errorf("%s is outside the years 0 to 9999", quoted(n))
	}
	return moved, nil
}

func multiply(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return multiplyInts(n, x, y)
		}
	}
	if x, y, ok := decimals(a, b); ok {
		return calculate(m, n, x, y, (*apd.Context).Mul)
	}
	if x, y, ok := floats(a, b); ok {
		return number(n, x*y)
	}
	if _, ok := b.(time.Duration); ok {
		a, b = b, a
	}
	if x, ok := a.(time.Duration); ok {
		if y, ok := float(b); ok {
			return scaled(n, x, y)
		}
	}
	return nil, mismatched(n, a, b, "two numbers, or a duration and a number")
}

func multiplyInts(n *ast.BinaryNode, x, y int) (any, error) {
	high, low := bits.Mul64(magnitude(x), magnitude(y))
	negative := (x < 0) != (y < 0)
	if high != 0 || low > math.MaxInt64+1 || low == math.MaxInt64+1 && !negative {
		return nil, overflow(n)
	}
	return x * y, nil
}

func magnitude(x int) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func scaled(n ast.Node, d time.Duration, factor float64) (any, error) {
	f := math.Round(float64(d) * factor)
	if math.IsNaN(f) || f < -1<<63 || f >= 1<<63 {
		return nil, fmt.Errorf("%s is longer than a duration can be, some 292 years", quoted(n))
	}
	return time.Duration(f), nil
}

func divide(_ *machine, n *ast.BinaryNode, a, b any) (any, error) {
	if _, _, ok := decimals(a, b); ok {
		return nil, fmt.Errorf("%s divides decimals, which needs a scale; write `divide(%s, %s, 2)`", quoted(n),
			describe(n.Left), describe(n.Right))
	}
	y, ok := float(b)
	if d, isDuration := b.(time.Duration); isDuration {
		y = float64(d)
	}
	if y == 0 && (ok || kindOf(b) == kindDuration) && a != nil {
		return nil, fmt.Errorf("division by zero: %s is 0", quoted(n.Right))
	}
	switch x := a.(type) {
	case int:
		if z, ok := b.(int); ok && x%z == 0 && (x != math.MinInt64 || z != -1) {
			return x / z, nil
		}
	case time.Duration:
		if ok {
			return scaled(n, x, 1/y)
		}
		if _, isDuration := b.(time.Duration); isDuration {
			return number(n, float64(x)/y)
		}
	}
	if x, y, ok := floats(a, b); ok {
		return number(n, x/y)
	}
	return nil, mismatched(n, a, b, "two numbers, or a duration and a number")
}

func remainder(_ *machine, n *ast.BinaryNode, a, b any) (any, error) {
	x, okA := a.(int)
	y, okB := b.(int)
	if !okA || !okB {
		return nil, mismatched(n, a, b, "two whole numbers")
	}
	if y == 0 {
		return nil, fmt.Errorf("division by zero: %s is 0", quoted(n.Right))
	}
	return x % y, nil
}

// power is exact for whole numbers.
func power(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	base, okA := a.(int)
	exponent, okB := b.(int)
	if !okA || !okB || exponent < 0 {
		x, y, ok := floats(a, b)
		if !ok {
			return nil, mismatched(n, a, b, "two numbers")
		}
		return number(n, math.Pow(x, y))
	}
	if base >= -1 && base <= 1 {
		if base == -1 {
			exponent %= 2
		}
		exponent = min(exponent, 1)
	}
	if exponent > 63 {
		return nil, overflow(n)
	}
	result := any(1)
	for range exponent {
		var err error
		if result, err = multiplyInts(n, result.(int), base); err != nil {
			return nil, err
		}
	}
	return result, m.spend(exponent)
}

func negate(what ast.Node, v any) (any, error) {
	switch v := v.(type) {
	case int:
		if v == math.MinInt64 {
			return nil, fmt.Errorf("-%s does not fit in 64 bits", quoted(what))
		}
		return -v, nil
	case float64:
		return number(what, -v)
	case time.Duration:
		if v == math.MinInt64 {
			return nil, fmt.Errorf("-%s does not fit in 64 bits", quoted(what))
		}
		return -v, nil
	case *apd.Decimal:
		return bounded(new(apd.Decimal).Neg(v))
	default:
		return nil, needs(quoted(what), v, kindNumber)
	}
}

func onTexts(apply func(text, part string) bool) func(*machine, *ast.BinaryNode, any, any) (any, error) {
	return func(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
		text, okA := a.(string)
		part, okB := b.(string)
		switch {
		case a == nil || !okA && b != nil:
			return nil, needs(quoted(n.Left), a, kindText)
		case !okB:
			return nil, needs(quoted(n.Right), b, kindText)
		}
		if err := m.read(len(text) + len(part)); err != nil {
			return nil, err
		}
		return apply(text, part), nil
	}
}

// span makes the list of the whole numbers from a to b.
func span(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	from, okA := a.(int)
	to, okB := b.(int)
	if !okA || !okB {
		return nil, mismatched(n, a, b, "two whole numbers")
	}
	if from > to {
		return []any{}, nil
	}
	length := uint64(to) - uint64(from)
	if length > MaxBytes {
		length = MaxBytes
	}
	list, err := m.list(int(length) + 1)
	if err != nil {
		return nil, err
	}
	if err := m.spend(int(length)); err != nil {
		return nil, err
	}
	for i := from; ; i++ {
		if list = append(list, i); i == to {
			return list, nil
		}
	}
}
