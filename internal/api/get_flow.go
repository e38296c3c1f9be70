package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/everhook/everhook/internal/access"
)

func getFlow(s *service) {
	add(s, operation{id: "get-flow", method: http.MethodGet, path: "/api/v1/flows/{key}", tag: tagFlows,
		role: access.Viewer, summary: "Show a flow"},
		func(ctx context.Context, in *NamedFlow) (*reply[Flow], error) {
			flow, err := s.flow(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			return answer(flow), nil
		})
}

// flow returns a flow that the actor may see.
func (s *service) flow(ctx context.Context, key string) (Flow, error) {
	flows, err := s.Flows.Flows(ctx)
	if err != nil {
		return Flow{}, err
	}
	at, found := slices.BinarySearchFunc(flows, key,
		func(f Flow, key string) int { return strings.Compare(f.Key, key) })
	if !found || !access.From(ctx).Sees(key, nil) {
		return Flow{}, fail(notFound, "no such flow")
	}
	return flows[at], nil
}
