package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// Resumable returns the routes of resume calls for a resume token. The flow may be disabled.
func (c *Catalog) Resumable(token string) (*receiver.Resumable, bool) {
	flow, ok := c.snapshot.Load().resumables[token]
	return flow, ok
}

// ResumeBase returns the base of the resume URLs of a flow, and the secret to make them with. It is an error if the
// flow does not exist any more.
func (c *Catalog) ResumeBase(key string) (base string, secret []byte, err error) {
	flow, ok := c.snapshot.Load().stored[key]
	if !ok {
		return "", nil, fmt.Errorf("flow %q: %w", key, store.ErrNotFound)
	}
	return c.resumeBase(flow), flow.Secret, nil
}

func (c *Catalog) resumeBase(flow store.Flow) string {
	base := ""
	if c.options.PublicURL != nil {
		base = c.options.PublicURL()
	}
	return base + everhook.ResumePath + everhook.ResumeToken(flow.Secret)
}

// resumeURL returns the function that makes the resume URLs of a run for the answer to a resume call, which names its
// iteration.
func (c *Catalog) resumeURL(stored store.Flow, flow *compile.Flow, run everhook.RunID,
	iteration string) func(key string) (string, error) {
	return func(key string) (string, error) {
		loops, ok := flow.LoopsAround(key)
		if !ok {
			return "", fmt.Errorf("no node %q waits for a call", key)
		}
		return everhook.NewResume(c.resumeBase(stored), stored.Secret, run).URL(run, key,
			everhook.OuterIteration(iteration, loops)), nil
	}
}

func (c *Catalog) resumable(flow store.Flow) *receiver.Resumable {
	return &receiver.Resumable{Flow: flow.Key, Secret: flow.Secret, Route: func(ctx context.Context, number int,
		node string) (*receiver.Route, error) {
		version, err := c.versionOf(ctx, flow, number)
		if err != nil {
			return nil, err
		}
		waiting := version.Node(node)
		if waiting == nil {
			return nil, receiver.ErrNoWait
		}
		wait, ok := waiting.Kind.(trigger.Callback)
		if !ok {
			return nil, receiver.ErrNoWait
		}
		return c.waitRoute(flow, version.Flow, node, wait), nil
	}}
}

// versionOf returns any version of a flow. The shown one is in memory; others are read from the store. It returns
// receiver.ErrNoWait if there is no such version.
func (c *Catalog) versionOf(ctx context.Context, flow store.Flow, number int) (*compile.Version, error) {
	id := identity{flow.Key, string(flow.Secret), number}
	version := everhook.Version{}
	if known := c.snapshot.Load().compiled[id]; known != nil {
		version = known.version
	} else {
		var err error
		version, err = c.options.Store.Version(ctx, flow.Key, number)
		if errors.Is(err, store.ErrNotFound) {
			return nil, receiver.ErrNoWait
		}
		if err != nil {
			return nil, err
		}
	}
	compiled, err := c.options.Versions.Of(&version)
	if err != nil {
		return nil, fmt.Errorf("this program cannot run version %d of flow %q: %w", number, flow.Key, err)
	}
	return compiled, nil
}

// waitRoute returns the route of a node that waits for calls.
func (c *Catalog) waitRoute(stored store.Flow, flow *compile.Flow, key string, wait trigger.Callback) *receiver.Route {
	route := &receiver.Route{Flow: stored.Key, Node: key, Enabled: true}
	c.calls(route, wait.Calls())
	if link := wait.Page(); link.IsSet() {
		title := cmp.Or(link.Title, flow.Node(key).Title, flow.Definition.Title, flow.Definition.Key)
		route.Link = &receiver.Link{Title: title, Text: cmp.Or(link.Text, trigger.LinkText),
			Button: cmp.Or(link.Button, trigger.LinkButton), Done: cmp.Or(link.Done, trigger.LinkDone),
			Language: cmp.Or(link.Language, trigger.LinkLanguage), OwnAnswer: wait.Reply().IsSet()}
	}
	route.ResumeAnswer = func(call everhook.Mapping, run everhook.RunID, iteration string) (everhook.Answer, error) {
		answer, err := wait.Reply().Answer(&expression.Scope{
			Values: map[string]any{"call": map[string]any(call), "env": c.settings(flow),
				"system": map[string]any{"runId": string(run)}},
			ResumeURL: c.resumeURL(stored, flow, run, iteration),
		})
		if err == nil && answer.Body != nil &&
			everhook.EncodedSize(answer.Body.V, everhook.MaxAnswerBody) > everhook.MaxAnswerBody {
			err = everhook.Errorf(everhook.TypeLimit, "the answer is larger than %s",
				everhook.Size(everhook.MaxAnswerBody))
		}
		return answer, err
	}
	return route
}
