package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/subflow"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// flowsSection is where a case has the flows that others call.
const flowsSection = "flows/"

// shelf is a store with the flows of a case.
type shelf map[string][]everhook.Version

func (s shelf) Flow(_ context.Context, key string) (store.Flow, error) {
	versions := s[key]
	if len(versions) == 0 {
		return store.Flow{}, store.ErrNotFound
	}
	latest := versions[len(versions)-1].Number
	return store.Flow{Key: key, Enabled: latest, Latest: latest}, nil
}

func (s shelf) Version(_ context.Context, key string, number int) (everhook.Version, error) {
	for _, version := range s[key] {
		if version.Number == number {
			return version, nil
		}
	}
	return everhook.Version{}, store.ErrNotFound
}

// loaderOf finds the flows of a case as the product finds them. No secret is set.
func loaderOf(t *testing.T, sections map[string]string) *subflow.Loader {
	flows := shelf{}
	for _, name := range everhook.SortedKeys(sections) {
		if !strings.HasPrefix(name, flowsSection) {
			continue
		}
		key, numbered, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".yaml"), "@")
		number := 1
		if numbered != "" {
			var err error
			number, err = strconv.Atoi(numbered)
			require.NoError(t, err)
		}
		flow, problems := flowfile.Load(name, []byte(sections[name]), nodes.Standard())
		require.Empty(t, problems.Errors(), name)
		require.Equal(t, key, flow.Definition.Key, name)
		hash, err := flow.Definition.Hash()
		require.NoError(t, err)
		flows[key] = append(flows[key], everhook.Version{Number: number, Hash: hash, Definition: flow.Definition})
		slices.SortFunc(flows[key], func(a, b everhook.Version) int { return a.Number - b.Number })
	}
	return subflow.New(subflow.Options{
		Store: flows, Versions: compile.NewVersions(nodes.Standard()),
		Env:    func() map[string]string { return map[string]string{"REGION": "eu"} },
		Secret: func(name string) (string, error) { return "", errors.New("the secret " + name + " is not set") },
	})
}

// watchSubflows notes the runs of other flows: what it gives tells how they ended.
func watchSubflows(env *testsuite.TestWorkflowEnvironment) func() []string {
	var mutex sync.Mutex
	versions, ended := map[string]int{}, []string(nil)
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var definition any
		var start workflows.Start
		if args.Get(&definition, &start) == nil {
			mutex.Lock()
			defer mutex.Unlock()
			versions[info.WorkflowExecution.ID] = start.Version
		}
	})
	env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, result converter.EncodedValue, err error) {
		mutex.Lock()
		defer mutex.Unlock()
		flow, _, _ := everhook.ParseWorkflowID(info.WorkflowExecution.ID)
		ended = append(ended, fmt.Sprintf("%s v%d %s", flow, versions[info.WorkflowExecution.ID],
			childStatus(result, err)))
	})
	return func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return ended
	}
}

// childStatus returns the status of a run as its caller reads it.
func childStatus(result converter.EncodedValue, err error) everhook.Status {
	var outcome everhook.Outcome
	cancelled, isCancelled := errors.AsType[*temporal.CanceledError](err)
	failure, isFailure := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case isFailure:
		return everhook.Status(failure.Type())
	case isCancelled && cancelled.Details(&outcome) != nil, err == nil && result.Get(&outcome) != nil, err != nil &&
		!isCancelled:
		return everhook.Status(fmt.Sprintf("unreadable: %v", err))
	}
	return outcome.Status
}
