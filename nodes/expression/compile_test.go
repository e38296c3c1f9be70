package expression

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSourcesThatCannotWorkAreRefusedWithAFix(t *testing.T) {
	t.Parallel()
	for group, cases := range map[string][][2]string{
		"names": {
			{`trigger.bdy.id`, "`trigger` has no member \"bdy\"; did you mean \"body\"?"},
			{`foo`, "unknown name `foo`; known: env, errors, loop, loops, nodes, system, trigger"},
			{`trigge.body`, "unknown name `trigge`; did you mean \"trigger\"?"},
			{`nodes.charg.x`, "`nodes` has no member \"charg\"; did you mean \"charge\"?"},
			{`nodes.later.x`, "`nodes.later` is not available here: it runs later"},
			{`failure.message`, "`failure` is not available here: it exists only in onFailure"},
			{`trigger.headers.cookie`, "`trigger.headers.cookie` is not available here: it is not among " +
				"trigger.request.headers"},
			{`trigger.body.order.total`, "`trigger.body.order` has no member \"total\"; known: id, items, status"},
			{`trigger.body.order.items[0].skuu`, "`trigger.body.order.items[0]` has no member \"skuu\"; did you mean " +
				"\"sku\"?"}, {`map(trigger.body.order.items, .name)`,
				"`trigger.body.order.items` has no member \"name\"; known: price, sku"},
			{`first(trigger.body.order.items).name`, "`first(trigger.body.order.items)` has no member \"name\"; " +
				"known: price, sku"}, {`let o = trigger.body.order; o.total`,
				"`o` has no member \"total\"; known: id, items, status"},
			{`trigger.body.other.anything`, ""}, {`trigger.body.order[trigger.body.text]`, ""},
			{`trigger.body.order.items[len("a")].skuu`, "`trigger.body.order.items[len(…)]` has no member \"skuu\"; " +
				"did you mean \"sku\"?"},
			{`nodes["charge"]`, ""}, {`nodes?.charge`, ""},
			{`nodes[trigger.body.text]`, "`nodes[trigger.body.text]` takes a constant name; write `nodes.<key>`"},
			{`nodes[0]`, "`nodes[0]` takes a constant name; write `nodes.<key>`"},
			{`env[trigger.body.text]`, "`env[trigger.body.text]` takes a constant name; write `env.<NAME>`"},
			{`nodes`, "`nodes` alone is not a value; name one of them: `nodes.<key>`"},
			{`toJSON(errors)`, "`errors` alone is not a value; name one of them: `errors.<key>`"},
			{`"x" in loops`, "`loops` alone is not a value; name one of them: `loops.<key>`"},
			{`keys(env)`, "`env` alone is not a value; name one of them: `env.<NAME>`"},
			{`$env`, "`$env` is not available; name what you need, for example `trigger.body`"},
			{`$env["x"]`, "`$env` is not available; name what you need, for example `trigger.body`"},
			{`$env.trigger`, "`$env` is not available; name what you need, for example `trigger.body`"},
			{`secret.TOKEN`, "a secret is not available here; secrets stand only in templates of kinds with effects, " +
				"as a bare `{{ secret.NAME }}`"}, {`len`, "`len` is a function; call it: `len(value)`"},
			{`loop.length`, "`loop` has no member \"length\"; known: index, item"},
		},
		"variables and pointers": {
			{`let trigger = 1; trigger`, "`trigger` is what flows call their data; choose another name"},
			{`let failure = 1; 2`, "`failure` is what flows call their data; choose another name"},
			{`let a = 1; let a = 2; a`, "the variable `a` exists already; choose another name"},
			{`let len = 1; len`, "`len` is a function; choose another name"},
			{`map([1], #acc)`, "`#acc` exists only inside reduce"},
			{`map([1], #foo)`, "unknown pointer `#foo`; known: #, #index, #acc"},
			{`map([1], #indx)`, "unknown pointer `#indx`; did you mean \"#index\"?"},
			{`(let a = 1; a) + a`, "unknown name `a`; known: env, errors, loop, loops, nodes, system, trigger"},
		},
		"functions": {
			{`lenn("x")`, "there is no function \"lenn\"; did you mean \"len\"?"},
			{`substring("x", 1)`, "there is no function \"substring\"; use a slice, as in `text[0:3]`"},
			{`zzzzzz(1)`, "there is no function \"zzzzzz\""}, {`trigger()`, "`trigger` is not a function"},
			{`let f = 1; f()`, "`f` is not a function"},
			{`len()`, "len takes 1 argument, not 0; write `len(value)`"},
			{`replace("a")`, "replace takes 3 arguments, not 1; write `replace(text, old, new)`"},
			{`trim()`, "trim takes 1 to 2 arguments, not 0; write `trim(text[, characters])`"},
			{`max()`, "max takes 1 argument or more, not 0; write `max(a, b, …) or max(list)`"},
			{`resumeUrl(trigger.body.text)`, "resumeUrl takes the constant key of a node; write `resumeUrl(\"key\")`"},
			{`date("2030-01-01").Yeer()`, "there is no method \"Yeer\"; did you mean \"Year\"?"},
			{`trigger.body.text.upper()`,
				"there is no method \"upper\"; call the function: `upper(trigger.body.text)`"},
			{`trigger.body.zzzzzzzz()`, "there is no method \"zzzzzzzz\""},
			{`date("2030-01-01").Year(1)`, "Year takes 0 arguments, not 1"},
			{`trigger.body.order.at.Year()`, "`trigger.body.order` has no member \"at\"; known: id, items, status"},
		},
		"what can never work": {
			{`1 + "a"`, "`1` is a number and `\"a\"` is text; `+` takes two numbers, two texts, or a time and a " +
				"duration; `string(…)` makes text, `float(…)` a number"}, {`1 / 0`, "division by zero: `0` is 0"},
			{`9223372036854775807 + 1`, "`9223372036854775807 + 1` does not fit in 64 bits"},
			{`9223372036854775808`, "invalid integer literal: strconv.ParseInt: parsing \"9223372036854775808\": " +
				"value out of range"},
			{`"a" ? 1 : 2`, "`\"a\"` is text, not a boolean; compare it with something, for example with `==`"},
			{`len(1)`, "len: `1` is a number where a list, mapping or text is needed"},
			{`nil + 1`, "`nil` is nil; use `?? 0`"},
			{`"x" matches "("`, "\"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"},
			{`date("tomorrow")`, "date: `\"tomorrow\"`: \"tomorrow\" is not a time; write for example " +
				"2030-01-31T09:00:00Z"},
			{`{a: 1, a: 2}`, "the key \"a\" stands twice in one mapping; remove one of them"},
			{`b"abc"`, "bytes are not a value; write text, without the b"},
			{`duration("5")`, "duration: `\"5\"`: 5 has no unit; write 5s for seconds or 5ms for milliseconds"},
			{`timezone("Mars")`, "timezone: \"Mars\" is not a time zone; write for example \"Europe/Zurich\" or " +
				"\"UTC\""},
			{`if 1 {2} else {3}`, "`1` is a number, not a boolean; compare it with something, for example with `==`"},
		},
		"syntax": {
			{``, "an empty expression; write for example `trigger.body.id`"},
			{"  \n", "an empty expression; write for example `trigger.body.id`"},
			{`a = b`, "unexpected \"=\"; compare with `==`"}, {`1 +`, "unexpected end"},
			{`"abc`, "literal not terminated"}, {`(1`, "unexpected end"}, {`1 & 2`, "unexpected \"&\"; use `and`"},
			{`trigger.body.a ?? 1 + 2`, "`??` cannot be mixed with other operators; put `(… ?? …)` in parentheses"},
			{`{{ trigger.body }}`, "an expression stands without braces; remove `{{` and `}}`"},
			{"\xff", "the expression is not valid UTF-8"},
			{strings.Repeat("(", MaxNesting+1) + "1" + strings.Repeat(")", MaxNesting+1),
				"brackets are nested deeper than 200; split the expression over several nodes"},
			{strings.Repeat("1 + ", MaxSyntaxNodes) + "1", "the expression has more than 10000 parts; split it over " +
				"several nodes"}, {strings.Repeat(" ", MaxSource) + "1",
				"the expression is longer than 65536 bytes; split it over several nodes"},
			{strings.Repeat("!", MaxSource-4) + "true", "the expression has more than 10000 parts; split it over " +
				"several nodes"}, {strings.Repeat("(", MaxNesting) + "1" + strings.Repeat(")", MaxNesting), ""},
		},
	} {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				_, err := Compile(c[0], testEnvironment())
				if c[1] == "" {
					assert.NoError(t, err, c[0])
					continue
				}
				require.Error(t, err, c[0])
				message, _, _ := strings.Cut(err.Error(), "\n")
				assert.Equal(t, c[1], message, c[0])
			}
		})
	}
}

func TestACaretPointsToThePlace(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"trigger.bdy.id": "\n | trigger.bdy.id\n |         ^",
		"trigger.body.text == \"größe\" or fo": "\n | trigger.body.text == \"größe\" or fo\n |                       " +
			"          ^",
		"1 +\n\ttrigger.bdy": "\n |  trigger.bdy\n |          ^",
		"1 +\r\nfoo\r\n":     "\n | foo\n | ^",
	} {
		_, err := Compile(source, testEnvironment())
		require.Error(t, err)
		require.Equal(t, want, failure(t, err).Snippet(), source)
	}
}

func failure(t *testing.T, err error) *Error {
	t.Helper()
	var failure *Error
	require.ErrorAs(t, err, &failure)
	return failure
}

func TestALongLineIsCutAroundTheCaret(t *testing.T) {
	t.Parallel()
	_, err := Compile(strings.Repeat("1 + ", 100)+"foo"+strings.Repeat(" + 1", 100), testEnvironment())
	require.Error(t, err)
	lines := strings.Split(failure(t, err).Snippet(), "\n | ")
	require.Len(t, []rune(lines[1]), maxSnippet)
	require.Equal(t, strings.Index(lines[1], "foo"), strings.Index(lines[2], "^"))
}

func TestASecretInAnExpressionPointsToTheRightPlace(t *testing.T) {
	t.Parallel()
	env := testEnvironment()
	env.Secrets = true
	_, err := Compile(`"Bearer " + secret.TOKEN`, env)
	require.ErrorContains(t, err, "a secret cannot be part of an expression; write a bare `{{ secret.NAME }}` "+
		"between the text; for credentials use `auth`")
}

func TestReferencesAreSortedAndWithoutDuplicates(t *testing.T) {
	t.Parallel()
	p, err := Compile(`env.REGION + env.HOST + env["HOST"] + string(nodes.items) + string(nodes.charge) + `+
		`string(errors.charge) + resumeUrl("b") + resumeUrl("a") + string(loops.each)`, testEnvironment())
	require.NoError(t, err)
	require.Equal(t, References{Env: []string{"HOST", "REGION"}, Nodes: []string{"charge", "each", "items"},
		Resume: []string{"a", "b"}}, p.References())
}

func TestAShapeWithoutFieldsButNothingBelowSaysSo(t *testing.T) {
	t.Parallel()
	_, err := Compile(`trigger.body`, &Environment{Roots: map[string]*Shape{"trigger": {Fields: map[string]*Shape{}}}})
	require.ErrorContains(t, err, "`trigger` has no member \"body\"; nothing is below it here")
}

func TestIsSecretName(t *testing.T) {
	t.Parallel()
	require.True(t, IsSecretName("API_TOKEN_2"))
	for _, name := range []string{"", "2A", "a", "A-B", "A.B", strings.Repeat("A", 129)} {
		require.False(t, IsSecretName(name), name)
	}
}
