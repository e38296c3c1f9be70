package expression

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// maxDigits bounds the digits after the point in round and fixed: a float64 has no more significant digits.
const maxDigits = 15

func abs(_ *machine, c *call, args []any) (any, error) {
	switch v := args[0].(type) {
	case *apd.Decimal:
		return new(apd.Decimal).Abs(v), nil
	case float64:
		return math.Abs(v), nil
	case int:
		if v < 0 {
			return negate(c.nodes[0], v)
		}
	}
	if _, err := c.number(args, 0); err != nil {
		return nil, err
	}
	return args[0], nil
}

func toWhole(apply func(float64) float64, decimal func(d, x *apd.Decimal) (apd.Condition, error)) implementation {
	return func(_ *machine, c *call, args []any) (any, error) {
		if d, ok := args[0].(*apd.Decimal); ok {
			whole := new(apd.Decimal)
			if _, err := decimal(whole, d); err != nil {
				return nil, err
			}
			return bounded(whole)
		}
		if f, ok := args[0].(float64); ok {
			return number(c.nodes[0], apply(f))
		}
		if _, err := c.number(args, 0); err != nil {
			return nil, err
		}
		return args[0], nil
	}
}

func round(_ *machine, c *call, args []any) (any, error) {
	text, err := c.fixed(args)
	if err != nil {
		return nil, err
	}
	if _, ok := args[0].(*apd.Decimal); ok {
		return readDecimal(text)
	}
	if whole, ok := args[0].(int); ok {
		return whole, nil
	}
	f, _ := strconv.ParseFloat(text, 64) // beyond the range it is infinite, which number refuses
	return number(c.nodes[0], f)
}

func fixed(_ *machine, c *call, args []any) (any, error) { return c.fixed(args) }

// fixed writes a number with that many digits after the point; 0 if the argument is missing.
func (c *call) fixed(args []any) (string, error) {
	d, isDecimal := args[0].(*apd.Decimal)
	if _, err := c.number(args, 0); err != nil && !isDecimal {
		return "", err
	}
	digits, err := c.whole(args, 1, 0)
	if err != nil {
		return "", err
	}
	if digits < 0 || digits > maxDigits {
		return "", c.errorf("%s is %d; write 0 to %d digits", c.what(1), digits, maxDigits)
	}
	if isDecimal {
		rounded, err := scaledDecimal(d, digits)
		if err != nil {
			return "", c.errorf("%s %w", c.what(0), err)
		}
		return decimalText(rounded), nil
	}
	if whole, ok := args[0].(int); ok {
		return roundDecimal(strconv.Itoa(whole), digits), nil
	}
	return roundDecimal(strconv.FormatFloat(args[0].(float64), 'f', -1, 64), digits), nil
}

// roundDecimal rounds the written digits of a decimal number half away from zero: 2.675 becomes 2.68, although the
// nearest float64 is a little less.
func roundDecimal(text string, digits int) string {
	sign := ""
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	up := len(fraction) > digits && fraction[digits] >= '5'
	fraction += strings.Repeat("0", max(0, digits-len(fraction)))
	number := []byte(whole + fraction[:digits])
	for i := len(number) - 1; up && i >= 0; i-- {
		if number[i]++; number[i] > '9' {
			number[i] = '0'
			continue
		}
		up = false
	}
	if up {
		number = append([]byte{'1'}, number...)
	}
	if strings.Trim(string(number), "0") == "" {
		sign = ""
	}
	point := len(number) - digits
	if digits == 0 {
		return sign + string(number)
	}
	return sign + string(number[:point]) + "." + string(number[point:])
}

// numbers returns the arguments; a list is replaced by its elements.
func (m *machine) numbers(c *call, args []any) ([]any, error) {
	var all []any
	for i, arg := range args {
		list, ok := arg.([]any)
		if !ok {
			list = args[i : i+1]
		}
		if err := m.spend(len(list)); err != nil {
			return nil, err
		}
		for j, item := range list {
			if _, isNumber := decimalOf(item); isNumber {
				continue
			}
			if !ok {
				return nil, c.needs(i, item, kindNumber)
			}
			return nil, c.errorf("%s[%d] is %s where a number is needed", c.what(i), j, typeName(item))
		}
		if len(args) == 1 {
			return list, nil
		}
		if err := m.produce(len(list) * elementWeight); err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// extreme makes an implementation that returns the least (sign -1) or greatest (1) number; nil if there is none.
func extreme(sign int) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		all, err := m.numbers(c, args)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		best := all[0]
		for _, item := range all[1:] {
			if order, _ := compare(item, best); order == sign {
				best = item
			}
		}
		return best, nil
	}
}

func mean(m *machine, c *call, args []any) (any, error) {
	all, err := m.numbers(c, args)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	total := 0.0
	for _, item := range all {
		f, ok := float(item)
		if !ok {
			return nil, c.errorf("%s has decimals; write `divide(sum(list), len(list), 2)`", c.what(0))
		}
		total += f
	}
	return number(c.nodes[0], total/float64(len(all)))
}

func median(m *machine, c *call, args []any) (any, error) {
	all, err := m.numbers(c, args)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	if err := m.spend(len(all) * log2(len(all))); err != nil {
		return nil, err
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b any) int {
		order, _ := compare(a, b)
		return order
	})
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle], nil
	}
	if x, y, ok := decimals(sorted[middle-1], sorted[middle]); ok {
		sum, err := calculate(m, c.nodes[0], x, y, (*apd.Context).Add)
		if err != nil {
			return nil, err
		}
		return calculate(m, c.nodes[0], sum.(*apd.Decimal), apd.New(5, -1), (*apd.Context).Mul)
	}
	low, _ := float(sorted[middle-1])
	high, _ := float(sorted[middle])
	return number(c.nodes[0], low/2+high/2)
}

// bitwise makes an implementation of a function of whole numbers.
func bitwise(apply func(a, b int) int) implementation {
	return func(_ *machine, c *call, args []any) (any, error) {
		a, err := c.whole(args, 0, 0)
		if err != nil {
			return nil, err
		}
		b, err := c.whole(args, 1, 0)
		if err != nil {
			return nil, err
		}
		return apply(a, b), nil
	}
}

// shiftBy is bitwise for shifts, which refuse negative numbers.
func shiftBy(apply func(a, b int) int) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		if n, ok := args[1].(int); ok && n < 0 {
			return nil, c.errorf("%s is %d; shift by 0 or more", c.what(1), n)
		}
		return bitwise(apply)(m, c, args)
	}
}

var numberFunctions = []*Function{
	{Name: "max", Signature: "max(a, b, …) or max(list)", Doc: "The greatest number; nil for an empty list.",
		Example: `max(5, 7)`, Result: `7`, minimum: 1, maximum: unlimited, apply: extreme(1)},
	{Name: "min", Signature: "min(a, b, …) or min(list)", Doc: "The least number; nil for an empty list.",
		Example: `min([5, 7])`, Result: `5`, minimum: 1, maximum: unlimited, apply: extreme(-1)},
	{Name: "mean", Signature: "mean(list)", Doc: "The average of the numbers; 0 for an empty list.",
		Example: `mean([1, 2, 6])`, Result: `3`, minimum: 1, maximum: unlimited, gives: kindNumber, apply: mean},
	{Name: "median", Signature: "median(list)",
		Doc: "The number in the middle when they are sorted; 0 for an empty list.", Example: `median([1, 2, 6])`,
		Result: `2`, minimum: 1, maximum: unlimited, gives: kindNumber, apply: median},
	{Name: "abs", Signature: "abs(number)", Doc: "The number without its sign.", Example: `abs(-5)`, Result: `5`,
		minimum: 1, maximum: 1, gives: kindNumber, apply: abs},
	{Name: "ceil", Signature: "ceil(number)", Doc: "The next whole number upwards.", Example: `ceil(1.2)`, Result: `2`,
		minimum: 1, maximum: 1, gives: kindNumber, apply: toWhole(math.Ceil, rounding.Ceil)},
	{Name: "floor", Signature: "floor(number)", Doc: "The next whole number downwards.", Example: `floor(1.8)`,
		Result: `1`, minimum: 1, maximum: 1, gives: kindNumber, apply: toWhole(math.Floor, rounding.Floor)},
	{Name: "round", Signature: "round(number[, digits])", Doc: "The number, rounded half away from zero to " +
		"`digits` (0 to 15) digits after the point.", Example: `round(2.675, 2)`, Result: `2.68`,
		minimum: 1, maximum: 2, gives: kindNumber, apply: round},
	{Name: "fixed", Signature: "fixed(number, digits)", Doc: "The rounded number as text, always with `digits` (0 to " +
		"15) digits after the point.", Example: `fixed(7, 2)`, Result: `"7.00"`, minimum: 2, maximum: 2,
		gives: kindText, apply: fixed},
	{Name: "bitand", Signature: "bitand(a, b)", Doc: "The bits that are set in both whole numbers.",
		Example: `bitand(0b1010, 0b1100)`, Result: `8`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: bitwise(func(a, b int) int { return a & b })},
	{Name: "bitor", Signature: "bitor(a, b)", Doc: "The bits that are set in one of the whole numbers.",
		Example: `bitor(0b1010, 0b1100)`, Result: `14`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: bitwise(func(a, b int) int { return a | b })},
	{Name: "bitxor", Signature: "bitxor(a, b)", Doc: "The bits that are set in exactly one of the whole numbers.",
		Example: `bitxor(0b1010, 0b1100)`, Result: `6`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: bitwise(func(a, b int) int { return a ^ b })},
	{Name: "bitnand", Signature: "bitnand(a, b)", Doc: "The bits of the first whole number that are not set in the " +
		"second.", Example: `bitnand(0b1010, 0b1100)`, Result: `2`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: bitwise(func(a, b int) int { return a &^ b })},
	{Name: "bitnot", Signature: "bitnot(a)", Doc: "The bits that are not set.", Example: `bitnot(0b1010)`,
		Result: `-11`, minimum: 1, maximum: 1, gives: kindNumber, apply: bitwise(func(a, _ int) int { return ^a })},
	{Name: "bitshl", Signature: "bitshl(a, n)", Doc: "The bits moved n places up.", Example: `bitshl(0b101, 2)`,
		Result: `20`, minimum: 2, maximum: 2, gives: kindNumber, apply: shiftBy(func(a, b int) int { return a << b })},
	{Name: "bitshr", Signature: "bitshr(a, n)", Doc: "The bits moved n places down; the sign stays.",
		Example: `bitshr(0b10100, 2)`, Result: `5`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: shiftBy(func(a, b int) int { return a >> b })},
	{Name: "bitushr", Signature: "bitushr(a, n)", Doc: "The bits moved n places down; zeros come from above.",
		Example: `bitushr(-5, 2)`, Result: `4611686018427387902`, minimum: 2, maximum: 2, gives: kindNumber,
		apply: shiftBy(func(a, b int) int { return int(uint(a) >> b) })},
}
