package everhook_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestAnAnswerIsTheSameAfterAPayload(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]everhook.Answer{
		"without a body": {Status: 204},
		"with null":      {Status: 200, Body: everhook.Of(nil)},
		"with text":      {Status: 200, Headers: map[string]everhook.HeaderValue{"X": {"1"}}, Body: everhook.Of("text")},
		"with data":      {Status: 201, Body: everhook.Of(map[string]any{"a": []any{1, 2.5, nil}}), Digest: "d"},
		"that is a problem": {Status: 500, Problem: &everhook.Problem{Type: everhook.ProblemRunFailed, Status: 500,
			Node: "a", Errors: []everhook.ProblemDetail{{Pointer: "/a"}}}},
		"with a huge number": {Status: 200, Body: everhook.Of(1e19)},
	} {
		text, err := everhook.EncodeJSON(answer)
		require.NoError(t, err, name)
		var got everhook.Answer
		require.NoError(t, json.Unmarshal(text, &got), name)
		require.Equal(t, answer, got, name)
	}
	var answer everhook.Answer
	require.Error(t, json.Unmarshal([]byte(`{"status":"x"}`), &answer))
	require.Error(t, json.Unmarshal([]byte(`{"body":{"a":1,"a":2}}`), &answer))
}

func TestAnOutcomeIsTheSameAfterAPayload(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]everhook.Outcome{
		"resolved":         {Status: everhook.Resolved},
		"with output null": {Status: everhook.Resolved, Output: everhook.Of(nil)},
		"with everything": {
			Status: everhook.Failed, Output: everhook.Of([]any{1}),
			Answer: &everhook.Answer{Status: 200, Body: everhook.Of(nil)},
			Error: &everhook.Error{Status: everhook.Failed, Type: everhook.TypeStatus, Message: "m", Node: "n",
				Attempts: 2, Response: everhook.Of(map[string]any{"status": 402})},
		},
	} {
		text, err := everhook.EncodeJSON(outcome)
		require.NoError(t, err, name)
		var got everhook.Outcome
		require.NoError(t, json.Unmarshal(text, &got), name)
		require.Equal(t, outcome, got, name)
	}
	var outcome everhook.Outcome
	require.Error(t, json.Unmarshal([]byte(`{"status":1}`), &outcome))
	require.Error(t, json.Unmarshal([]byte(`{"output":1e999}`), &outcome))
}
