package expression

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMappingsAreMergedAndCut(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`merge({a: 1})`: `{"a":1}`, `merge({a: {b: 1}}, {a: {c: 2}}, {})`: `{"a":{"c":2}}`,
		`merge(trigger.body.map, {b: 3}).b + trigger.body.map.b`: `5`,
		`merge(trigger.body.missing, {})`: "error: merge: `trigger.body.missing` is nil; use " +
			"`?? {}`",
		`pick({a: 1, b: nil}, ["b", "b", "x"])`: `{"b":null}`, `pick({}, [])`: `{}`,
		`pick({a: 1}, trigger.body.mixed)`: "error: pick: `trigger.body.mixed`[0] is a number where text is needed",
		`pick({a: 1}, trigger.body.text)`:  "error: pick: `trigger.body.text` is text where a list is needed",
		`omit({a: 1, b: 2}, ["x", "b"])`:   `{"a":1}`, `omit(trigger.body.map, ["c"])`: `{"a":1,"b":2}`,
		`omit(trigger.body.list, ["c"])`: "error: omit: `trigger.body.list` is a list where a mapping is needed",
		`chunk([], 3)`:                   `[]`, `chunk([1, 2, 3, 4], 2)`: `[[1,2],[3,4]]`, `chunk([1], 9)`: `[[1]]`,
		`chunk([1], trigger.body.number - 5)`: "error: chunk: `trigger.body.number - 5` is 0; a part has 1 or more " +
			"elements",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestPatternsFindAndReplace(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`regexFind("ab12", "([a-z]+)([0-9]+)(x)?")`: `["ab12","ab","12",null]`, `regexFind("ab", "[0-9]")`: `null`,
		`regexFind("", "")`: `[""]`, `regexFind("größe", "ö(.)")`: `["öß","ß"]`,
		`regexFind("a", "(")`: "invalid: regexFind: \"(\" is not a regular expression: error parsing regexp: missing " +
			"closing ): `(`",
		`regexFind("a", trigger.body.empty + "(")`: "error: regexFind: `trigger.body.empty + \"(\"`: \"(\" is not a " +
			"regular " +
			"expression: error parsing regexp: missing closing ): `(`",
		`regexFind(trigger.body.missing, "a")`: "error: regexFind: `trigger.body.missing` is nil; use `?? \"\"`",
		`regexFind("a", trigger.body.number)`: "error: regexFind: `trigger.body.number` is a number where text is " +
			"needed",
		`regexReplace("a1b22", "[0-9]+", "#")`: `"a#b#"`, `regexReplace("ab", "", "-")`: `"-a-b-"`,
		`regexReplace("John Smith", "(?P<first>\\w+) (\\w+)", "$2, ${first} $$")`: `"Smith, John $"`,
		`regexReplace("abc", "x", "y")`:                                           `"abc"`,
		`regexReplace("abc", "b", trigger.body.missing)`: "error: regexReplace: " +
			"`trigger.body.missing` is nil; use `?? \"\"`",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestRowsBecomeCSV(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`toCSV([])`: `""`, `toCSV([], ["a"])`: `"a\r\n"`,
		`toCSV([{b: 1, a: nil}, {c: [1]}])`: `"a,b,c\r\n,1,\r\n,,[1]\r\n"`,
		`toCSV([[1, "a,b", "say \"x\"", "two\nlines", " s", true, nil]])`: "\"1,\\\"a,b\\\",\\\"say " +
			"\\\"\\\"x\\\"\\\"\\\",\\\"two\\nlines\\\",\\\" s\\\",true,\\r\\n\"",
		`toCSV([[""], [nil]])`:         `"\"\"\r\n\"\"\r\n"`,
		`toCSV([trigger.body.number])`: "error: toCSV: `[…]`[0] is a number where a mapping or list is needed",
		`toCSV(trigger.body.map)`:      "error: toCSV: `trigger.body.map` is a mapping where a list is needed",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestCodesAndDigests(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`md5("a")`: `"0cc175b9c0f1b6a831c399e269772661"`, `sha1("a")`: `"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"`,
		`hmac("a", "b")`:                                         `"cb448b440c42ac8ad084fc8a8795c98f5b7802359c305eabd57ecdb20e248896"`,
		`hmac("a", "b", {hash: "sha1"})`:                         `"8abe0fd691e3da3035f7b7ac91be45d99e942b9e"`,
		`len(hmac("a", "b", {hash: "sha512", encoding: "hex"}))`: `128`,
		`hmac("a", "b", {encoding: "base64url"})`:                `"y0SLRAxCrIrQhPyKh5XJj1t4AjWcMF6r1X7Nsg4kiJY"`,
		`hmac("a", "b", {hash: trigger.body.text})`: "error: hmac: the option hash is not one of md5, " +
			"sha1, sha256, sha512",
		`hmac("a", "b", {encoding: 1})`: "invalid: hmac: the option encoding is not one of " +
			"base64, base64url, hex",
		`hmac("a", "b", {x: 1})`: "invalid: hmac: there is no option \"x\"; write " +
			"hash or encoding",
		`urlDecode("a%2")`: "invalid: urlDecode: `\"a%2\"` is not " +
			"percent-encoded: a % is followed by two hexadecimal digits",
		`urlDecode("%ff")`: "invalid: urlDecode: `\"%ff\"` is percent-encoded " +
			"data that is not text in UTF-8",
		`urlDecode(urlEncode("a+b c/ü&"))`: `"a+b c/ü&"`,
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestMarkupIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`htmlEscape("<a href=\"x\">'&'</a>")`: `"&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt;"`,
		`xmlEscape(nil)`:                      `""`, `xmlEscape(5)`: `"5"`, `xmlEscape("a\u0001\n")`: `"a�\n"`,
		`markdown("# A\n\n- b\n- c <script>alert(1)</script>\n\n[x](javascript:alert(1))")`: `"<h1>A</h1>\n<ul>\n<li>b</li>\n<li>c <!-- raw HTML omitted -->alert(1)<!-- raw HTML omitted --></li>\n</ul>\n<p><a href=\"\">x</a></p>\n"`,
		`markdown("|a|b|\n|-|-|\n|1|2|")`:                                  `"<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"`,
		`map(html("<ul><li class='x'>a <b>b</b><li>c</ul>", "li"), .text)`: `["a b","c"]`,
		`html("<p>a", "p.x, p:first-child")`:                               `[{"attributes":{},"tag":"p","text":"a"}]`,
		`html("", "p")`:                                                    `[]`,
		`html("a", "p[")`: "invalid: html: `\"p[\"` is not a CSS selector: expected identifier, " +
			"found EOF instead",
		`html("a", "p:has(a)")`: "invalid: html: `\"p:has(a)\"` has more than 200 bytes or a pseudo-class " +
			"like :has(…), which takes too long",
		`html(trigger.body.missing, "p")`: "error: html: `trigger.body.missing` is nil; use `?? \"\"`",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestMarkupThatIsDeepEndsAtALimit(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`markdown(repeat(">", 60000))`, `markdown(repeat("- ", 30000))`, `markdown(repeat("[a](b", 12000))`,
		`markdown(repeat("|a", 10000) + "\n" + repeat("|-", 10000) + "\n" + repeat("a\n", 10000))`,
		`html(repeat("<p>x", 60000), "p")`, `html(repeat("<i>x</i>", 20000), "i:nth-child(2n+1):nth-last-child(3n)")`,
		`html(repeat("<div>", 400), "` + strings.Repeat("div ", 6) + `")`, `html(repeat("<div>a", 400), "*")`,
	} {
		got := evaluate(t, source)
		assert.True(t, strings.HasPrefix(got, "error: evaluating ") ||
			strings.Contains(got, "nested deeper than 100 in one line") ||
			strings.HasPrefix(got, `[{"attr`), got)
	}
}
