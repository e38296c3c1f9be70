package expression

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// FuzzExpression searches for sources and data for which compiling or evaluating panics, hangs, yields a value that is
// not canonical, or differs between two evaluations.
func FuzzExpression(f *testing.F) {
	for _, group := range functionGroups {
		for _, function := range group.functions {
			f.Add(function.Example, `{"body": {"a": [1, "x", null]}}`)
		}
	}
	for _, source := range hostileExpressions() {
		f.Add(source, `{}`)
	}
	for _, source := range []string{
		`trigger.body.a[0] ?? nodes.x.y`, `let x = trigger; x?.body.a[-1:] | map(#index + 1)`, `if a {1} else {2}`,
		`a ? b : c`, `not (a in b) and a matches "^x"`, `1..3 | filter(# > 1) | reduce(#acc + #, 0)`, "`raw``text`",
		`b"x"`, `$env`, `a.b()`, `date("2030-01-01").Year() ** -1`,
		`{(trigger): 1}`, `a?.[0]`, `::len(1)`, `1 < 2 < 3`, `a | b`, `"\u{1F600}"`, `get(trigger, "body.a")`, `#`,
		`trigger.body.a[1:][0]`, `-(-9223372036854775807 - 1)`, `0x`, `//`, `/*`, `"\777"`, `"\ud800"`,
	} {
		f.Add(source, `{"body": {"a": [1.5, {"b": "{{ x }}"}]}}`)
	}
	env := &Environment{Roots: map[string]*Shape{"trigger": {}, "a": {}, "b": {},
		"nodes": {Fields: map[string]*Shape{"x": {}}}}}
	f.Fuzz(func(t *testing.T, source, data string) {
		if len(source) > 2000 {
			return
		}
		value, err := everhook.ParseJSON([]byte(data))
		if err != nil {
			return
		}
		p, err := Compile(source, env)
		if err != nil {
			require.IsType(t, &Error{}, err)
			require.NotEmpty(t, err.Error())
			return
		}
		run := func() (any, int, error) {
			scope := &Scope{Values: map[string]any{"trigger": value, "a": value, "b": "text"},
				Now: func() time.Time { return time.Unix(1, 0) }}
			v, err := p.Eval(scope)
			return v, scope.Spent, err
		}
		started := time.Now()
		v, spent, err := run()
		require.Less(t, time.Since(started), soon)
		again, spentAgain, errAgain := run()
		require.Equal(t, err, errAgain)
		require.Equal(t, spent, spentAgain)
		require.Equal(t, v, again)
		if err != nil {
			require.IsType(t, &everhook.Error{}, err)
			return
		}
		canonical, err := everhook.Canonical(v)
		require.NoError(t, err)
		require.True(t, everhook.Equal(canonical, v))
		if !strings.Contains(source, "trigger") {
			requireCanonical(t, v)
		}
	})
}

// FuzzTemplate searches for texts whose parts do not add up to the text.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{`a {{ b }} c`, `{{ "}}" }}`, `{{ {"a": {}} }}`, "{{ `a``}}` }}", `{{ 1 // x`,
		`{{ /* }} */ 1 }}`, `{{ secret.TOKEN }}`, `{{`, `}}`, `{{ "\`, `{{ '\'' }}é{{ 1 }}`, `https://x/{{ 1 }}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := parseParts(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		var whole strings.Builder
		for _, p := range parts {
			if p.literal() {
				require.NotEmpty(t, p.text)
				require.NotContains(t, p.text, "{{")
				whole.WriteString(p.text)
				continue
			}
			require.Equal(t, text[p.offset:p.offset+len(p.source)], p.source)
			whole.WriteString("{{" + p.source + "}}")
		}
		require.Equal(t, text, whole.String())
		var u URL
		_ = u.Decode(text)
	})
}
