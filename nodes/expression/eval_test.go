package expression

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExpressionsGiveTheirValueOrAnErrorThatNamesTheOperand(t *testing.T) {
	t.Parallel()
	for group, cases := range map[string][][2]string{
		"literals": {
			{`nil`, `null`}, {`true`, `true`}, {`42`, `42`}, {`0x2A`, `42`}, {`3.0`, `3`}, {`.5`, `0.5`},
			{`1e3`, `1000`}, {`"a\u00e9"`, `"aé"`}, {"`a\\b`", `"a\\b"`},
			{`[1, nil, "x"]`, `[1,null,"x"]`}, {`{a: 1, "b c": 2, (trigger.body.text): 3}`,
				`{"a":1,"b c":2,"größe":3}`}, {`[]`, `[]`}, {`{}`, `{}`}, {`1 /* two */ + 2 // three`, `3`},
		},
		"a missing member is nil": {
			{`trigger.body.missing`, `null`}, {`trigger.body.missing.deeper[0].still`, `null`},
			{`trigger.body.nothing.x`, `null`}, {`trigger.body.list[7]`, `null`}, {`trigger.body.list[-7]`, `null`},
			{`trigger.body.list[-1]`, `2`}, {`trigger.body?.missing?.x`, `null`},
			{`trigger.body.order.items[0].sku`, `"a"`}, {`trigger.body["order"]["id"]`, `7`},
			{`trigger.body.map[trigger.body.text]`, `null`},
			{`trigger.body.missing ?? "x"`, `"x"`}, {`trigger.body.no ?? true`, `false`},
			{`(trigger.body.a ?? trigger.body.b) ?? 1`, `1`}, {`trigger.body.text[9]`, `null`},
			{`trigger.query["a b"]`, `null`}, {`errors.charge.message`, `null`}, {`nodes["charge"].status`, `200`},
			{`loops.each.index + loop.index`, `4`},
		},
		"members of other values are errors": {
			{`trigger.body.list.sku`, "error: `trigger.body.list` is a list and has no member \"sku\"; use `map(…, " +
				".name)` or `get(…, \"name\")` for a member of each element"},
			{`trigger.body.text.sku`, "error: `trigger.body.text` is text and has no member \"sku\""},
			{`trigger.body.number.sku`, "error: `trigger.body.number` is a number and has no members"},
			{`trigger.body.map[0]`, "error: `trigger.body.map` is a mapping, and `0` is a number where a key is " +
				"needed"},
			{`trigger.body.list[trigger.body.float]`,
				"error: `trigger.body.list` is a list, and `trigger.body.float` is a number where a position is " +
					"needed"},
			{`trigger.body.text[nil]`,
				"error: `trigger.body.text` is text, and `nil` is nil where a position is needed"},
		},
		"text is a sequence of characters": {
			{`len(trigger.body.text)`, `5`}, {`trigger.body.text[2]`, `"ö"`}, {`trigger.body.text[-1]`, `"e"`},
			{`trigger.body.text[1:4]`, `"röß"`}, {`trigger.body.text[:2]`, `"gr"`}, {`trigger.body.text[-2:]`, `"ße"`},
			{`trigger.body.text[3:1]`, `""`}, {`trigger.body.text[4:99]`, `"e"`},
			{`indexOf(trigger.body.text, "ß")`, `3`}, {`lastIndexOf("ößö", "ö")`, `2`}, {`indexOf("abc", "x")`, `-1`},
			{`split("aß", "")`, `["a","ß"]`},
			{`trigger.body.text[-99]`, `null`}, {`"abc"[1:2]`, `"b"`}, {`"äöü"[3:]`, `""`},
		},
		"slices": {
			{`trigger.body.list[1:]`, `[1,2]`}, {`trigger.body.list[:-1]`, `[3,1]`}, {`trigger.body.list[5:]`, `[]`},
			{`trigger.body.list[:]`, `[3,1,2]`},
			{`trigger.body.nothing[1:]`, "error: `trigger.body.nothing` is nil; use `?? []` or `?? \"\"`"},
			{`trigger.body.number[1:]`, "error: `trigger.body.number` is a number where a list or text is needed"},
			{`trigger.body.list["a":]`, "error: `\"a\"` is text where a number is needed"},
			{`trigger.body.list[:nil]`, "error: `nil` is nil; use `?? 0`"},
		},
		"arithmetic is canonical": {
			{`1 + 2`, `3`}, {`1.5 + 1.5`, `3`}, {`7 / 2`, `3.5`}, {`8 / 2`, `4`}, {`3.0 % 2`, `1`}, {`-7 % 3`, `-1`},
			{`7 % -1`, `0`}, {`2 ** 10`, `1024`}, {`2 ^ -1`, `0.5`}, {`(-1) ** 1000001`, `-1`}, {`0 ** 99`, `0`},
			{`2.5 ** 2`, `6.25`},
			{`-trigger.body.float`, `-1.5`}, {`+trigger.body.number`, `5`}, {`"a" + "b"`, `"ab"`}, {`1..3`, `[1,2,3]`},
			{`3..1`, `[]`}, {`-1..1`, `[-1,0,1]`}, {`0.1 + 0.2`, `0.30000000000000004`},
			{`10000000000 * 3`, `30000000000`}, {`-4 * 5`, `-20`},
			{`trigger.body.big - 1`, `9223372036854775806`}, {`1 - 2.5`, `-1.5`}, {`1.5 * 2`, `3`},
			{`-9223372036854775807 - 1`, `-9223372036854775808`},
			{`trigger.body.big + 1`, "error: `trigger.body.big + 1` does not fit in 64 bits"},
			{`-2 - trigger.body.big`, "error: `-2 - trigger.body.big` does not fit in 64 bits"},
			{`trigger.body.big * 2`, "error: `trigger.body.big * 2` does not fit in 64 bits"},
			{`trigger.body.big ** 2`, "error: `trigger.body.big ** 2` does not fit in 64 bits"},
			{`trigger.body.number ** 99`, "error: `trigger.body.number ** 99` does not fit in 64 bits"},
			{`-(-trigger.body.big - 1)`, "error: -`-trigger.body.big - 1` does not fit in 64 bits"},
			{`trigger.body.number / 0`, "error: division by zero: `0` is 0"},
			{`trigger.body.number % 0`, "error: division by zero: `0` is 0"},
			{`trigger.body.float / 0.0`, "error: division by zero: `0` is 0"},
			{`1e308 * trigger.body.number * 10`,
				"error: `1e+308 * trigger.body.number` is out of the range of numbers"},
			{`trigger.body.float % 2`, "error: `trigger.body.float` is a number and `2` is a number; `%` takes two " +
				"whole numbers"},
			{`trigger.body.missing + 1`, "error: `trigger.body.missing` is nil; use `?? 0`"},
			{`1 - trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? 0`"},
			{`"a" + trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`trigger.body.a / trigger.body.b`, "error: `trigger.body.a` is nil; use `?? 0`"},
			{`trigger.body.a ** 2`, "error: `trigger.body.a` is nil; use `?? 0`"},
			{`trigger.body.text + 1`, "error: `trigger.body.text` is text and `1` is a number; `+` takes two " +
				"numbers, two texts, or a time and a duration; `string(…)` makes text, `float(…)` a number"},
			{`trigger.body.yes * 2`, "error: `trigger.body.yes` is a boolean and `2` is a number; `*` takes two " +
				"numbers, or a duration and a number"},
			{`trigger.body.list..3`, "error: `trigger.body.list` is a list and `3` is a number; `..` takes two whole " +
				"numbers"},
			{`-trigger.body.text`, "error: `trigger.body.text` is text where a number is needed"},
			{`+trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? 0`"},
			{`trigger.body.list - 1`, "error: `trigger.body.list` is a list and `1` is a number; `-` takes two " +
				"numbers, two times, or a time and a duration; `date(…)` and `duration(…)` read text"},
		},
		"comparison": {
			{`1 == 1.0`, `true`}, {`{"a":1} == {"a":1.0}`, `true`}, {`[1, {a: [2]}] == [1, {a: [2]}]`, `true`},
			{`{a: 1} == {b: 1}`, `false`}, {`{a: 1} == {a: 2}`, `false`}, {`[1] == [1, 2]`, `false`},
			{`[1] == [2]`, `false`}, {`"a" == "b"`, `false`}, {`"1" == 1`, `false`},
			{`nil == nil`, `true`}, {`trigger.body.missing == nil`, `true`}, {`trigger.body.list != nil`, `true`},
			{`true == 1`, `false`}, {`trigger.body.no == false`, `true`}, {`[] == {}`, `false`}, {`{} == []`, `false`},
			{`1 != 2`, `true`},
			{`"a" < "b"`, `true`}, {`2 >= 2.0`, `true`}, {`1 < 2 < 3`, `true`}, {`trigger.body.big < 9.3e18`, `true`},
			{`9.3e18 > trigger.body.big`, `true`}, {`1.5 <= 1`, `false`},
			{`9223372036854775807 == 9223372036854775808.0`, `false`},
			{`trigger.body.missing < 1`, "error: `trigger.body.missing` is nil; use `?? 0`"},
			{`"a" > trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`trigger.body.text < 1`, "error: `trigger.body.text` is text and `1` is a number; read the " +
				"number with `int(trigger.body.text)` or `float(trigger.body.text)`"},
			{`trigger.body.yes > trigger.body.no`, "error: `trigger.body.yes` is a boolean and `trigger.body.no` is " +
				"a boolean; `>` takes two numbers, two texts, two times or two durations; `date(…)` and " +
				"`duration(…)` read text"},
		},
		"conditions are boolean": {
			{`true and false`, `false`}, {`true or trigger.body.text`, `true`}, {`false && trigger.body.text`, `false`},
			{`not true`, `false`}, {`!trigger.body.no`, `true`}, {`trigger.body.yes ? 1 : 2`, `1`},
			{`trigger.body.no ? 1 : 2`, `2`}, {`if trigger.body.no {1} else if trigger.body.yes {2} else {3}`, `2`},
			{`trigger.body.paid and true`, "error: `trigger.body.paid` is nil; use `?? false`"},
			{`true and trigger.body.paid`, "error: `trigger.body.paid` is nil; use `?? false`"},
			{`false or trigger.body.text`, "error: `trigger.body.text` is text, not a boolean; compare it with " +
				"something, for example with `==`"},
			{`trigger.body.number or true`, "error: `trigger.body.number` is a number, not a boolean; compare it " +
				"with something, for example with `==`"},
			{`not trigger.body.text`, "error: `trigger.body.text` is text, not a boolean; compare it with something, " +
				"for example with `==`"},
			{`trigger.body.paid ? 1 : 2`, "error: `trigger.body.paid` is nil; use `?? false`"},
			{`trigger.body.paid ?: 2`, "error: `trigger.body.paid` is nil; use `?? false`"},
		},
		"membership and text operators": {
			{`1 in [1.0, 2]`, `true`}, {`"x" in ["a"]`, `false`}, {`"a" in {a: nil}`, `true`},
			{`3 not in trigger.body.list`, `false`}, {`"größe" contains "öß"`, `true`},
			{`"abc" startsWith "ab"`, `true`}, {`"abc" endsWith "ab"`, `false`}, {`"abc" not contains "x"`, `true`},
			{`"a1" matches "^[a-z]\\d$"`, `true`}, {`trigger.body.text matches trigger.body.text`, `true`},
			{`1 in trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? []`"},
			{`"a" in trigger.body.text`, "error: `trigger.body.text` is text; use `contains`"},
			{`1 in trigger.body.map`, "error: `1` is a number; the keys of a mapping are text"},
			{`1 in trigger.body.number`, "error: `trigger.body.number` is a number where a list or mapping is needed"},
			{`trigger.body.missing contains "x"`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`"x" contains trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`trigger.body.number startsWith "x"`, "error: `trigger.body.number` is a number where text is needed"},
			{`trigger.body.missing matches "x"`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`"x" matches trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`"x" matches (trigger.body.empty + "(")`, "error: `trigger.body.empty + \"(\"`: \"(\" is not a regular " +
				"expression: error parsing regexp: missing closing ): `(`"},
		},
		"variables and sequences": {
			{`let a = trigger.body.number; let b = a * 2; a + b`, `15`}, {`let o = trigger.body.order; o.items[1].sku`,
				`"b"`}, {`1; 2`, `2`}, {`map(trigger.body.list, {let x = #; x * x})`, `[9,1,4]`},
			{`trigger.body.text | upper() | len()`, `5`},
			{`filter(trigger.body.order.items, {let i = #; any(trigger.body.list, # > i.price)})`,
				`[{"price":2.5,"sku":"a"}]`}, {`map(1..2, map(1..2, #index))`, `[[0,1],[0,1]]`},
			{`map([1, 2], {let outer = #; map([10, 20], # + outer)})`, `[[11,21],[12,22]]`},
		},
		"predicates": {
			{`all([], # > 1)`, `true`}, {`all([1, 2], # > 1)`, `false`}, {`any([], # > 1)`, `false`},
			{`none([2], # > 1)`, `false`}, {`one([1, 2], # > 1)`, `true`},
			{`filter(trigger.body.order.items, .price > 3)`, `[{"price":4,"sku":"b"}]`},
			{`map(trigger.body.order.items, #.sku)`, `["a","b"]`},
			{`find([1], # > 1)`, `null`}, {`findIndex([1], # > 1)`, `-1`}, {`findLast([1, 2, 3], # < 3)`, `2`},
			{`findLastIndex([1], # > 1)`, `-1`}, {`count(trigger.body.flags)`, `2`},
			{`count(trigger.body.missing)`, `0`}, {`sum(trigger.body.missing)`, `0`},
			{`sum(trigger.body.missing, .x)`, `0`}, {`sum([])`, `0`},
			{`sum([1, 2.5])`, `3.5`}, {`sum(trigger.body.order.items, .price)`, `6.5`},
			{`reduce([1, 2, 3], #acc + #)`, `6`}, {`reduce([1, 2], #acc + #index, 10)`, `11`},
			{`reduce([], #acc, nil)`, `null`},
			{`groupBy([1, 1.5, true, "1"], #)`, `{"1":[1,"1"],"1.5":[1.5],"true":[true]}`},
			{`sortBy([{n: 2, k: "a"}, {n: 1, k: "b"}, {n: 2, k: "c"}], .n, "desc")`,
				`[{"k":"a","n":2},{"k":"c","n":2},{"k":"b","n":1}]`},
			{`filter(trigger.body.missing, true)`, "error: filter: `trigger.body.missing` is nil; use `?? []`"},
			{`map(trigger.body.missing, #)`, "error: map: `trigger.body.missing` is nil; use `?? []`"},
			{`map(trigger.body.map, #)`,
				"error: map: `trigger.body.map` is a mapping; use `values(…)` or `toPairs(…)`"},
			{`all(trigger.body.text, true)`, "error: all: `trigger.body.text` is text where a list is needed"},
			{`filter(trigger.body.order.items, .price)`, "error: filter: `.price` is a number, not a boolean; " +
				"compare it with something, for example with `==`"},
			{`any(trigger.body.order.items, .sku == "x" or .paid)`,
				"invalid: `trigger.body.order.items` has no member \"paid\"; known: price, sku"},
			{`any(trigger.body.list, #.x)`, "error: `#` is a number and has no members"},
			{`count(trigger.body.list)`, "error: count: `trigger.body.list`[0] is a number; count a list of " +
				"booleans, or give a predicate; `len(…)` counts elements"},
			{`sum(trigger.body.mixed)`, "error: sum: `trigger.body.mixed`[1] is text where a number is needed"},
			{`sum(trigger.body.nested, .tags)`,
				"error: sum: for element 0, `.tags` is a list where a number is needed"},
			{`sum(trigger.body.nested, .x)`, "error: sum: for element 0, `.x` is nil; use `?? 0`"},
			{`sum([trigger.body.big, 1])`, "error: sum: the sum of `[…]` does not fit in 64 bits"},
			{`reduce(trigger.body.order.items[9:], #acc)`, "error: reduce: `trigger.body.order.items[…:…]` is empty; " +
				"give a first value for #acc as third argument"},
			{`groupBy(trigger.body.nested, .x)`, "error: groupBy: for element 0, `.x` is nil; use `?? \"\"`"},
			{`groupBy(trigger.body.nested, .tags)`,
				"error: groupBy: for element 0, `.tags` is a list where text is needed"},
			{`sortBy(trigger.body.mixed, #)`, "error: sortBy: for element 1, `#` is text, and a number for the " +
				"first; make them one type"},
			{`sortBy(trigger.body.list, #, "up")`,
				"error: sortBy: `\"up\"` is not an order; write \"asc\" or \"desc\""},
			{`filter(trigger.body.list, # / 0 == 1)`, "error: division by zero: `0` is 0"},
		},
		"errors come through everything that evaluates": {
			{`[1 / trigger.body.nothing]`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`{a: 1 + trigger.body.nothing}`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`{(trigger.body.nothing): 1}`, "error: the key `trigger.body.nothing` is nil; keys are text, use " +
				"`string(…)`"}, {`{(1 + trigger.body.nothing): 1}`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`let x = 1 + trigger.body.nothing; x`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`1 + trigger.body.nothing; 2`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`(1 + trigger.body.nothing).x`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`trigger.body.list[1 + trigger.body.nothing]`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`len(string(1 + trigger.body.nothing))`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`-(1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`1 + (1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`map(1 + trigger.body.nothing, #)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`sortBy(trigger.body.list, 1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`groupBy(trigger.body.list, 1 + trigger.body.nothing)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`sum(trigger.body.list, 1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`reduce(trigger.body.list, 1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`find(trigger.body.list, 1 + trigger.body.nothing > 0)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`count(trigger.body.list, 1 + trigger.body.nothing > 0)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`one(trigger.body.list, 1 + trigger.body.nothing > 0)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`any(trigger.body.list, 1 + trigger.body.nothing > 0)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`filter(trigger.body.list, 1 + trigger.body.nothing > 0)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`map(trigger.body.list, 1 + trigger.body.nothing)`, "error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`reduce(trigger.body.list, 1, 1 + trigger.body.nothing)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
			{`sortBy(trigger.body.list, #, 1 + trigger.body.nothing)`,
				"error: `trigger.body.nothing` is nil; use `?? 0`"},
		},
	} {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				assert.Equal(t, c[1], evaluate(t, c[0]), c[0])
			}
		})
	}
}
