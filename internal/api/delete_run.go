package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func deleteRun(s *service) {
	add(s, operation{id: "delete-run", method: http.MethodDelete, path: "/api/v1/runs/{id}", tag: tagRuns,
		role: access.Admin, everywhere: true, summary: "Delete a run that has ended",
		description: "Its steps, values and answer are gone, and a duplicate of its delivery would start a new run. " +
			"Counters stay. Large values are deleted later, and runs that it called stay.",
		status: http.StatusNoContent, timeout: actTimeout},
		func(ctx context.Context, in *NamedRun) (*struct{}, error) {
			flow, err := s.flowOf(ctx, *in)
			if err != nil {
				return nil, err
			}
			if err := s.Erasing.Delete(ctx, flow, in.id); err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "a run is deleted", "flow", flow, "run", in.id)
			return nil, nil
		})
}
