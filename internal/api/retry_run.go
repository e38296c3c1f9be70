package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

// RetryRequest is what a retry runs. All fields may be missing, and so may the body.
type RetryRequest struct {
	// Current retries with the enabled version of the flow. Default: the version of the run.
	Current bool `json:"current,omitempty" doc:"Retry with the enabled version of the flow. Default: the version of the run."`
	// From is the key of the node to begin at, with the values of the steps before it. Default: the beginning.
	From string `json:"from,omitempty" doc:"The key of the node to begin at, with the values of the steps before it. Default: the beginning."`
}

// Retried is the new run of a retry.
type Retried struct {
	runs.Retried
	// URL is the page of the new run, as a path on the admin address.
	URL string `json:"url"`
}

type retryRunInput struct {
	NamedRun
	Body *RetryRequest
}

type retryRunOutput struct {
	Location string `header:"Location" doc:"The new run, as a path."`
	Body     Retried
}

func retryRun(s *service) {
	add(s, operation{id: "retry-run", method: http.MethodPost, path: "/api/v1/runs/{id}/retry", tag: tagRuns,
		role: access.Operator, summary: "Run the delivery of a run again",
		description: "The run must have ended. The new run has another ID. When the answer comes, it is durable.",
		status:      http.StatusCreated, timeout: actTimeout},
		func(ctx context.Context, in *retryRunInput) (*retryRunOutput, error) {
			var wanted RetryRequest
			if in.Body != nil {
				wanted = *in.Body
			}
			if wanted.From != "" && !everhook.IsNodeKey(wanted.From) {
				return nil, wrongf("/body/from", "%q is not a node key", everhook.Shorten(wanted.From, 80))
			}
			flow, err := s.flowOf(ctx, in.NamedRun)
			if err != nil {
				return nil, err
			}
			retried, err := s.Actions.Retry(ctx, flow, in.id, wanted, keyOf(ctx))
			if err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "a run is retried", "flow", flow, "run", retried.ID, "retryOf", in.id, "version",
				retried.Version, "from", retried.From)
			return &retryRunOutput{"/api/v1/runs/" + string(retried.ID),
				Retried{retried, "/runs/" + string(retried.ID)}}, nil
		})
}
