package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/store"
)

// Store keeps flows; *store.Store implements it. Its methods are described there.
type Store interface {
	Flow(ctx context.Context, key string) (store.Flow, error)
	Version(ctx context.Context, key string, number int) (everhook.Version, error)
	Versions(ctx context.Context, key string) ([]store.VersionInfo, error)
	Text(ctx context.Context, key string, number int) (string, error)
	Enable(ctx context.Context, key string, number int, when ...store.Precondition) error
	Disable(ctx context.Context, key string, when ...store.Precondition) error
	SetLabels(ctx context.Context, key string, labels []string, when ...store.Precondition) error
	SetPaused(ctx context.Context, key string, paused bool, when ...store.Precondition) error
	RotateToken(ctx context.Context, key string, grace time.Duration, when ...store.Precondition) (string, error)
	Delete(ctx context.Context, key string, when ...store.Precondition) error
	Counters(ctx context.Context, flow string) ([]store.Counter, error)
	Draft(ctx context.Context, flow string) (store.Draft, error)
	Drafts(ctx context.Context) ([]string, error)
	PutDraft(ctx context.Context, put store.DraftPut) (store.Draft, error)
	UndoDraft(ctx context.Context, flow string, revision int64) (store.Draft, error)
	RedoDraft(ctx context.Context, flow string, revision int64) (store.Draft, error)
	DiscardDraft(ctx context.Context, flow string, revision int64) error
	Audit(ctx context.Context, filter store.AuditFilter) ([]store.Entry, error)
	Record(ctx context.Context, change store.Change) error
}

// Deployment serves flows; *catalog.Catalog implements it.
type Deployment interface {
	// Permit refuses a flow that uses a secret which the operator's rules give to others only.
	Permit(definition *everhook.Definition) error
	// Deploy makes a definition the next version of its flow, and returns when that is served.
	Deploy(ctx context.Context, definition *everhook.Definition, source string,
		o store.ApplyOptions) (store.Applied, error)
	// Await returns when all changes of the store are served.
	Await(ctx context.Context) error
}

// Conditional are the headers with which a flow is changed only as the caller has read it.
type Conditional struct {
	IfMatch     string `header:"If-Match" doc:"The ETag with which the caller has read it. If it has changed since, the request is refused with 412."`
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"* makes a new one only: if there is one, the request is refused with 412."`
}

// when returns the preconditions of a change. A change that was made before, whose answer was lost, has none.
func (c Conditional) when(ctx context.Context) ([]store.Precondition, error) {
	if changedBefore(ctx) {
		return nil, nil
	}
	// A directory of files would undo every change made here.
	when := []store.Precondition{store.NotManagedByFiles}
	switch {
	case c.IfNoneMatch != "":
		return append(when, store.AtRevision(0)), nil
	case c.IfMatch == "*":
		return append(when, func(flow store.Flow) error {
			if flow.Key == "" {
				return fmt.Errorf("there is no such flow: %w", store.ErrStale)
			}
			return nil
		}), nil
	case c.IfMatch != "":
		revision, err := revisionOf(c.IfMatch)
		return append(when, store.AtRevision(revision)), err
	}
	return when, nil
}

// revision returns the preconditions of a change that files do not undo.
func (c Conditional) revision(ctx context.Context) ([]store.Precondition, error) {
	when, err := c.when(ctx)
	if len(when) > 0 {
		when = when[1:]
	}
	return when, err
}

// etag is the entity tag of a revision.
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// revisionOf reads an entity tag.
func revisionOf(tag string) (int64, error) {
	text, quoted := strings.CutPrefix(tag, `"`)
	text, ended := strings.CutSuffix(text, `"`)
	revision, err := strconv.ParseInt(text, 10, 64)
	if !quoted || !ended || err != nil || revision < 1 {
		return 0, wrongf("/header/If-Match", `send the ETag of an earlier answer, such as "7", with its quotes`)
	}
	return revision, nil
}

// flowOutput is a flow after a change.
type flowOutput struct {
	ETag string `header:"ETag" doc:"For If-Match."`
	Body Flow
}

// showFlow returns a flow as it is stored now.
func (s *service) showFlow(ctx context.Context, key string) (*flowOutput, error) {
	stored, err := s.stored(ctx, key)
	if err != nil {
		return nil, err
	}
	flows, err := s.Flows.Flows(ctx)
	if err != nil {
		return nil, err
	}
	flow, found := findFlow(flows, key)
	if !found {
		return nil, noSuchFlow()
	}
	return &flowOutput{etag(stored.Revision), flow.With(stored)}, nil
}

// served waits until a change is served, and returns the flow.
func (s *service) served(ctx context.Context, key string) (*flowOutput, error) {
	if err := s.Deployment.Await(ctx); err != nil {
		return nil, err
	}
	return s.showFlow(ctx, key)
}

// stored returns a flow that the actor may see.
func (s *service) stored(ctx context.Context, key string) (store.Flow, error) {
	flow, err := s.Store.Flow(ctx, key)
	if err == nil && !access.From(ctx).Sees(key, flow.Labels) {
		return store.Flow{}, noSuchFlow()
	}
	return flow, err
}

// may refuses an actor without a role for a flow. A flow that does not exist has no labels.
func (s *service) may(ctx context.Context, needed access.Role, key string) error {
	actor := access.From(ctx)
	if !actor.Limited() {
		return nil // the operation has checked the role
	}
	flow, err := s.Store.Flow(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case !actor.Sees(key, flow.Labels):
		return noSuchFlow()
	case !actor.MayWith(needed, key, flow.Labels):
		return &access.Denied{Actor: actor, Needed: needed}
	}
	return nil
}

func noSuchFlow() error { return fail(notFound, "no such flow") }

// compiled checks the text of a flow. The error names each problem by its place.
func (s *service) compiled(text, key string) (*compile.Flow, flowfile.Problems, error) {
	flow, problems := flowfile.Load("flow.yaml", []byte(text), s.Registry)
	if flow == nil {
		return nil, problems, invalid(problems)
	}
	if key != "" && flow.Definition.Key != key {
		return nil, problems, wrongf("/body/key", "the flow has the key %s, but the request is for %s",
			flow.Definition.Key, key)
	}
	return flow, problems, nil
}

// invalid is the answer to a flow with errors.
func invalid(problems flowfile.Problems) *problem {
	errs := problems.Errors()
	p := fail(invalidFlow, fmt.Sprintf("the flow has %d errors", len(errs)))
	for _, e := range errs {
		text := fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
		if e.Fix != "" {
			text += "; " + e.Fix
		}
		p.Errors = append(p.Errors, pointed("/body"+e.Pointer, text))
	}
	if len(errs) == 1 {
		p.Detail = p.Errors[0].Detail
	}
	return p
}
