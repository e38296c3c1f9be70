// Package subflow performs the activity everhook.load-subflow: it reads the called flow from the store, checks that it
// can be called with the input, and returns its definition. It is a local activity. Its result is recorded, so the
// calling run does not depend on the store afterwards.
package subflow

import (
	"context"
	"errors"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/workflows"
)

// Store has the flows. A missing flow is store.ErrNotFound; other errors are retried.
type Store interface {
	Flow(ctx context.Context, key string) (store.Flow, error)
	Version(ctx context.Context, key string, number int) (everhook.Version, error)
}

// Options configure a Loader.
type Options struct {
	Store Store
	// Versions compiles the flows.
	Versions *compile.Versions
	// Secret returns the value of a secret. Its error names the secret and says how to set it.
	Secret func(name string) (string, error)
	// Permit returns an error if the operator's rules do not let a flow use a secret. Nil: there are no rules.
	Permit func(flow, name string) error
	// Env returns the settings that flows may refer to as env.<NAME>.
	Env func() map[string]string
	// Resume returns the base of a flow's resume URLs, and the secret that they are made with; nil: runs cannot be
	// resumed.
	Resume func(flow string) (base string, secret []byte, err error)
	// Links returns markdown links about a run, for its details in the Temporal UI. It may be nil.
	Links func(flow string, run everhook.RunID) string
}

// Loader loads called flows. It is safe for concurrent use.
type Loader struct{ options Options }

// New returns a Loader.
func New(o Options) *Loader { return &Loader{options: o} }

// Effect returns the loader as an effect.
func (l *Loader) Effect() activities.Effect {
	return effect.New(effect.Spec[activities.LoadSubflowInput, activities.LoadedSubflow]{
		Name: activities.LoadSubflow, Local: true, Redacted: true,
		Build: func(activities.Dependencies) effect.Function[activities.LoadSubflowInput, activities.LoadedSubflow] {
			return l.Do
		},
	})
}

// Do makes one attempt. Only a store that does not answer is worth another attempt.
func (l *Loader) Do(ctx context.Context, input activities.LoadSubflowInput) (activities.LoadedSubflow, error) {
	loaded, err := l.load(ctx, input)
	if failure, ok := errors.AsType[*everhook.Error](err); ok {
		return activities.LoadedSubflow{}, activities.Fail(failure, false, 0)
	}
	if err != nil {
		failure := everhook.Errorf(everhook.TypeUnavailable, "the flow %s cannot be read: %v", input.Flow, err)
		return activities.LoadedSubflow{}, activities.Fail(failure, true, 0)
	}
	return loaded, nil
}

func (l *Loader) load(ctx context.Context,
	input activities.LoadSubflowInput) (loaded activities.LoadedSubflow, err error) {
	callee, err := l.Resolve(ctx, input.Flow, input.Version, input.Input.V)
	if err != nil {
		return loaded, err
	}
	if err := callee.refusal(); err != nil {
		return loaded, err
	}
	version, flow := callee.Version, callee.Flow
	if callee.Skips {
		return activities.LoadedSubflow{Version: version.Number, Skipped: true}, nil
	}
	loaded = activities.LoadedSubflow{
		Failure: callee.Failure,
		Version: version.Number, Title: version.Definition.Name(), Trigger: version.Definition.Trigger.Type,
		Env: flow.Settings(l.options.Env()), Details: l.details(input), Calls: flow.CallsFlows(),
	}
	if flow.TakesCalls() && l.options.Resume != nil {
		base, secret, err := l.options.Resume(input.Flow)
		if err != nil {
			return loaded, err
		}
		loaded.Resume = everhook.NewResume(base, secret, input.Run)
	}
	loaded.Definition = flow.JSON
	return loaded, bounded(loaded, input.Input)
}

func (l *Loader) details(input activities.LoadSubflowInput) string {
	details := "called by " + input.Caller + "\n"
	if l.options.Links != nil {
		details += "\n" + l.options.Links(input.Flow, input.Run)
	}
	return details
}

// bounded refuses input that is too large to start a run: Temporal would retry the start for ever.
func bounded(loaded activities.LoadedSubflow, input everhook.Value) error {
	encoded, err := workflows.DataConverter().ToPayloads(loaded.Definition, loaded.Env, input)
	if err != nil {
		return everhook.Errorf(everhook.TypeInternal, "the call cannot be encoded: %v", err)
	}
	size := 0
	for _, payload := range encoded.GetPayloads() {
		size += len(payload.GetData())
	}
	if size > activities.MaxSubflow {
		return everhook.Errorf(everhook.TypeLimit, "flow and input are larger than a run can be started with: %d "+
			"bytes of %d; send less", size, activities.MaxSubflow)
	}
	return nil
}
