package cmd

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestAnAnswerKeepsItsValuesAsYAML(t *testing.T) {
	t.Parallel()
	text, err := toYAML([]byte(`{"b":1,"a":"true","n":null,"list":[],"nested":{"x":[1.5,-2,"0123",false,""]},` +
		`"text":"line\n😀: # x","big":9007199254740993,"empty":{},"yes":"yes","at":"2026-01-02T03:04:05Z"}`))
	require.NoError(t, err)
	require.Regexp(t, `^b: 1\na: "true"\nn: null\nlist: \[\]\n`, string(text), "in the order of the answer")
	var read map[string]any
	require.NoError(t, yaml.Unmarshal(text, &read))
	require.Equal(t, map[string]any{"b": 1, "a": "true", "n": nil, "list": []any{},
		"nested": map[string]any{"x": []any{1.5, -2, "0123", false, ""}}, "text": "line\n😀: # x",
		"big": 9007199254740993, "empty": map[string]any{}, "yes": "yes", "at": "2026-01-02T03:04:05Z"}, read)
	for _, broken := range []string{"", "{", `{"a"`, "[1,"} {
		_, err := toYAML([]byte(broken))
		require.Error(t, err, broken)
	}
}
