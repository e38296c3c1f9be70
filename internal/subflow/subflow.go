// Package subflow performs the activity everhook.load-subflow: it reads the called flow from the store, checks that it
// can be called with the input, and returns its definition. It is a local activity. Its result is recorded, so the
// calling run does not depend on the store afterwards.
package subflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/kind"
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
	version, err := l.version(ctx, input)
	if err != nil {
		return loaded, err
	}
	flow, err := l.options.Versions.Of(&version)
	if err != nil {
		return loaded, everhook.Errorf(everhook.TypeNoFlow,
			"%s cannot be called, because this program cannot run it: %v",
			name(version), err)
	}
	callable, ok := flow.Trigger.(kind.Callable)
	if !ok {
		return loaded, everhook.Errorf(everhook.TypeNoFlow, "%s cannot be called: its trigger is %s; only flows with "+
			"`trigger: { type: call }` can", name(version), flow.Definition.Trigger.Type)
	}
	for _, secret := range flow.Secrets {
		_, err := l.options.Secret(secret)
		if l.options.Permit != nil {
			err = cmp.Or(l.options.Permit(input.Flow, secret), err)
		}
		if err != nil {
			return loaded, everhook.Errorf(everhook.TypeSecret, "%s cannot be called: %v", name(version), err)
		}
	}
	if err := check(version, callable, input.Input.V); err != nil {
		return loaded, err
	}
	failure, skips := judged(flow.Trigger, input.Input.V)
	if skips {
		return activities.LoadedSubflow{Version: version.Number, Skipped: true}, nil
	}
	loaded = activities.LoadedSubflow{
		Failure: failure,
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

func name(version everhook.Version) string {
	return fmt.Sprintf("version %d of flow %s", version.Number, version.Definition.Key)
}

// version reads the named version, or the enabled one. A disabled flow cannot be called, not even by a version number.
func (l *Loader) version(ctx context.Context, input activities.LoadSubflowInput) (everhook.Version, error) {
	number := input.Version
	flow, err := l.options.Store.Flow(ctx, input.Flow)
	if errors.Is(err, store.ErrNotFound) {
		return everhook.Version{},
			everhook.Errorf(everhook.TypeNoFlow, "there is no flow %s; apply it, or correct the key", input.Flow)
	}
	if err != nil {
		return everhook.Version{}, err
	}
	if flow.Enabled == 0 {
		return everhook.Version{}, everhook.Errorf(everhook.TypeNoFlow, "the flow %s is disabled; enable it, or call "+
			"another one", input.Flow)
	}
	if number == 0 {
		number = flow.Enabled
	}
	version, err := l.options.Store.Version(ctx, input.Flow, number)
	if errors.Is(err, store.ErrNotFound) {
		return version, everhook.Errorf(everhook.TypeNoFlow, "the flow %s has no version %d; its latest is %d",
			input.Flow, number, flow.Latest)
	}
	return version, err
}

// judged reports whether the trigger leaves out a call with that input. An error is what the run ends with.
func judged(t kind.Trigger, input any) (failure *everhook.Error, skips bool) {
	filtering, ok := t.(kind.Filtering)
	if !ok {
		return nil, false
	}
	taken, err := filtering.Takes(map[string]any{"input": input})
	return everhook.AsError(err), err == nil && !taken
}

// shownProblems bounds how many problems of an input are named.
const shownProblems = 5

// check checks the input against the schema of the trigger. A wrong input is a failure of the calling node, not a
// defect of the called flow.
func check(version everhook.Version, callable kind.Callable, input any) error {
	problems, err := callable.CheckInput(input)
	if err != nil {
		return everhook.Errorf(everhook.TypeLimit, "the input is too large for the schema of %s: %v", name(version),
			err)
	}
	if len(problems) == 0 {
		return nil
	}
	var text []string
	for _, problem := range problems[:min(len(problems), shownProblems)] {
		at := problem.Pointer
		if at == "" {
			at = "the whole"
		}
		text = append(text, at+": "+problem.Detail)
	}
	if more := len(problems) - shownProblems; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return everhook.Failuref(everhook.TypeInput, "the input does not fit %s: %s", name(version),
		strings.Join(text, "; "))
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
