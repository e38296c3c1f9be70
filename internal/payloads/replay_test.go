package payloads_test

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/payloads"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

func TestAHistoryWithClaimsReplaysWhereTheObjectsAre(t *testing.T) {
	each(t, func(t *testing.T, open func(string) payloads.Objects) {
		external := payloads.External(1, false, payloads.NewDriver(payloads.DirectoryDriver, open("ns")))
		data, err := os.ReadFile("../../workflows/testdata/histories/losing-branches-1.json")
		require.NoError(t, err)
		history := &historypb.History{}
		require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, history))
		claims := 0
		handler, err := converter.NewPayloadHTTPHandler(converter.PayloadHTTPHandlerOptions{ExternalStorage: external})
		require.NoError(t, err)
		require.NoError(t, proxy.VisitPayloads(t.Context(), history,
			proxy.VisitPayloadsOptions{SkipSearchAttributes: true,
				Visitor: func(_ *proxy.VisitPayloadsContext, found []*commonpb.Payload) ([]*commonpb.Payload, error) {
					body, err := protojson.Marshal(&commonpb.Payloads{Payloads: found})
					if err != nil {
						return nil, err
					}
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, httptest.NewRequest("POST", "/encode", strings.NewReader(string(body))))
					stored := &commonpb.Payloads{}
					err = protojson.Unmarshal(w.Body.Bytes(), stored)
					claims += len(stored.GetPayloads())
					return stored.GetPayloads(), err
				}}))
		require.Greater(t, claims, 5)
		require.Contains(t, history.String(), payloads.DirectoryDriver)

		require.NoError(t, replay(t, history, external))
		require.ErrorContains(t, replay(t, history, converter.ExternalStorage{}), "no storage driver is configured")
		elsewhere := payloads.External(1, false, payloads.NewDriver(payloads.DirectoryDriver, open("another")))
		require.ErrorContains(t, replay(t, history, elsewhere), "--payload-dir")
	})
}

func replay(t *testing.T, history *historypb.History, external converter.ExternalStorage) error {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter(), ExternalStorage: external})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).Run,
		workflow.RegisterOptions{Name: workflows.RunWorkflow})
	// The replayer changes the history that it is given: it replaces claims by the payloads.
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		proto.Clone(history).(*historypb.History))
}
