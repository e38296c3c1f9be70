package everhook_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func secretText(name string) (string, error) {
	if name == "MISSING" {
		return "", errors.New("MISSING is not set")
	}
	return "s&" + name + " ", nil
}

func TestSecretsGoWhereTheirPlacesAre(t *testing.T) {
	t.Parallel()
	template := map[string]any{"list": []any{"a", nil}, "plain": "{{ secret.A }}", "url": nil}
	sealed := everhook.Sealed{Value: everhook.Value{V: template}, Places: []everhook.Place{
		{At: []any{"list", 1}, Segments: []everhook.Segment{{Text: "Bearer "}, {Secret: "A"}}},
		{At: []any{"url"}, Segments: []everhook.Segment{{Text: "/"}, {Secret: "A", Escape: everhook.EscapePath},
			{Text: "?"}, {Secret: "B", Escape: everhook.EscapeQuery}}},
	}}
	opened, err := sealed.Open(secretText)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"list": []any{"a", "Bearer s&A "}, "plain": "{{ secret.A }}",
		"url": "/s&A%20?s%26B+"}, opened)
	require.Equal(t, map[string]any{"list": []any{"a", "Bearer {{ secret.A }}"}, "plain": "{{ secret.A }}",
		"url": "/{{ secret.A }}?{{ secret.B }}"}, sealed.Display())
	require.Equal(t, map[string]any{"list": []any{"a", nil}, "plain": "{{ secret.A }}", "url": nil}, template,
		"the value itself is shared and stays")

	text, err := everhook.EncodeJSON(sealed)
	require.NoError(t, err)
	var travelled everhook.Sealed
	require.NoError(t, json.Unmarshal(text, &travelled))
	again, err := travelled.Open(secretText)
	require.NoError(t, err)
	require.Equal(t, opened, again)
}

func TestASealedTextIsThePlaceItself(t *testing.T) {
	t.Parallel()
	opened, err := everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Secret: "A"}}}}}.Open(
		secretText)
	require.NoError(t, err)
	require.Equal(t, "s&A ", opened)
	complete, err := everhook.Sealed{Value: everhook.Value{V: 5}}.Open(secretText)
	require.NoError(t, err)
	require.Equal(t, 5, complete)
}

func TestASealThatCannotBeOpenedIsAnError(t *testing.T) {
	t.Parallel()
	segments := []everhook.Segment{{Secret: "A"}}
	value := everhook.Value{V: map[string]any{"list": []any{1}}}
	for name, c := range map[string]struct {
		place everhook.Place
		want  string
	}{
		"a missing secret": {everhook.Place{At: []any{"list"}, Segments: []everhook.Segment{{Secret: "MISSING"}}},
			"MISSING is not set"},
		"a name in a list": {everhook.Place{At: []any{"list", "a"}, Segments: segments},
			"a sealed value has no place [a]"},
		"an index too far": {everhook.Place{At: []any{"list", 1}, Segments: segments},
			"a sealed value has no place [1]"},
		"a negative index": {everhook.Place{At: []any{"list", -1}, Segments: segments},
			"a sealed value has no place [-1]"},
		"an index in a map": {everhook.Place{At: []any{0}, Segments: segments}, "a sealed value has no place [0]"},
		"below a number": {everhook.Place{At: []any{"list", 0, "x"}, Segments: segments},
			"a sealed value has no place [x]"},
		"neither of the two": {everhook.Place{At: []any{true}, Segments: segments},
			"a sealed value has no place [true]"},
	} {
		_, err := everhook.Sealed{Value: value, Places: []everhook.Place{c.place}}.Open(secretText)
		require.EqualError(t, err, c.want, name)
	}
}
