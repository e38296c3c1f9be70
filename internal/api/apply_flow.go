package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/flowdiff"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/store"
)

// AppliedFlow is a version that was applied, or would be.
type AppliedFlow struct {
	Key string `json:"key"`
	// Version is the number of the version; 0 for a dry run of new content.
	Version int `json:"version"`
	// Created is set if no version had this content before.
	Created bool `json:"created"`
	// Enabled is set if the version is the enabled one.
	Enabled bool `json:"enabled"`
	// DryRun is set if nothing was changed.
	DryRun bool `json:"dryRun,omitempty"`
	// Changes are those from the version that was enabled before, or else the latest one.
	Changes []flowdiff.Change `json:"changes"`
	// Warnings are problems of the text that do not keep it from being used.
	Warnings []flowfile.Problem `json:"warnings,omitempty"`
}

type applyFlowInput struct {
	NamedFlow
	Conditional
	DryRun  bool   `query:"dryRun" doc:"Only say what would change."`
	Keep    bool   `query:"keep" doc:"Keep the version that is enabled now: the new one is only stored."`
	Note    string `query:"note" maxLength:"1000" doc:"What changed, for people."`
	Source  string `query:"source" maxLength:"200" doc:"Where the flow comes from, such as the name of a repository. Default: api."`
	RawBody []byte `contentType:"application/yaml"`
}

type applyFlowOutput struct {
	ETag string `header:"ETag" doc:"For If-Match. After a dry run, that of the flow as it is; missing if there is none."`
	Body AppliedFlow
}

// maxFlow bounds the text of a flow.
const maxFlow = store.MaxText

func applyFlow(s *service) {
	add(s, operation{id: "apply-flow", method: http.MethodPut, path: "/api/v1/flows/{key}", tag: tagFlows,
		role: access.Editor, summary: "Apply a flow",
		description: "The body is the flow, as YAML or JSON. New content becomes the next version; content that a " +
			"version has already is that version. The version is enabled, and served when the answer comes.",
		maxBody: maxFlow, timeout: actTimeout, refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *applyFlowInput) (*applyFlowOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			text := string(in.RawBody)
			flow, problems, err := s.compiled(text, in.Key)
			if err != nil {
				return nil, err
			}
			if err := s.Deployment.Permit(flow.Definition); err != nil {
				return nil, fail(conflict, err.Error())
			}
			when, err := in.when(ctx)
			if err != nil {
				return nil, err
			}
			applied, revision, err := s.planned(ctx, flow.Definition, when, in.DryRun)
			if err != nil {
				return nil, err
			}
			applied.Warnings, applied.Enabled = problems.Warnings(), !in.Keep
			if in.DryRun {
				return dryRun(applied, revision), nil
			}
			source := in.Source
			if source == "" {
				source = "api"
			}
			done, err := s.Deployment.Deploy(ctx, flow.Definition, source, store.ApplyOptions{Enable: !in.Keep,
				Text: text, Note: in.Note, When: when})
			if err != nil {
				return nil, err
			}
			applied.Version, applied.Created = done.Version.Number, done.Created
			return &applyFlowOutput{etag(done.Revision), applied}, nil
		})
}

// dryRun is the answer to a dry run.
func dryRun(planned AppliedFlow, revision int64) *applyFlowOutput {
	out := &applyFlowOutput{Body: planned}
	if revision > 0 {
		out.ETag = etag(revision)
	}
	return out
}

// planned says what applying a definition changes, and the revision of the flow to which the plan belongs; 0 for a new
// flow. A dry run checks the preconditions too, as nothing else does.
func (s *service) planned(ctx context.Context, definition *everhook.Definition, when []store.Precondition,
	dryRun bool) (planned AppliedFlow, revision int64, err error) {
	planned = AppliedFlow{Key: definition.Key, DryRun: dryRun, Changes: []flowdiff.Change{}}
	flow, err := s.Store.Flow(ctx, definition.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return planned, 0, err
	}
	if dryRun {
		for _, holds := range when {
			if err := holds(flow); err != nil {
				return planned, 0, err
			}
		}
	}
	var before *everhook.Definition
	if number := flow.Shown(); number > 0 {
		version, err := s.Store.Version(ctx, definition.Key, number)
		if err != nil {
			return planned, 0, err
		}
		before = version.Definition
	}
	changes, err := flowdiff.Compare(before, definition)
	if err != nil {
		return planned, 0, err
	}
	if changes != nil {
		planned.Changes = changes
	}
	if dryRun {
		planned.Created, planned.Version = len(changes) > 0, flow.Shown()
		if planned.Created {
			planned.Version = 0
		}
	}
	return planned, flow.Revision, nil
}
