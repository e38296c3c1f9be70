package expression

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`100 * 2.3`: `229.99999999999997`, `decimal("2.3") * 100`: `"230.0"`, `100 * decimal(2.3)`: `"230.0"`,
		`decimal("0.1") + decimal("0.2") == decimal("0.3")`: `true`, `decimal("0.1") + 0.2`: `"0.3"`,
		`decimal("1") - decimal("0.9")`: `"0.1"`, `-decimal("0.0")`: `"0.0"`, `+decimal("1e3")`: `"1000"`,
		`decimal(" -7 ")`:        `"-7"`,
		`decimal("2.30") == 2.3`: `true`, `decimal("2") == 2`: `true`, `decimal("2.5") > 2`: `true`,
		`2 <= decimal("1.99")`:   `false`,
		`decimal("1") in [1, 2]`: `true`, `type(decimal("1"))`: `"decimal"`, `string(decimal("1.50")) + "!"`: `"1.50!"`,
		`{total: decimal("1.50")}`: `{"total":"1.50"}`, `toJSON([decimal("1.50")])`: `"[\"1.50\"]"`,
		`divide(decimal("10"), 3, 4)`: `"3.3333"`, `divide(1, 8, 2)`: `"0.13"`, `divide(-1, 8, 2)`: `"-0.13"`,
		`divide(2, 3, 0)`: `"1"`,
		`divide(decimal("0.000001"), decimal("1000"), 2)`: `"0.00"`, `divide(-1, 1000, 1)`: `"0.0"`,
		`round(decimal("2.345"), 2)`: `"2.35"`, `round(decimal("-2.345"), 2)`: `"-2.35"`,
		`round(decimal("2.5"))`:  `"3"`,
		`fixed(decimal("7"), 2)`: `"7.00"`, `fixed(decimal("-0.001"), 2)`: `"0.00"`, `floor(decimal("-1.5"))`: `"-2"`,
		`ceil(decimal("1.1"))`: `"2"`,
		`abs(decimal("-1.5"))`: `"1.5"`, `int(decimal("-1.9"))`: `-1`, `float(decimal("1.50"))`: `1.5`,
		`sum([decimal("0.1"), 0.2, 1])`: `"1.3"`, `sum(trigger.body.order.items, decimal(.price) * 3)`: `"19.5"`,
		`max(1, decimal("1.5"), 1.2)`: `"1.5"`, `min(decimal("1"), 2)`: `"1"`,
		`median([decimal("1"), decimal("2")])`: `"1.5"`, `median([decimal("1"), 3, 2])`: `2`,
		`sort([2, decimal("1.5"), 1])`:                                           `[1,"1.5",2]`,
		`uniq([decimal("1.50"), decimal("1.5"), 1.5, decimal("2"), 2])`:          `["1.50","2"]`,
		`len(uniq([decimal("0.1000000000000000000001"), decimal("0.1"), 0.1]))`:  `2`,
		`groupBy([1], decimal("1.50"))`:                                          `{"1.50":[1]}`,
		`reduce(trigger.body.order.items, #acc + decimal(.price), decimal("0"))`: `"6.5"`,
		`decimal("1e300")`: "invalid: decimal: `\"1e300\"` is a " +
			"decimal of more than 200 digits, or more than 100 after the point",
		`decimal("x")`: "invalid: decimal: `\"x\"` is not the " +
			"text of a number",
		`decimal(trigger.body.empty)`: "error: decimal: `trigger.body.empty` " +
			"is not the text of a number",
		`decimal(trigger.body.missing)`: "error: decimal: " +
			"`trigger.body.missing` is nil; use `?? \"\"`",
		`decimal("1") / trigger.body.number`: "error: `decimal(\"1\") / " +
			"trigger.body.number` divides decimals, which needs a scale; write `divide(decimal(\"1\"), " +
			"trigger.body.number, 2)`",
		`divide(1, trigger.body.number - 5, 2)`: "error: divide: division by zero: " +
			"`trigger.body.number - 5` is 0",
		`divide(1, 2, trigger.body.number * 100)`: "error: divide: `trigger.body.number " +
			"* 100` is 500; write 0 to 100 digits",
		`divide(trigger.body.missing, 2, 2)`: "error: divide: " +
			"`trigger.body.missing` is nil; use `?? decimal(\"0\")`",
		`decimal("1") == trigger.body.text`: "error: `decimal(\"1\")` is a decimal " +
			"and `trigger.body.text` is text, which are never equal; read the text with `decimal(…)`",
		`decimal("1") < trigger.body.text`: "error: `decimal(\"1\")` is a decimal " +
			"and `trigger.body.text` is text; read the number with `decimal(trigger.body.text)`",
		`decimal("1") + trigger.body.missing`: "error: `trigger.body.missing` is " +
			"nil; use `?? decimal(\"0\")`",
		`mean([decimal("1")])`: "invalid: mean: `[…]` has decimals; " +
			"write `divide(sum(list), len(list), 2)`",
		`reduce(1..50, #acc * decimal("12345678901234567890"), decimal("1"))`: "error: `#acc * " +
			"decimal(\"12345678901234567890\")` is a decimal of more than 200 digits, or more than 100 after the point",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestQuotientsAreRoundedHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a, b, scale := random.IntN(20001)-10000, random.IntN(200)-100, random.IntN(6)
		if b == 0 {
			continue
		}
		want := new(big.Rat).SetFrac64(int64(a), int64(b)).FloatString(scale) // rounds half away from zero
		if new(big.Rat).SetFrac64(int64(a), int64(b)).Sign() < 0 &&
			new(big.Rat).SetInt64(0).FloatString(scale) == want[1:] {
			want = want[1:]
		}
		require.Equal(t, fmt.Sprintf("%q", want), evaluate(t, fmt.Sprintf("divide(%d, %d, %d)", a, b, scale)))
	}
}
