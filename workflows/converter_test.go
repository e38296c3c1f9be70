package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

func TestPayloadsAreReadableJSONUntilTheyAreLarge(t *testing.T) {
	t.Parallel()
	c := workflows.DataConverter()
	small, err := c.ToPayload(map[string]any{"html": "<a href=\"?a&b\">"})
	require.NoError(t, err)
	require.Equal(t, `{"html":"<a href=\"?a&b\">"}`, string(small.GetData()))
	require.Equal(t, "json/plain", string(small.GetMetadata()[converter.MetadataEncoding]))

	raw, err := c.ToPayload(json.RawMessage(`{"a": 1}`))
	require.NoError(t, err)
	require.Equal(t, `{"a": 1}`, string(raw.GetData()))

	text := strings.Repeat("x", 100_000)
	large, err := c.ToPayload(text)
	require.NoError(t, err)
	require.Less(t, len(large.GetData()), 1000)
	require.Equal(t, "binary/zlib", string(large.GetMetadata()[converter.MetadataEncoding]))
	var back string
	require.NoError(t, c.FromPayload(large, &back))
	require.Equal(t, text, back)

	_, err = c.ToPayload(func() {})
	require.Error(t, err)
}

func TestTheSDKsOwnConverterReadsWhatIsNotCompressed(t *testing.T) {
	t.Parallel()
	payloads, err := workflows.DataConverter().ToPayloads("a<b", []byte("bytes"), nil,
		&commonpb.WorkflowType{Name: "w"})
	require.NoError(t, err)
	var text string
	var bytes []byte
	var none any
	var message commonpb.WorkflowType
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(payloads, &text, &bytes, &none, &message))
	require.Equal(t, []any{"a<b", "bytes", nil, "w"}, []any{text, string(bytes), none, message.GetName()})
}

func TestAPayloadThatIsDamagedIsAnError(t *testing.T) {
	t.Parallel()
	c := workflows.DataConverter()
	large, err := c.ToPayload(strings.Repeat("x", 100_000))
	require.NoError(t, err)
	large.Data = large.Data[:10]
	var back string
	require.Error(t, c.FromPayload(large, &back))
}

func TestValuesStayCanonicalThroughPayloads(t *testing.T) {
	t.Parallel()
	c := workflows.DataConverter()
	delivery := everhook.Delivery{RunID: runID, ReceivedAt: received,
		Trigger: everhook.Mapping{"body": map[string]any{"n": 1, "f": 1.5, "huge": 1e19, "nil": nil}}}
	payload, err := c.ToPayload(delivery)
	require.NoError(t, err)
	var back everhook.Delivery
	require.NoError(t, c.FromPayload(payload, &back))
	require.Equal(t, delivery, back)
}
