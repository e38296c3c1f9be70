package workflows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

func TestTheLimitsOfARunAreThoseThatItWasStartedWith(t *testing.T) {
	t.Parallel()
	const plain = 3 << 19
	for name, test := range map[string]struct {
		maxPayload int
		node       string
		// size is the size of the value; want is a part of the message, or empty if the run resolves.
		size int
		want string
	}{
		"output, of an old run": {0, "type: output, config: { value: '{{ trigger.body }}' }", 700_000,
			""},
		"larger output, of an old run": {0, "type: output, config: { value: '{{ trigger.body }}' }", 800_000,
			"the output is larger than 768KiB"},
		"output": {plain, "type: output, config: { value: '{{ trigger.body }}' }", 700_000,
			""},
		"larger output": {plain, "type: output, config: { value: '{{ trigger.body }}' }", 800_000,
			"the output is larger than 768KiB"},
		"output, stored": {workflows.MaxStoredPayload,
			"type: output, config: { value: '{{ trigger.body }}' }", 4_000_000, ""},
		"larger output, stored": {workflows.MaxStoredPayload,
			"type: output, config: { value: '{{ trigger.body }}' }", 9_000_000, "the output is larger than 8MiB"},
		"input of an effect": {plain, "type: http-request, timeout: 5s, config: { method: POST, " +
			"url: 'https://example.com/', body: '{{ trigger.body }}' }", 1_500_000, ""},
		"larger input of an effect": {plain, "type: http-request, timeout: 5s, config: { method: POST, " +
			"url: 'https://example.com/', body: '{{ trigger.body }}' }", 1_600_000, "larger than 1536KiB; send less"},
		"input of an effect, stored": {workflows.MaxStoredPayload,
			"type: http-request, timeout: 5s, config: { method: POST, url: 'https://example.com/', body: '{{ " +
				"trigger.body }}' }", 3 << 20, ""},
		"larger input of an effect, stored": {workflows.MaxStoredPayload,
			"type: http-request, timeout: 5s, config: { method: POST, url: 'https://example.com/', body: '{{ " +
				"trigger.body }}' }", 17 << 20, "larger than 16MiB; send less"},
		"an answer is the same size wherever": {workflows.MaxStoredPayload,
			"type: response, config: { body: '{{ trigger.body }}' }", 2 << 20, "the answer is larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			mode := "async"
			if strings.Contains(test.node, "response") {
				mode = "sync"
			}
			try := tryFlow(t, "key: trial\nmode: "+mode+"\ntrigger: { type: webhook }\nnodes:\n- { key: it, "+test.node+
				" }", strings.Repeat("x", test.size), nodes.Standard())
			try.start.MaxPayload = test.maxPayload
			outcome := try.run(t)
			if test.want == "" {
				require.Equal(t, everhook.Resolved, outcome.Status, "%+v", outcome.Error)
				return
			}
			require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
			require.Equal(t, "it", outcome.Error.Node)
			require.Contains(t, outcome.Error.Message, test.want)
		})
	}
}

func TestAHistoryThatIsAlmostTooLargeEndsItsRun(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]everhook.Status{40 << 20: everhook.Resolved, 40<<20 + 1: everhook.Errored} {
		try := try(t, "- { key: a, type: calculation, onError: continue, config: { expression: 1 } }", nil)
		try.SetCurrentHistorySize(size)
		outcome := try.run(t)
		require.Equal(t, want, outcome.Status)
		if want == everhook.Errored {
			require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
			require.Equal(t, "a", outcome.Error.Node)
			require.Equal(t, fmt.Sprintf("the history of the run has %d bytes, of 41943040; let each delivery do "+
				"less, or hand smaller values to effects", size), outcome.Error.Message)
		}
	}
}

func TestTheEndOfARunLeavesOutWhatTemporalWouldNotTake(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: out, type: output, config: { value: '{{ repeat("x", 700000) }}' } }
- { key: call, type: http-request, timeout: 5s, config: { url: 'https://example.com/' } }
`, nil)
	try.effect = func(activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
		return activities.HTTPRequestResult{},
			activities.Fail(&everhook.Error{Status: everhook.Failed, Type: everhook.TypeStatus, Message: "answered 500",
				Response: everhook.Of(map[string]any{"body": strings.Repeat("y", 1_500_000)})}, false, 0)
	}
	outcome := try.run(t)
	require.Equal(t, everhook.Failed, outcome.Status)
	require.Equal(t, everhook.TypeStatus, outcome.Error.Type)
	require.Nil(t, outcome.Error.Response)
	require.Contains(t, outcome.Error.Message, "too large to keep here; the step log has it")
	require.NotNil(t, outcome.Output)
}
