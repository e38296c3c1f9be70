package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Sample is the last delivery of a flow as data: for paths, and for a contract test.
type Sample struct {
	Flow       string    `json:"flow"`
	Delivery   string    `json:"delivery" doc:"The ID of the delivery."`
	ReceivedAt time.Time `json:"receivedAt"`
	// Request is what a contract test sends.
	Request SampleRequest `json:"request" doc:"The request, as the field request of a contract test has it."`
	Query   []string      `json:"query" doc:"The paths of its query, for trigger.request.query."`
	Body    []string      `json:"body" doc:"The paths of its body, for trigger.request.body."`
	Partial bool          `json:"partial,omitempty" doc:"It is what the run kept of the delivery: the request itself is not on record."`
}

// SampleRequest is the request of a sample. Secrets are replaced.
type SampleRequest struct {
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Query   map[string]any    `json:"query,omitempty"`
	Body    *everhook.Value   `json:"body,omitempty"`
}

type sampleFlowInput struct {
	Key string `path:"key" doc:"The key of the flow."`
}

func sampleFlow(s *service) {
	add(s, operation{id: "sample-flow", method: http.MethodGet, path: "/api/v1/flows/{key}/sample", tag: tagDeliveries,
		role: access.Viewer, summary: "Get the last delivery of a flow as data", timeout: ShowTimeout},
		func(ctx context.Context, in *sampleFlowInput) (*reply[Sample], error) {
			sample, err := s.Deliveries.Sample(ctx, in.Key)
			if err != nil {
				return nil, noDelivery(err)
			}
			return answer(*sample), nil
		})
}
