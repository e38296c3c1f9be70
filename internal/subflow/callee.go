package subflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/kind"
)

// Callee is a flow that can be called.
type Callee struct {
	// Stored is the flow in the store, Version the version to run, and Flow that version, compiled.
	Stored  store.Flow
	Version everhook.Version
	Flow    *compile.Version
	// Wrong are the problems of the input, at most 20. If there are any, no run may be started.
	Wrong []everhook.ProblemDetail
	// Skips is set if the condition of the trigger leaves out the call: no run is to be started.
	Skips bool
	// Failure is what the run has to end with, because the condition cannot be evaluated; nil for most calls.
	Failure *everhook.Error
}

// Resolve finds a version of a flow, or the enabled one for number 0, and checks a call of it with an input. It returns
// an *everhook.Error if the flow cannot be called; other errors are those of the store.
func (l *Loader) Resolve(ctx context.Context, key string, number int, input any) (callee Callee, err error) {
	if callee, err = l.find(ctx, key, number); err != nil {
		return callee, err
	}
	flow, err := l.options.Versions.Of(&callee.Version)
	if err != nil {
		return callee, everhook.Errorf(everhook.TypeNoFlow,
			"%s cannot be called, because this program cannot run it: %v", callee.name(), err)
	}
	callable, ok := flow.Trigger.(kind.Callable)
	if !ok {
		return callee, everhook.Errorf(everhook.TypeNoFlow, "%s cannot be called: its trigger is %s; only flows with "+
			"`trigger: { type: call }` can", callee.name(), flow.Definition.Trigger.Type)
	}
	for _, secret := range flow.Secrets {
		_, err := l.options.Secret(secret)
		if l.options.Permit != nil {
			err = cmp.Or(l.options.Permit(key, secret), err)
		}
		if err != nil {
			return callee, everhook.Errorf(everhook.TypeSecret, "%s cannot be called: %v", callee.name(), err)
		}
	}
	if callee.Wrong, err = callable.CheckInput(input); err != nil {
		return callee, everhook.Errorf(everhook.TypeLimit, "the input is too large for the schema of %s: %v",
			callee.name(), err)
	}
	callee.Flow = flow
	if len(callee.Wrong) == 0 {
		callee.Failure, callee.Skips = judged(flow.Trigger, input)
	}
	return callee, nil
}

// find reads the flow and the version. A disabled flow cannot be called, not even by a version number.
func (l *Loader) find(ctx context.Context, key string, number int) (callee Callee, err error) {
	callee.Stored, err = l.options.Store.Flow(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return callee, everhook.Errorf(everhook.TypeNoFlow, "there is no flow %s; apply it, or correct the key", key)
	}
	if err != nil {
		return callee, err
	}
	if callee.Stored.Enabled == 0 {
		return callee, everhook.Errorf(everhook.TypeNoFlow, "the flow %s is disabled; enable it, or call another one",
			key)
	}
	callee.Version, err = l.options.Store.Version(ctx, key, cmp.Or(number, callee.Stored.Enabled))
	if errors.Is(err, store.ErrNotFound) {
		return callee, everhook.Errorf(everhook.TypeNoFlow, "the flow %s has no version %d; its latest is %d", key,
			number, callee.Stored.Latest)
	}
	return callee, err
}

func (c *Callee) name() string {
	return fmt.Sprintf("version %d of flow %s", c.Version.Number, c.Version.Definition.Key)
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

// refusal is the failure of the calling node if the input is wrong; else nil. It is no defect of the called flow.
func (c *Callee) refusal() error {
	if len(c.Wrong) == 0 {
		return nil
	}
	var text []string
	for _, problem := range c.Wrong[:min(len(c.Wrong), shownProblems)] {
		text = append(text, cmp.Or(problem.Pointer, "the whole")+": "+problem.Detail)
	}
	if more := len(c.Wrong) - shownProblems; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return everhook.Failuref(everhook.TypeInput, "the input does not fit %s: %s", c.name(), strings.Join(text, "; "))
}
