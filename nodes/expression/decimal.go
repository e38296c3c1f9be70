package expression

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// A decimal is exact within one evaluation. Outside of it a decimal is text, because JSON has no number for it. Like
// all values it is never changed once made.

// Limits of a decimal. They bound the digits that adding two of them may need.
const (
	maxDecimalDigits = 200
	maxScale         = 100
	// decimalUnits is the cost of an operation on decimals of any size.
	decimalUnits = 32
)

// exact computes without rounding; rounding is for results with a scale, half away from zero.
var (
	exact    = apd.BaseContext
	rounding = apd.Context{Precision: 4 * maxDecimalDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
		Rounding: apd.RoundHalfUp, Traps: apd.DefaultTraps}
)

// decimalOf converts a decimal or a number. A float64 has the digits that JSON writes for it.
func decimalOf(v any) (*apd.Decimal, bool) {
	switch v := v.(type) {
	case *apd.Decimal:
		return v, true
	case int:
		return apd.New(int64(v), 0), true
	case float64:
		d, err := readDecimal(floatText(v))
		return d, err == nil
	default:
		return nil, false
	}
}

// decimals returns both as decimals if one is a decimal and the other one a decimal or number.
func decimals(a, b any) (x, y *apd.Decimal, ok bool) {
	if kindOf(a) != kindDecimal && kindOf(b) != kindDecimal {
		return nil, nil, false
	}
	x, okA := decimalOf(a)
	y, okB := decimalOf(b)
	return x, y, okA && okB
}

func readDecimal(text string) (*apd.Decimal, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 2*maxDecimalDigits || strings.Trim(text, "0123456789.+-eE") != "" {
		return nil, fmt.Errorf("is not the text of a number")
	}
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite {
		return nil, fmt.Errorf("is not the text of a number")
	}
	return bounded(d)
}

// bounded refuses a result that is too long, and makes -0 a 0.
func bounded(d *apd.Decimal) (*apd.Decimal, error) {
	if d.NumDigits() > maxDecimalDigits || d.Exponent < -maxScale || d.Exponent > maxDecimalDigits {
		return nil, fmt.Errorf("is a decimal of more than %d digits, or more than %d after the point", maxDecimalDigits,
			maxScale)
	}
	if d.IsZero() {
		d.Negative = false
	}
	return d, nil
}

func decimalText(d *apd.Decimal) string { return d.Text('f') }

// calculate applies an exact operation.
func calculate(m *machine, n ast.Node, x, y *apd.Decimal,
	apply func(*apd.Context, *apd.Decimal, *apd.Decimal, *apd.Decimal) (apd.Condition, error)) (any, error) {
	if err := m.spend(decimalUnits); err != nil {
		return nil, err
	}
	result := new(apd.Decimal)
	_, err := apply(&exact, result, x, y)
	if err == nil {
		result, err = bounded(result)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", quoted(n), err)
	}
	return result, nil
}

// scaledDecimal rounds to that many digits after the point.
func scaledDecimal(d *apd.Decimal, digits int) (*apd.Decimal, error) {
	result := new(apd.Decimal)
	if _, err := rounding.Quantize(result, d, -int32(digits)); err != nil {
		return nil, err
	}
	return bounded(result)
}

func toDecimal(m *machine, c *call, args []any) (any, error) {
	if err := m.spend(decimalUnits); err != nil {
		return nil, err
	}
	text, isText := args[0].(string)
	if !isText {
		d, ok := decimalOf(args[0])
		if !ok {
			return nil, c.needs(0, args[0], kindText)
		}
		return d, nil
	}
	d, err := readDecimal(text)
	if err != nil {
		return nil, c.errorf("%s %w", c.what(0), err)
	}
	return d, nil
}

// quotient divides with a scale and rounds half away from zero, because most quotients have infinitely many digits.
func quotient(m *machine, c *call, args []any) (any, error) {
	x, okA := decimalOf(args[0])
	y, okB := decimalOf(args[1])
	if !okA {
		return nil, c.needs(0, args[0], kindDecimal)
	}
	if !okB {
		return nil, c.needs(1, args[1], kindDecimal)
	}
	scale, err := c.whole(args, 2, 0)
	if err != nil {
		return nil, err
	}
	if scale < 0 || scale > maxScale {
		return nil, c.errorf("%s is %d; write 0 to %d digits", c.what(2), scale, maxScale)
	}
	if y.IsZero() {
		return nil, c.errorf("division by zero: %s is 0", c.what(1))
	}
	if err := m.spend(2 * decimalUnits); err != nil {
		return nil, err
	}
	dividend, divisor := x.Coeff.MathBigInt(), y.Coeff.MathBigInt()
	shift := int(x.Exponent) - int(y.Exponent) + scale
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift >= 0 {
		dividend.Mul(dividend, power)
	} else {
		divisor.Mul(divisor, power)
	}
	whole, rest := new(big.Int).QuoRem(dividend, divisor, new(big.Int))
	if rest.Lsh(rest, 1).Cmp(divisor) >= 0 {
		whole.Add(whole, big.NewInt(1))
	}
	if x.Negative != y.Negative {
		whole.Neg(whole)
	}
	d, err := bounded(apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(whole), -int32(scale)))
	if err != nil {
		return nil, c.errorf("the quotient %w", err)
	}
	return d, nil
}

// decimalIdentity is the same for a decimal and a number of the same value.
func decimalIdentity(d *apd.Decimal) any {
	text := decimalText(d)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if v, err := everhook.ParseNumber(text); err == nil && numberText(v) == text {
		return v
	}
	return encoded("decimal " + text)
}

var decimalFunctions = []*Function{
	{Name: "decimal", Signature: "decimal(value)",
		Doc: "The exact decimal of a text or number. + - * and comparisons " +
			"with decimals and numbers are exact. Outside an expression it is text, with all its digits.",
		Example: `decimal("2.3") * 100`, Result: `"230.0"`, minimum: 1, maximum: 1, gives: kindDecimal,
		apply: toDecimal},
	{Name: "divide", Signature: "divide(a, b, scale)", Doc: "The quotient as a decimal with `scale` digits after the " +
		"point (0 to 100), half away from zero.", Example: `divide(decimal("10.00"), 3, 2)`, Result: `"3.33"`,
		minimum: 3,
		maximum: 3, gives: kindDecimal, apply: quotient},
}
