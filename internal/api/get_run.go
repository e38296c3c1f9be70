package api

import (
	"context"
	"net/http"
	"net/url"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

// RunDetail is a run with its steps.
type RunDetail struct {
	runs.Detail
	// TemporalURL is the run's page in Temporal's UI, see RunSummary.
	TemporalURL string `json:"temporalUrl,omitempty"`
}

// GetRunInput names an execution of a run.
type GetRunInput struct {
	NamedRun
	Execution string `query:"execution" doc:"Show this execution of a run that was started again. Default: the latest."`
}

func getRun(s *service) {
	add(s, operation{id: "get-run", method: http.MethodGet, path: "/api/v1/runs/{id}", tag: tagRuns,
		role: access.Viewer, summary: "Show a run with its steps", timeout: ShowTimeout},
		func(ctx context.Context, in *GetRunInput) (*reply[RunDetail], error) {
			detail, err := s.detail(ctx, *in)
			if err != nil {
				return nil, err
			}
			return answer(RunDetail{*detail, s.temporalURL(detail.Summary)}), nil
		})
}

// detail reads a run that the actor may see.
func (s *service) detail(ctx context.Context, in GetRunInput) (*runs.Detail, error) {
	if in.Execution != "" && !executionExp.MatchString(in.Execution) {
		return nil, wrongf("/query/execution", "an execution is a UUID, as lists of runs show it")
	}
	flow, err := s.flowOf(ctx, in.NamedRun)
	if err != nil {
		return nil, err
	}
	return s.Runs.Show(ctx, flow, in.id, in.Execution)
}

// NamedRun are the parameters that name a run.
type NamedRun struct {
	ID   string `path:"id" doc:"The ID of the run: 26 characters of a-z and 2-7."`
	Flow string `query:"flow" doc:"The key of its flow, if it is known: it saves a search."`
	id   everhook.RunID
}

// Resolve refuses an ID that is none.
func (n *NamedRun) Resolve(huma.Context) []error {
	var ok bool
	if n.id, ok = everhook.ParseRunID(n.ID); !ok {
		return []error{wrongf("/path/id", "a run ID is 26 characters of a-z and 2-7")}
	}
	if n.Flow != "" && !everhook.IsFlowKey(n.Flow) {
		return []error{notFlowKey("/query/flow", n.Flow)}
	}
	return nil
}

// flowOf returns the flow of a run that the actor may see, or everhook.ErrNoRun.
func (s *service) flowOf(ctx context.Context, run NamedRun) (string, error) {
	flow, err := run.Flow, error(nil)
	if flow == "" {
		if flow, err = FindFlow(ctx, s.Flows, s.Runs, run.id); err != nil {
			return "", err
		}
	}
	visible, err := s.visibleRuns(ctx, []runs.Summary{{Flow: flow}})
	if err == nil && len(visible) == 0 {
		err = everhook.ErrNoRun
	}
	return flow, err
}

// FindFlow returns the flow of a run. It returns everhook.ErrNoRun if the run is unknown or has expired.
func FindFlow(ctx context.Context, flows Flows, known Runs, id everhook.RunID) (string, error) {
	all, err := flows.Flows(ctx)
	if err != nil {
		return "", err
	}
	keys := make([]string, len(all))
	for i, flow := range all {
		keys[i] = flow.Key
	}
	return known.Find(ctx, keys, id)
}

// ParseExecution parses the parameter "execution": Temporal's run ID of one execution of a run; empty for the latest.
// It returns false if the parameter is malformed.
func ParseExecution(query url.Values) (execution string, ok bool) {
	execution = query.Get("execution")
	return execution, execution == "" || executionExp.MatchString(execution)
}

var executionExp = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)
