package catalog

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// identity names a version uniquely: a flow that is deleted and created again has another secret.
type identity struct {
	key, secret string
	number      int
}

// identify returns the version of a flow that is shown: the enabled one, or else the latest.
func identify(flow store.Flow) identity {
	number := flow.Enabled
	if number == 0 {
		number = flow.Latest
	}
	return identity{flow.Key, string(flow.Secret), number}
}

// compiled is a compiled version. If this program cannot read or run it, flow is nil and problem says why. Webhook is
// nil for a flow with another trigger, which is served without a route.
type compiled struct {
	version everhook.Version
	flow    *compile.Flow
	webhook trigger.Receiving
	problem string
}

// version returns a version from the last snapshot, or reads and compiles it.
func (c *Catalog) version(ctx context.Context, id identity) (*compiled, error) {
	if known := c.snapshot.Load().compiled[id]; known != nil {
		return known, nil
	}
	version, err := c.options.Store.Version(ctx, id.key, id.number)
	if err != nil {
		return nil, err
	}
	known := &compiled{version: version}
	made, err := c.options.Versions.Of(&version)
	if err != nil {
		known.problem = fmt.Sprintf("this program cannot run it: %v", err)
		return known, nil
	}
	if !isServed(made.Trigger) {
		known.problem = fmt.Sprintf("nothing starts its runs: its trigger %s is no webhook, no call and no source",
			version.Definition.Trigger.Type)
		return known, nil
	}
	known.flow = made.Flow
	known.webhook, _ = made.Trigger.(trigger.Receiving)
	return known, nil
}

// isServed reports whether a trigger starts runs.
func isServed(t kind.Trigger) bool {
	switch t.(type) {
	case trigger.Receiving, kind.Callable, kind.Source:
		return true
	default:
		return false
	}
}

// show describes the state of a flow; waits is set if only a secret is missing.
func (c *Catalog) show(flow store.Flow, known *compiled) (shown Flow, waits bool) {
	shown = Flow{Key: flow.Key, Title: cmp.Or(flow.Title, flow.Key), Mode: flow.Mode, Token: flow.Token,
		Version: flow.Enabled, Source: flow.Source}
	shown.Trigger = known.trigger()
	if known.flow != nil {
		_, shown.Callable = known.flow.Trigger.(kind.Callable)
		if known.webhook == nil {
			shown.Token = ""
		}
	}
	switch {
	case flow.Enabled == 0:
		shown.Note = "disabled"
	case known.flow == nil:
		shown.Note = known.problem
	default:
		shown.Note = c.missingSecret(known)
		waits = shown.Note != ""
		shown.Unset = c.unset(known.flow)
	}
	shown.Served = shown.Note == ""
	return shown, waits
}

// unset returns the settings that the flow refers to but that are not set.
func (c *Catalog) unset(flow *compile.Flow) (names []string) {
	settings := c.options.Env()
	for _, name := range flow.Env {
		if _, ok := settings[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// secretsOf returns the names of all secrets of a flow, sorted.
func secretsOf(flow *compile.Flow) []string {
	names := slices.Clone(flow.Secrets)
	if namer, ok := flow.Trigger.(kind.SecretNaming); ok {
		names = slices.Concat(names, namer.Secrets())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Permit checks the secrets of a definition that is about to be applied against the operator's rules. A definition that
// this program cannot compile is none of its business.
func (c *Catalog) Permit(definition *everhook.Definition) error {
	hash, err := definition.Hash()
	if err != nil {
		return err
	}
	made, err := c.options.Versions.Of(&everhook.Version{Hash: hash, Definition: definition})
	if err != nil {
		return nil
	}
	for _, name := range secretsOf(made.Flow) {
		if err := c.options.Secrets.Permit(definition.Key, name); err != nil {
			return err
		}
	}
	return nil
}

// missingSecret says what to do about secrets of the flow that are not set. If all are set, it reports the first one
// that is not valid for its purpose.
func (c *Catalog) missingSecret(known *compiled) string {
	names := secretsOf(known.flow)
	for _, name := range names {
		if err := c.options.Secrets.Permit(known.flow.Definition.Key, name); err != nil {
			return err.Error()
		}
	}
	if err := secrets.LookupAll(c.options.Secrets.Lookup, names); err != nil {
		return err.Error()
	}
	if known.webhook != nil {
		if problem := c.badSecrets(known.webhook.Calls().Signature); problem != "" {
			return problem
		}
	}
	for _, key := range known.flow.Waits() {
		if wait, ok := known.flow.Node(key).Kind.(trigger.Callback); ok {
			if problem := c.badSecrets(wait.Calls().Signature); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// route returns the route of a flow that this program can read. A flow that is disabled or lacks a secret has a route
// too, for the answers of its runs.
func (c *Catalog) route(flow store.Flow, served bool, known *compiled) *receiver.Route {
	route := &receiver.Route{Flow: flow.Key, Enabled: served, Mode: flow.Mode, Wait: compile.DefaultWait.Std()}
	webhook := known.webhook
	route.Version = &known.version
	c.calls(route, webhook.Calls())
	if webhook.Filters() {
		route.When = func(headers, query everhook.Mapping, body any) (bool, error) {
			return webhook.Takes(map[string]any{"headers": map[string]any(headers), "query": map[string]any(query),
				"body": body})
		}
		route.SkippedAnswer = c.skippedAnswer(known.flow, webhook)
	}
	if recording, ok := webhook.(trigger.Recording); ok {
		record(route, recording)
	}
	route.Methods = webhook.CallMethods()
	if slices.Equal(route.Methods, []string{http.MethodPost}) {
		route.Methods = nil
	}
	if pages := webhook.Pages(); pages != nil {
		route.CORS = &receiver.CORS{Origins: pages.Origins, Headers: pages.Headers, MaxAge: pages.MaxAge.Std()}
	}
	for _, config := range webhook.Handshakes() {
		handshake, tokens := config.Handshake()
		route.Handshakes = append(route.Handshakes,
			receiver.Handshake{Handshake: handshake, Tokens: c.credentials(tokens)})
	}
	if webhook.Duplicates().IsSet() {
		route.Dedupe = &receiver.Dedupe{Key: webhook.DedupeKey, Optional: webhook.Duplicates().Optional,
			Secret: flow.Secret,
			Policy: webhook.Duplicates().Policy()}
	}
	route.Wait, route.OnWait = known.flow.Wait().Std(), known.version.Definition.Options.OnWait
	if flow.Mode == everhook.Async {
		route.AsyncAnswer = c.asyncAnswer(flow, known.flow, webhook)
	}
	return route
}

// record sets what the delivery log has of deliveries.
func record(route *receiver.Route, recording trigger.Recording) {
	if recording.KeepsRequests() {
		route.Record = deliverylog.MaxBody
	}
	if paths := recording.Indexed(); len(paths) > 0 {
		route.Index = func(headers, query everhook.Mapping, body any) []receiver.Field {
			var fields []receiver.Field
			for _, field := range deliverylog.FieldsOf(paths, headers, query, body) {
				fields = append(fields, receiver.Field(field))
			}
			return fields
		}
	}
}

// asyncAnswer evaluates the trigger's response for a delivery.
func (c *Catalog) asyncAnswer(stored store.Flow, flow *compile.Flow,
	webhook trigger.Receiving) func(everhook.Mapping, everhook.RunID) (everhook.Answer, error) {
	if standard := webhook.Calls().StandardAnswer(); standard != nil && !webhook.Reply().IsSet() {
		return func(everhook.Mapping, everhook.RunID) (everhook.Answer, error) { return *standard, nil }
	}
	return func(trigger everhook.Mapping, run everhook.RunID) (everhook.Answer, error) {
		return webhook.Reply().Answer(&expression.Scope{
			Values: map[string]any{"trigger": map[string]any(trigger), "env": c.settings(flow),
				"system": map[string]any{"runId": string(run)}},
			ResumeURL: c.resumeURL(stored, flow, run, ""),
		})
	}
}

// skippedAnswer evaluates the response to a delivery that starts no run.
func (c *Catalog) skippedAnswer(flow *compile.Flow,
	webhook trigger.Receiving) func(everhook.Mapping) (everhook.Answer, error) {
	return func(trigger everhook.Mapping) (everhook.Answer, error) {
		return webhook.SkippedReply().Answer(&expression.Scope{
			Values: map[string]any{"trigger": map[string]any(trigger), "env": c.settings(flow)},
		})
	}
}

// settings returns the current settings that the flow refers to, as expressions see them.
func (c *Catalog) settings(flow *compile.Flow) map[string]any {
	env := map[string]any{}
	for name, value := range flow.Settings(c.options.Env()) {
		env[name] = value
	}
	return env
}
