package expression

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestEveryFunctionsExampleGivesItsResult(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Functions() {
		require.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
		assert.Equal(t, f.Result, evaluate(t, f.Example), f.Name)
		assert.Contains(t, f.Example, f.Name+"(")
		assert.True(t, strings.HasPrefix(f.Signature, f.Name+"("), f.Signature)
		assert.NotEmpty(t, f.Group, f.Name)
		assert.True(t, strings.HasSuffix(f.Doc, "."), f.Doc)
	}
}

func TestFunctionsGiveTheirValueOrAnErrorThatNamesTheArgument(t *testing.T) {
	t.Parallel()
	for group, cases := range map[string][][2]string{
		"text": {
			{`trim("__a_", "_")`, `"a"`}, {`trimPrefix("abc", "x")`, `"abc"`}, {`upper("é")`, `"É"`},
			{`split("a,b", ",", 0)`, `[]`}, {`split("", ",")`, `[""]`}, {`splitAfter("a,b,c", ",", 2)`, `["a,","b,c"]`},
			{`replace("aaa", "a", "")`, `""`}, {`replace("ab", "", "-")`, `"-a-b-"`}, {`repeat("a", 0)`, `""`},
			{`join([])`, `""`}, {`join(["a", "b"])`, `"ab"`}, {`hasSuffix("abc", "c")`, `true`},
			{`upper(trigger.body.missing)`, "error: upper: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`trim(1 + trigger.body.number)`,
				"error: trim: `1 + trigger.body.number` is a number where text is needed"},
			{`trim("a", trigger.body.number)`, "error: trim: `trigger.body.number` is a number where text is needed"},
			{`repeat("a", -trigger.body.number)`, "error: repeat: `-trigger.body.number` is -5; a text cannot be " +
				"repeated less than 0 times"},
			{`repeat(trigger.body.number, 1)`, "error: repeat: `trigger.body.number` is a number where text is needed"},
			{`repeat("a", trigger.body.float)`,
				"error: repeat: `trigger.body.float` is 1.5 where a whole number is needed"},
			{`repeat("a", trigger.body.missing)`, "error: repeat: `trigger.body.missing` is nil; use `?? 0`"},
			{`join(trigger.body.mixed, ",")`, "error: join: `trigger.body.mixed`[0] is a number where text is " +
				"needed; use `map(…, string(#))`"}, {`join(trigger.body.words, trigger.body.number)`,
				"error: join: `trigger.body.number` is a number where text is needed"},
			{`join(trigger.body.missing)`, "error: join: `trigger.body.missing` is nil; use `?? []`"},
			{`split(trigger.body.missing, ",")`, "error: split: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`split("a", ",", trigger.body.float)`, "error: split: `trigger.body.float` is 1.5 where a whole number " +
				"is needed"}, {`replace(trigger.body.missing, "a", "b")`,
				"error: replace: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`replace("a", "a", trigger.body.missing)`, "error: replace: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`indexOf("a", trigger.body.missing)`, "error: indexOf: `trigger.body.missing` is nil; use `?? \"\"`"},
		},
		"numbers": {
			{`max(trigger.body.list)`, `3`}, {`max(1, [2.5, 2], 0)`, `2.5`}, {`min([])`, `null`}, {`mean([])`, `0`},
			{`mean([1, 2])`, `1.5`}, {`median([])`, `0`}, {`median([4, 1, 3, 2])`, `2.5`}, {`median(3, 1, 2)`, `2`},
			{`abs(-1.5)`, `1.5`}, {`abs(2)`, `2`}, {`ceil(2)`, `2`}, {`ceil(-1.5)`, `-1`}, {`floor(-1.5)`, `-2`},
			{`round(2.5)`, `3`}, {`round(-2.5)`, `-3`}, {`round(1.005, 2)`, `1.01`}, {`round(-0.4)`, `0`},
			{`round(5, 2)`, `5`}, {`round(9.995, 2)`, `10`}, {`round(1e300, 3)`, `1e+300`},
			{`fixed(9.995, 2)`, `"10.00"`}, {`fixed(-0.001, 2)`, `"0.00"`}, {`fixed(1.5, 0)`, `"2"`},
			{`fixed(-7, 1)`, `"-7.0"`}, {`fixed(0.05, 1)`, `"0.1"`},
			{`bitxor(1, 3)`, `2`}, {`bitshl(1, 64)`, `0`},
			{`max(trigger.body.mixed)`, "error: max: `trigger.body.mixed`[1] is text where a number is needed"},
			{`min(1, trigger.body.missing)`, "error: min: `trigger.body.missing` is nil; use `?? 0`"},
			{`mean(trigger.body.text)`, "error: mean: `trigger.body.text` is text where a number is needed"},
			{`median(trigger.body.missing)`, "error: median: `trigger.body.missing` is nil; use `?? 0`"},
			{`abs(trigger.body.text)`, "error: abs: `trigger.body.text` is text where a number is needed"},
			{`floor(trigger.body.missing)`, "error: floor: `trigger.body.missing` is nil; use `?? 0`"},
			{`abs(-trigger.body.big - 1)`, "error: -`-trigger.body.big - 1` does not fit in 64 bits"},
			{`round(trigger.body.float, trigger.body.number * 4)`, "error: round: `trigger.body.number * 4` is 20; " +
				"write 0 to 15 digits"},
			{`fixed(trigger.body.missing, 2)`, "error: fixed: `trigger.body.missing` is nil; use `?? 0`"},
			{`round(trigger.body.float, trigger.body.float)`, "error: round: `trigger.body.float` is 1.5 where a " +
				"whole number is needed"},
			{`bitand(trigger.body.float, 1)`,
				"error: bitand: `trigger.body.float` is 1.5 where a whole number is needed"},
			{`bitor(1, trigger.body.missing)`, "error: bitor: `trigger.body.missing` is nil; use `?? 0`"},
			{`bitshr(1, -trigger.body.number)`, "error: bitshr: `-trigger.body.number` is -5; shift by 0 or more"},
		},
		"lists": {
			{`len({a: 1})`, `1`}, {`first([])`, `null`}, {`first(trigger.body.missing)`, `null`},
			{`last("größe")`, `"e"`}, {`first("")`, `null`}, {`take([1], 5)`, `[1]`}, {`take([1], -1)`, `[]`},
			{`reverse([])`, `[]`}, {`concat([1])`, `[1]`}, {`flatten([[], [[1, [2]]], 3])`, `[1,2,3]`},
			{`uniq([1, 1.0, "1", nil, nil, [1], [1.0], {a: 1}, {a: 1}, "[1]", true])`,
				`[1,"1",null,[1],{"a":1},"[1]",true]`},
			{`uniq([date("2030-01-01"), date("2030-01-01T01:00:00+01:00")])`, `["2030-01-01T00:00:00Z"]`},
			{`uniq([duration("1m"), duration("60s")])`, `["PT1M"]`},
			{`sort(["b", "a"])`, `["a","b"]`}, {`sort([])`, `[]`}, {`sort([1.5, 1, 2], "asc")`, `[1,1.5,2]`},
			{`sort([date("2030-01-02"), date("2030-01-01")])`, `["2030-01-01T00:00:00Z","2030-01-02T00:00:00Z"]`},
			{`sort([duration("2m"), duration("1m")])`, `["PT1M","PT2M"]`},
			{`get(trigger.body, "order.items.sku")`, `["a","b"]`},
			{`get(trigger.body, "nested.tags")`, `["x","y","z"]`}, {`get(trigger.body, "nested[0].tags[1]")`, `"y"`},
			{`get(trigger.body, "nested[9].tags")`, `null`}, {`get(trigger.body, "text.x")`, `null`},
			{`get(trigger.body, "map[0]")`, `null`}, {`get(trigger.body.missing, "a")`, `null`},
			{`get([1, 2], -1)`, `2`}, {`get([1], 5)`, `null`}, {`get("ab", 1)`, `"b"`}, {`get({}, 1)`, `null`},
			{`get([[{a: 1}], [{a: [2]}]], "a")`, `[1,2]`},
			{`keys(trigger.body.map)`, `["a","b","c"]`}, {`values({b: 1, a: nil})`, `[null,1]`},
			{`fromPairs(toPairs(trigger.body.map)) == trigger.body.map`, `true`},
			{`fromPairs([["a", 1], ["a", 2]])`, `{"a":2}`},
			{`len(trigger.body.missing)`, "error: len: `trigger.body.missing` is nil; use `?? []` or `?? \"\"`"},
			{`len(trigger.body.yes)`,
				"error: len: `trigger.body.yes` is a boolean where a list, mapping or text is needed"},
			{`first(trigger.body.number)`, "error: first: `trigger.body.number` is a number where a list is needed"},
			{`take(trigger.body.missing, 1)`, "error: take: `trigger.body.missing` is nil; use `?? []`"},
			{`take([1], trigger.body.float)`,
				"error: take: `trigger.body.float` is 1.5 where a whole number is needed"},
			{`get({}, trigger.body.missing)`,
				"error: get: `trigger.body.missing` is nil where a path or position is needed"},
			{`get({}, trigger.body.empty)`, "error: get: `trigger.body.empty` is no path: an empty path"},
			{`reverse(trigger.body.text)`, "error: reverse: `trigger.body.text` is text where a list is needed"},
			{`concat([1], trigger.body.missing)`, "error: concat: `trigger.body.missing` is nil; use `?? []`"},
			{`flatten(trigger.body.missing)`, "error: flatten: `trigger.body.missing` is nil; use `?? []`"},
			{`uniq(trigger.body.missing)`, "error: uniq: `trigger.body.missing` is nil; use `?? []`"},
			{`sort(trigger.body.missing)`, "error: sort: `trigger.body.missing` is nil; use `?? []`"},
			{`sort(trigger.body.mixed)`, "error: sort: for element 1, `trigger.body.mixed` is text, and a number for " +
				"the first; make them one type"},
			{`sort([trigger.body.nothing])`, "error: sort: for element 0, `[…]` is nil; numbers, texts, times and " +
				"durations can be sorted"},
			{`sort(trigger.body.flags)`, "error: sort: for element 0, `trigger.body.flags` is a boolean; numbers, " +
				"texts, times and durations can be sorted"}, {`sort(trigger.body.list, trigger.body.missing)`,
				"error: sort: `trigger.body.missing` is not an order; write \"asc\" or \"desc\""},
			{`keys(trigger.body.list)`, "error: keys: `trigger.body.list` is a list where a mapping is needed"},
			{`values(trigger.body.missing)`, "error: values: `trigger.body.missing` is nil; use `?? {}`"},
			{`fromPairs(trigger.body.list)`,
				"error: fromPairs: `trigger.body.list`[0] is not a pair like [\"key\", 1]"},
			{`fromPairs([[1, trigger.body.number]])`, "error: fromPairs: the key in `[…]`[0] is a number where text " +
				"is needed"}, {`fromPairs(trigger.body.missing)`, "error: fromPairs: `trigger.body.missing` is nil; " +
				"use `?? []`"},
		},
		"types": {
			{`map([nil, true, 1, 1.5, "", [], {}, now(), duration("0"), timezone("UTC")], type(#))`,
				`["nil","bool","int","float","string","array","map","time.Time","time.Duration","time.Location"]`},
			{`int(3.9)`, `3`}, {`int(-3.9)`, `-3`}, {`int(" 42 ")`, `42`}, {`int("1e3")`, `1000`},
			{`float("1.0")`, `1`}, {`float("-1.5e1")`, `-15`}, {`float(2)`, `2`},
			{`string(nil)`, `""`}, {`string(1e21)`, `"1e+21"`}, {`string(true)`, `"true"`},
			{`string({b: [1, nil], a: "<&>"})`, `"{\"a\":\"<&>\",\"b\":[1,null]}"`},
			{`string(date("2030-01-01"))`, `"2030-01-01T00:00:00Z"`}, {`string(duration("1h"))`, `"PT1H"`},
			{`string(timezone("Europe/Zurich"))`, `"Europe/Zurich"`}, {`toJSON(trigger.body.missing)`, `"null"`},
			{`toJSON([date("2030-01-01"), {d: duration("1h")}])`, `"[\"2030-01-01T00:00:00Z\",{\"d\":\"PT1H\"}]"`},
			{`fromJSON("[1.0, 2.5, {\"a\": null}]")`, `[1,2.5,{"a":null}]`},
			{`fromJSON(toJSON(trigger.body.map)) == trigger.body.map`, `true`},
			{`int(trigger.body.missing)`, "error: int: `trigger.body.missing` is nil; use `?? 0`"},
			{`int(trigger.body.text)`, "error: int: `trigger.body.text` is text, but not that of a number"},
			{`int("3.5" + trigger.body.empty)`, "error: int: `\"3.5\" + trigger.body.empty` is the text of a number " +
				"that is not whole; use `floor(float(…))`"},
			{`int(1e300 * trigger.body.number)`, "error: int: `1e+300 * trigger.body.number` does not fit in 64 bits"},
			{`int("9223372036854775808" + trigger.body.empty)`,
				"error: int: `\"9223372036854775808\" + trigger.body.empty` does not fit in 64 bits"},
			{`float(trigger.body.empty)`, "error: float: `trigger.body.empty` is text, but not that of a number"},
			{`float("1e999" + trigger.body.empty)`, "error: float: `\"1e999\" + trigger.body.empty` is a number " +
				"beyond 1.8e308, the largest one"}, {`float("NaN" + trigger.body.empty)`,
				"error: float: `\"NaN\" + trigger.body.empty` is text, but not that of a number"},
			{`float(trigger.body.list)`, "error: float: `trigger.body.list` is a list where a number is needed"},
			{`fromJSON(trigger.body.text)`, "error: fromJSON: `trigger.body.text` is no JSON: line 1, column 1: " +
				"invalid character 'g' looking for beginning of value"},
			{`fromJSON(trigger.body.missing)`, "error: fromJSON: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`timezone("UTC" + trigger.body.empty)`, "error: a time zone is not a value; use it as in " +
				"`date(…).In(timezone(…))`"},
		},
		"times": {
			{`now()`, `"2030-01-01T00:00:00Z"`}, {`date(trigger.body.at)`, `"2030-01-31T09:00:00+02:00"`},
			{`date(trigger.body.at).UTC()`, `"2030-01-31T07:00:00Z"`},
			{`date(trigger.headers.date)`, `"2006-01-02T15:04:05Z"`},
			{`date("2030-01-31 10:00:00")`, `"2030-01-31T10:00:00Z"`},
			{`date(date("2030-01-31"))`, `"2030-01-31T00:00:00Z"`},
			{`date("31.01.2030", "DD.MM.YYYY")`, `"2030-01-31T00:00:00Z"`},
			{`date("2030-07-01 12:00", "YYYY-MM-DD HH:mm", "Europe/Zurich")`, `"2030-07-01T12:00:00+02:00"`},
			{`date("2030-07-01 12:00", "YYYY-MM-DD HH:mm", timezone("Europe/Zurich"))`, `"2030-07-01T12:00:00+02:00"`},
			{`date("1800-01-01 12:00", "YYYY-MM-DD HH:mm", "Europe/Zurich")`, `"1800-01-01T11:25:52Z"`},
			{`date("2030-01-31") - date("2030-01-01")`, `"P30D"`}, {`date("2030-01-01") - date("2030-01-31")`,
				`"-P30D"`}, {`date("2030-01-31") + duration("-1d")`, `"2030-01-30T00:00:00Z"`},
			{`duration("1h") + date("2030-01-31")`, `"2030-01-31T01:00:00Z"`},
			{`date("2030-01-31") - duration("1h")`, `"2030-01-30T23:00:00Z"`},
			{`duration("1h") - duration("2h")`, `"-PT1H"`}, {`duration("1h") + duration("P1D")`, `"P1DT1H"`},
			{`duration("1h") * 1.5`, `"PT1H30M"`}, {`2 * duration("1h")`, `"PT2H"`}, {`duration("1h") / 2`, `"PT30M"`},
			{`duration("1h") / duration("2m")`, `30`}, {`-duration("1h")`, `"-PT1H"`},
			{`duration(duration("1h"))`, `"PT1H"`}, {`date(trigger.body.at) > now()`, `true`},
			{`duration("60s") == duration("1m")`, `true`}, {`date("2030-01-01T01:00:00+01:00") == date("2030-01-01")`,
				`true`}, {`duration("1s") < duration("1m")`, `true`}, {`now() == nil`, `false`},
			{`date(system.now) == now()`, `true`}, {`fromUnix(1.5)`, `"1970-01-01T00:00:01.5Z"`},
			{`fromUnix(-1)`, `"1969-12-31T23:59:59Z"`}, {`map(["Year", "x"], date("2030-02-03T04:05:06.007Z").Year())`,
				`[2030,2030]`}, {`date("2030-02-03T04:05:06.007Z").Month()`, `2`},
			{`date("2030-02-03").Weekday()`, `0`}, {`date("2030-02-03").YearDay()`, `34`},
			{`date("2030-02-03").Unix()`, `1896307200`}, {`date("2030-02-03").Format("DD.MM.YYYY")`, `"03.02.2030"`},
			{`date("2030-01-31").AddDate(0, 1, 0)`, `"2030-03-03T00:00:00Z"`},
			{`date("2030-01-31").Add(duration("1h"))`, `"2030-01-31T01:00:00Z"`},
			{`date("2030-01-31T10:11:12Z").Truncate(duration("1h"))`, `"2030-01-31T10:00:00Z"`},
			{`duration("90s").Truncate(duration("1m"))`, `"PT1M"`}, {`date("2030-01-31").Before(now())`, `false`},
			{`date("2030-01-31").In("America/New_York").Hour()`, `19`}, {`duration("90m").Hours()`, `1.5`},
			{`duration("1.5s").Milliseconds()`, `1500`}, {`{at: now(), list: [duration("1m"), 1]}`,
				`{"at":"2030-01-01T00:00:00Z","list":["PT1M",1]}`},
			{`now() == system.now`, "error: `now()` is a time and `system.now` is text, which are never equal; read " +
				"the text with `date(…)`"},
			{`trigger.body.text != duration("1m")`, "error: `trigger.body.text` is text and `duration(\"1m\")` is a " +
				"duration, which are never equal; read the text with `duration(…)`"},
			{`timezone("UTC") == timezone("UTC")`, "invalid: a time zone cannot be compared"},
			{`trigger.body.at > now()`, "error: `trigger.body.at` is text and `now()` is a time; read the " +
				"time with `date(trigger.body.at)`"},
			{`now() + trigger.body.missing`, "error: `trigger.body.missing` is nil; use `?? duration(\"0\")`"},
			{`date(trigger.body.missing)`, "error: date: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`date(trigger.body.number)`, "error: date: `trigger.body.number` is a number; use `fromUnix(…)` for " +
				"seconds since 1970"}, {`date(trigger.body.text)`, "error: date: `trigger.body.text`: \"größe\" is " +
				"not a time; write for example 2030-01-31T09:00:00Z"},
			{`date("Mon, 02 Jan 2006 15:04:05 PST" + trigger.body.empty)`,
				"error: date: `\"Mon, 02 Jan 2006 15:04:05 PST\" + trigger.body.empty`: \"Mon, 02 Jan 2006 15:04:05 " +
					"PST\" is not a time; write for example 2030-01-31T09:00:00Z"}, {`date(trigger.body.text, "YYYY")`,
				"error: date: `trigger.body.text` is \"größe\", which does not have the layout: where the layout " +
					"has YYYY, the text has \"größe\""}, {`date("2030", trigger.body.number)`,
				"error: date: `trigger.body.number` is a number where text is needed"},
			{`date("2030", "YYYY", trigger.body.text)`,
				"error: date: \"größe\" is not a time zone; write for example \"Europe/Zurich\" or \"UTC\""},
			{`date("2030", "YYYY", trigger.body.number)`,
				"error: date: `trigger.body.number` is a number where text is needed"},
			{`duration(trigger.body.number)`,
				"error: duration: `trigger.body.number` is a number where text is needed"},
			{`duration(trigger.body.text)`, "error: duration: `trigger.body.text`: \"größe\" is not a duration; " +
				"write for example 30s, 1d12h or P3D"},
			{`fromUnix(trigger.body.missing)`, "error: fromUnix: `trigger.body.missing` is nil; use `?? 0`"},
			{`fromUnix(trigger.body.number * 1e12)`, "error: fromUnix: `trigger.body.number * 1e+12` is outside the " +
				"years 0 to 9999; divide milliseconds by 1000"},
			{`date("9999-12-31") + duration("2d")`, "invalid: `date(\"9999-12-31\") + duration(\"2d\")` is outside " +
				"the years 0 to 9999"}, {`date("9999-12-31") - date("0001-01-01")`,
				"invalid: `date(\"9999-12-31\") - date(\"0001-01-01\")` is longer than a duration can be, some 292 " +
					"years"}, {`duration("3650d") * 1000`,
				"invalid: `duration(\"3650d\") * 1000` is longer than a duration can be, some 292 years"},
			{`duration("1h") / (trigger.body.number - 5)`, "error: division by zero: `trigger.body.number - 5` is 0"},
			{`duration("1h") / duration("0")`, "invalid: division by zero: `duration(\"0\")` is 0"},
			{`trigger.body.text.Year()`, "error: `trigger.body.text` is text and has no method Year; read it with " +
				"`date(…)`"}, {`trigger.body.text.Hours()`, "error: `trigger.body.text` is text and has no method " +
				"Hours; read it with `duration(…)`"},
			{`trigger.body.missing.Year()`, "error: `trigger.body.missing` is nil and has no method Year"},
			{`duration("1h").Year()`, "invalid: `duration(\"1h\")` is a duration and has no method Year"},
			{`now().Hours()`, "error: `now()` is a time and has no method Hours"},
			{`now().Add(trigger.body.missing)`, "error: Add: `trigger.body.missing` is nil; use `?? duration(\"0\")`"},
			{`now().Before(trigger.body.text)`, "error: Before: `trigger.body.text` is text where a time is needed"},
			{`now().AddDate(trigger.body.float, 0, 0)`, "error: AddDate: `trigger.body.float` is 1.5 where a whole " +
				"number is needed"}, {`now().AddDate(trigger.body.big, 0, 0)`,
				"error: AddDate: `trigger.body.big` is too large"},
			{`now().Format(trigger.body.missing)`, "error: Format: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`now().In(trigger.body.missing)`, "error: In: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`now().Year(1 / 0)`, "invalid: Year takes 0 arguments, not 1"},
			{`now().In(string(1 + trigger.body.missing))`, "error: `trigger.body.missing` is nil; use `?? 0`"},
			{`now().x`, "error: `now()` is a time and has no members"},
		},
		"codes": {
			{`fromBase64(toBase64("größe"))`, `"größe"`},
			{`sha256("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
			{`hmac("what do ya want for nothing?", "Jefe")`,
				`"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`},
			{`urlEncode("a b+c&d=e/ü~")`, `"a%20b%2Bc%26d%3De%2F%C3%BC~"`},
			{`resumeUrl("confirm")`, `"https://hooks.example.com/resume/confirm"`},
			{`toBase64(trigger.body.missing)`, "error: toBase64: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`fromBase64(trigger.body.text)`, "error: fromBase64: `trigger.body.text` is not Base64"},
			{`fromBase64("/w==" + trigger.body.empty)`, "error: fromBase64: `\"/w==\" + trigger.body.empty` is " +
				"Base64 of data that is no text in UTF-8"},
			{`fromBase64(trigger.body.number)`,
				"error: fromBase64: `trigger.body.number` is a number where text is needed"},
			{`sha256(trigger.body.number)`, "error: sha256: `trigger.body.number` is a number where text is needed"},
			{`hmac("a", trigger.body.missing)`, "error: hmac: `trigger.body.missing` is nil; use `?? \"\"`"},
			{`urlEncode(trigger.body.number)`,
				"error: urlEncode: `trigger.body.number` is a number where text is needed"},
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

func TestFunctionsOfTheRunAreErrorsOutsideOfIt(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`now()`:          "now: there is no clock here",
		`resumeUrl("x")`: "resumeUrl: there is no run here that a URL could resume",
	} {
		p, err := Compile(source, testEnvironment())
		require.NoError(t, err)
		_, err = p.Eval(&Scope{})
		require.EqualError(t, err, want)
	}
	p, err := Compile(`resumeUrl("x")`, testEnvironment())
	require.NoError(t, err)
	_, err = p.Eval(&Scope{ResumeURL: func(string) (string, error) {
		return "", everhook.Errorf(everhook.TypeConfig, "there is no node x")
	}})
	require.Equal(t, everhook.Errorf(everhook.TypeConfig, "resumeUrl: there is no node x"), err)
}

func TestUUIDsDifferByCallAndAreTheSameOnReplay(t *testing.T) {
	t.Parallel()
	p, err := Compile(`[uuid(), uuid()]`, testEnvironment())
	require.NoError(t, err)
	ids := func(scope *Scope) []any {
		v, err := p.Eval(scope)
		require.NoError(t, err)
		return v.([]any)
	}
	scope := &Scope{Seed: "run-1/node"}
	first, second := ids(scope), ids(scope)
	require.Len(t, map[any]bool{first[0]: true, first[1]: true, second[0]: true, second[1]: true}, 4)
	require.Equal(t, first, ids(&Scope{Seed: "run-1/node"}))
	require.NotEqual(t, first, ids(&Scope{Seed: "run-2/node"}))
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first[0])
}

func TestZonesComeFromTheBinary(t *testing.T) {
	t.Setenv("ZONEINFO", t.TempDir())
	zone, err := Zone("Europe/Zurich")
	require.NoError(t, err)
	_, offset := time.Date(2030, 7, 1, 0, 0, 0, 0, zone).Zone()
	require.Equal(t, 7200, offset)
	for _, name := range []string{"", "Local", "../etc/passwd", "Europe", "Europe/"} {
		_, err := Zone(name)
		require.ErrorContains(t, err, "is not a time zone", name)
	}
}
