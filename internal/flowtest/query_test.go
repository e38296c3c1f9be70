package flowtest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

func TestAQueryIsReadAsItStandsInTheTest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var value func(depth int) any
	value = func(depth int) any {
		switch kind := random.IntN(4); {
		case depth < 4 && kind == 0:
			list := make([]any, 1+random.IntN(3))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		case depth < 4 && kind == 1:
			return map[string]any{"x y": value(depth + 1), "ä&=": value(depth + 1)}
		default:
			return []string{"", "a b", "1", "ü+&=%[]", "true"}[random.IntN(5)]
		}
	}
	for range 500 {
		query := map[string]any{"a": value(0), "ö": value(0)}
		text, err := queryText(query)
		require.NoError(t, err)
		parsed, err := receiver.ParseQuery(text)
		require.NoError(t, err)
		require.Equal(t, query, map[string]any(parsed), text)
	}
}

func TestWhatIsNoQueryIsRefused(t *testing.T) {
	t.Parallel()
	text, err := queryText("?a=1")
	require.NoError(t, err)
	require.Equal(t, "a=1", text)
	text, err = queryText(map[string]any{"n": 4.5, "b": true, "i": 7})
	require.NoError(t, err)
	require.Equal(t, "b=true&i=7&n=4.5", text)
	for _, wrong := range []any{7, map[string]any{"a": nil}, map[string]any{"a": []any{nil}},
		map[string]any{"a": map[string]any{"b": nil}}} {
		_, err := queryText(wrong)
		require.Error(t, err)
	}
}

func TestNumbersOfAQueryAreWrittenAsInJSON(t *testing.T) {
	t.Parallel()
	text, err := queryText(map[string]any{"a": 12345678.9, "b": int64(20000000), "c": 1e21, "d": true})
	require.NoError(t, err)
	require.Equal(t, "a=12345678.9&b=20000000&c=1e%2B21&d=true", text)
	require.True(t, sameText("12345678.9", 12345678.9))
}
