package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Cancelled is a run that was asked to end.
type Cancelled struct {
	ID   everhook.RunID `json:"id"`
	Flow string         `json:"flow"`
}

func cancelRun(s *service) {
	add(s, operation{id: "cancel-run", method: http.MethodPost, path: "/api/v1/runs/{id}/cancel", tag: tagRuns,
		role: access.Operator, summary: "Ask a run to end as cancelled", status: http.StatusAccepted,
		timeout: actTimeout},
		func(ctx context.Context, in *NamedRun) (*reply[Cancelled], error) {
			flow, err := s.flowOf(ctx, *in)
			if err != nil {
				return nil, err
			}
			if err := s.Actions.Cancel(ctx, flow, in.id); err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "a run is cancelled", "flow", flow, "run", in.id)
			return answer(Cancelled{in.id, flow}), nil
		})
}
