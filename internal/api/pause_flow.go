package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func pauseFlow(s *service) {
	changePause(s, true, operation{id: "pause-flow", path: "/api/v1/flows/{key}/pause", summary: "Pause a flow",
		description: "Deliveries to its webhook are accepted and kept, and run when the flow is resumed. Callers of " +
			"a sync flow get 202, and the answer later. Runs that are started go on. Schedules, tables and calls " +
			"still start runs."})
}

func resumeFlow(s *service) {
	changePause(s, false, operation{id: "resume-flow", path: "/api/v1/flows/{key}/resume",
		summary: "Resume a paused flow", description: "Kept deliveries are run, the oldest first."})
}

func changePause(s *service, paused bool, o operation) {
	o.method, o.tag, o.role, o.timeout = http.MethodPost, tagFlows, access.Operator, actTimeout
	o.refusals = []int{http.StatusPreconditionFailed}
	add(s, o, func(ctx context.Context, in *changeFlowInput) (*flowOutput, error) {
		if err := s.may(ctx, access.Operator, in.Key); err != nil {
			return nil, err
		}
		when, err := in.revision(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.Store.SetPaused(ctx, in.Key, paused, when...); err != nil {
			return nil, err
		}
		return s.served(ctx, in.Key)
	})
}
