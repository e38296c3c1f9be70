package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Counter says how many runs of a version ended with a status.
type Counter struct {
	Version int             `json:"version"`
	Status  everhook.Status `json:"status"`
	Runs    int64           `json:"runs"`
}

// Counters are those of a flow.
type Counters struct {
	Counters []Counter `json:"counters"`
}

func getCounters(s *service) {
	add(s, operation{id: "get-counters", method: http.MethodGet, path: "/api/v1/flows/{key}/counters", tag: tagFlows,
		role: access.Viewer, summary: "Count the ended runs of a flow",
		description: "By version and status. Counters lag by about a second, and outlive the runs."},
		func(ctx context.Context, in *NamedFlow) (*reply[Counters], error) {
			if _, err := s.stored(ctx, in.Key); err != nil {
				return nil, err
			}
			stored, err := s.Store.Counters(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			list := Counters{Counters: make([]Counter, len(stored))}
			for i, c := range stored {
				list.Counters[i] = Counter(c)
			}
			return answer(list), nil
		})
}
