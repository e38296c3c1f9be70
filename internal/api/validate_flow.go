package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/flowfile"
)

// ValidatedFlow says what is wrong with a flow.
type ValidatedFlow struct {
	// Valid is set if the flow can be applied.
	Valid bool `json:"valid"`
	// Key is that of the flow, if it is valid.
	Key string `json:"key,omitempty"`
	// Problems are errors and warnings, in the order of the text.
	Problems []flowfile.Problem `json:"problems"`
}

type validateFlowInput struct {
	RawBody []byte `contentType:"application/yaml"`
}

func validateFlow(s *service) {
	add(s, operation{id: "validate-flow", method: http.MethodPost, path: "/api/v1/validate", tag: tagFlows,
		role: access.Editor, summary: "Check a flow without applying it", maxBody: maxFlow,
		description: "The body is the flow, as YAML or JSON."},
		func(_ context.Context, in *validateFlowInput) (*reply[ValidatedFlow], error) {
			flow, problems := flowfile.Load("flow.yaml", in.RawBody, s.Registry)
			result := ValidatedFlow{Valid: flow != nil, Problems: problems}
			if flow != nil {
				result.Key = flow.Definition.Key
			}
			if problems == nil {
				result.Problems = []flowfile.Problem{}
			}
			return answer(result), nil
		})
}
