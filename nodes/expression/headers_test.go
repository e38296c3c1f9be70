package expression

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestHeadersAreTextsOrListsOfThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config any
		want   map[string]everhook.HeaderValue
	}{
		{map[string]any{"X-A": "{{ trigger.body.number }}", "X-B": true, "X-C": "{{ trigger.body.missing }}"},
			map[string]everhook.HeaderValue{"X-A": {"5"}, "X-B": {"true"}}},
		{map[string]any{"Set-Cookie": []any{"a={{ trigger.body.number }}; Secure", "{{ nil }}", 7}},
			map[string]everhook.HeaderValue{"Set-Cookie": {"a=5; Secure", "7"}}},
		{map[string]any{"Set-Cookie": `{{ ["a=1", "b=2"] }}`},
			map[string]everhook.HeaderValue{"Set-Cookie": {"a=1", "b=2"}}},
		{map[string]any{"Set-Cookie": []any{}}, map[string]everhook.HeaderValue{}},
		{`{{ {"X-A": "b", "X-C": ["d", "e"]} }}`, map[string]everhook.HeaderValue{"X-A": {"b"}, "X-C": {"d", "e"}}},
	} {
		headers, err := field(t, &Headers{}, c.config).Eval(testScope(t))
		require.NoError(t, err, c.config)
		require.Equal(t, c.want, headers)
	}
	for config, want := range map[string]string{
		`{{ {"X-A": {}} }}`:    "config.field: X-A: a mapping where text or a list of texts is needed",
		`{{ {"X-A": [[1]]} }}`: "config.field: X-A[0]: a list where text is needed",
		`{{ [1] }}`:            "config.field: a list where a mapping is needed",
	} {
		_, err := field(t, &Headers{}, config).Eval(testScope(t))
		require.ErrorContains(t, err, want)
	}
	for want, config := range map[string]any{
		"X-A: a mapping where text is needed":    map[string]any{"X-A": map[string]any{}},
		"X-A[1]: a list where text is needed":    map[string]any{"X-A": []any{"a", []any{}}},
		"a list where a mapping is needed":       []any{"a"},
		"so let the template be the whole value": "x {{ trigger.body.number }}",
	} {
		require.ErrorContains(t, (&Headers{}).Decode(config), want)
	}
}

func TestInsertionsIntoALocationAreEncoded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want, foreign string }{
		{"https://shop.example/thanks", "https://shop.example/thanks", ""},
		{"https://shop.example/{{ trigger.query.q }}?q={{ trigger.query.q }}",
			"https://shop.example/a%20b&c%2Fd?q=a+b%26c%2Fd", ""},
		{"/{{ trigger.query.q }}", "/a%20b&c%2Fd", ""},
		{"?q={{ trigger.query.q }}", "?q=a+b%26c%2Fd", ""},
		{"{{ env.BASE }}/x?q={{ trigger.query.q }}", "https://api.example.com/v1/x?q=a+b%26c%2Fd", ""},
		{"{{ trigger.query.q }}", "a b&c/d", "trigger.query.q"},
		{"https://{{ trigger.query.q }}/x", "https://a b&c/d/x", "trigger.query.q"},
		{"//{{ trigger.query.q }}/x", "//a b&c/d/x", "trigger.query.q"},
		{`/\{{ trigger.query.q }}/x`, `/\a b&c/d/x`, "trigger.query.q"},
		{"{{ trigger.query.q }}/x", "a b&c/d/x", "trigger.query.q"},
		{"app://callback/{{ trigger.query.q }}", "app://callback/a%20b&c%2Fd", ""},
	} {
		f := field(t, &Headers{}, map[string]any{"location": c.text, "X-Other": "{{ trigger.query.q }}"})
		headers, err := f.Eval(testScope(t))
		require.NoError(t, err)
		require.Equal(t, map[string]everhook.HeaderValue{"location": {c.want}, "X-Other": {"a b&c/d"}}, headers)
		foreign, found := f.ForeignLocation()
		require.Equal(t, c.foreign, foreign, c.text)
		require.Equal(t, c.foreign != "", found)
	}
}
