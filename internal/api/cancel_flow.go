package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// CancelledFlow says how many runs of a flow were asked to end.
type CancelledFlow struct {
	Flow string `json:"flow"`
	// Asked is how many runs were asked to end that had not been asked before. Ask again until it is 0.
	Asked int `json:"asked"`
}

func cancelFlow(s *service) {
	add(s, operation{id: "cancel-flow", method: http.MethodPost, path: "/api/v1/flows/{key}/cancel", tag: tagFlows,
		role: access.Operator, summary: "Ask the open runs of a flow to end as cancelled",
		description: "At most 1,000 runs are asked at a time. The flow may be one that this server no longer has: " +
			"its runs may go on.",
		status: http.StatusAccepted, timeout: actTimeout},
		func(ctx context.Context, in *NamedFlow) (*reply[CancelledFlow], error) {
			if err := s.may(ctx, access.Operator, in.Key); err != nil {
				return nil, err
			}
			asked, err := s.Actions.CancelFlow(ctx, in.Key)
			if err != nil && asked == 0 {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "runs of a flow are cancelled", "flow", in.Key, "runs", asked)
			return answer(CancelledFlow{in.Key, asked}), nil
		})
}

// NamedFlow is the parameter that names a flow.
type NamedFlow struct {
	Key string `path:"key" doc:"The key of the flow."`
}

// Resolve refuses a key that is none.
func (n *NamedFlow) Resolve(huma.Context) []error {
	if !everhook.IsFlowKey(n.Key) {
		return []error{notFlowKey("/path/key", n.Key)}
	}
	return nil
}
