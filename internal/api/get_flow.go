package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

func getFlow(s *service) {
	add(s, operation{id: "get-flow", method: http.MethodGet, path: "/api/v1/flows/{key}", tag: tagFlows,
		role: access.Viewer, summary: "Show a flow"},
		func(ctx context.Context, in *NamedFlow) (*flowOutput, error) { return s.showFlow(ctx, in.Key) })
}

// visibleRuns are the runs that the actor may see.
func (s *service) visibleRuns(ctx context.Context, all []runs.Summary) ([]runs.Summary, error) {
	if !access.From(ctx).Limited() {
		return all, nil
	}
	seen := map[string]bool{}
	visible, err := s.visibleFlows(ctx)
	if err != nil {
		return nil, err
	}
	for _, flow := range visible {
		seen[flow.Key] = true
	}
	var own []runs.Summary
	for _, run := range all {
		if seen[run.Flow] {
			own = append(own, run)
		}
	}
	return own, nil
}

// visibleFlows are the flows that the actor may see, by key.
func (s *service) visibleFlows(ctx context.Context) ([]Flow, error) {
	flows, err := s.Flows.Flows(ctx)
	if err != nil {
		return nil, err
	}
	actor := access.From(ctx)
	if !actor.Limited() {
		return flows, nil
	}
	return slices.DeleteFunc(slices.Clone(flows), func(f Flow) bool { return !actor.Sees(f.Key, f.Labels) }), nil
}

// findFlow finds a flow in a list that is sorted by key.
func findFlow(flows []Flow, key string) (Flow, bool) {
	at, found := slices.BinarySearchFunc(flows, key,
		func(f Flow, key string) int { return strings.Compare(f.Key, key) })
	if !found {
		return Flow{}, false
	}
	return flows[at], true
}
