package everhook_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

func TestRetryTakesStatusesAsNumbersAndText(t *testing.T) {
	t.Parallel()
	var retry everhook.Retry
	strict.Decode(map[string]any{"on": []any{"connect", 503, "5xx"}}, &retry, "", func(pointer, message, _ string) {
		require.Failf(t, "a problem", "%s: %s", pointer, message)
	})
	want := everhook.Retry{On: []everhook.RetryCause{"connect", "503", "5xx"}}
	require.Equal(t, want, retry)

	data, err := everhook.EncodeJSON(retry)
	require.NoError(t, err)
	require.JSONEq(t, `{"on": ["connect", "503", "5xx"]}`, string(data))
	var back everhook.Retry
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, want, back)
}

func TestTheDefinitionsSourceDeclaresIt(t *testing.T) {
	t.Parallel()
	require.Contains(t, everhook.DefinitionSource(), "type Definition struct {")
}
