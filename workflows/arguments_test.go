package workflows_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

func TestArgumentsAreEncodedOnce(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]any{"small": "a<b", "large": strings.Repeat("abc ", 100_000),
		"not to be compressed": random(100_000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			definition := json.RawMessage(`{"key":"f"}`)
			start := workflows.Start{Level: 3, Version: 7, Delivery: everhook.Delivery{RunID: everhook.NewRunID(),
				Trigger: everhook.Mapping{"body": body}}}
			arguments, err := workflows.StartArguments(encodedDefinition(t, definition), start)
			require.NoError(t, err)
			direct, err := workflows.DataConverter().ToPayloads(definition, start)
			require.NoError(t, err)
			sent, err := workflows.DataConverter().ToPayloads(arguments...)
			require.NoError(t, err)
			size := 0
			for i, payload := range sent.Payloads {
				require.True(t, proto.Equal(direct.Payloads[i], payload), "as if the values had been handed over")
				require.Same(t, arguments[i].(converter.RawValue).Payload(), payload, "and not encoded again")
				size += len(payload.Data)
			}
			require.Equal(t, size, arguments.Size())
			var gotDefinition json.RawMessage
			var got workflows.Start
			require.NoError(t, workflows.DataConverter().FromPayloads(sent, &gotDefinition, &got))
			require.Equal(t, definition, gotDefinition)
			require.Equal(t, start, got)
		})
	}
}

func TestArgumentsHaveALimit(t *testing.T) {
	t.Parallel()
	start := func(stored, size int) error {
		_, err := workflows.StartArguments(encodedDefinition(t, json.RawMessage(`{}`)), workflows.Start{
			MaxPayload: stored, Delivery: everhook.Delivery{Trigger: everhook.Mapping{"body": random(size)}}})
		return err
	}
	call := func(stored, size int) error {
		_, err := workflows.CallArguments(stored, everhook.ResumeCall{Data: everhook.Mapping{"body": random(size)}})
		return err
	}
	for _, arguments := range []func(stored, size int) error{start, call} {
		require.NoError(t, arguments(0, 1_800_000))
		require.Equal(t, everhook.TypeLimit, everhook.AsError(arguments(0, 3_000_000)).Type)
		require.NoError(t, arguments(workflows.MaxStoredPayload, 3_000_000))
		require.Equal(t, everhook.TypeLimit, everhook.AsError(arguments(workflows.MaxStoredPayload,
			workflows.MaxStoredPayload)).Type)
	}
	_, err := workflows.StartArguments(encodedDefinition(t, json.RawMessage(`{}`)), workflows.Start{
		Delivery: everhook.Delivery{Trigger: everhook.Mapping{"body": strings.Repeat("x", 3_000_000)}}})
	require.NoError(t, err, "in histories the compressed size counts")
}

func encodedDefinition(t *testing.T, definition json.RawMessage) workflows.EncodedDefinition {
	t.Helper()
	all, err := workflows.EncodeDefinition(definition)
	require.NoError(t, err)
	return all
}

// random is text that does not get smaller.
func random(size int) string {
	bytes := make([]byte, size*3/4)
	rand.Read(bytes)
	return base64.StdEncoding.EncodeToString(bytes)
}

func TestTheDefinitionIsTheFirstArgument(t *testing.T) {
	t.Parallel()
	definition := encodedDefinition(t, json.RawMessage(`{"key":"f"}`))
	arguments, err := workflows.StartArguments(definition, workflows.Start{})
	require.NoError(t, err)
	again := definition.With(arguments[1].(converter.RawValue))
	require.Equal(t, arguments, again)
}
