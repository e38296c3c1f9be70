package catalog

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// OpenRoute returns the route of a version without access checks: credentials, signatures, addresses and rates are not
// checked, so no secret is needed, and no delivery is a duplicate. It is for trying a flow. It returns false if the
// trigger is not a webhook. Env returns the settings that flows see as env.<NAME>.
func OpenRoute(version everhook.Version, flow *compile.Flow, env func() map[string]string) (*receiver.Route, bool) {
	webhook, ok := flow.Trigger.(trigger.Receiving)
	if !ok {
		return nil, false
	}
	c := &Catalog{options: Options{Env: env, PublicURL: func() string { return openURL }}}
	route := c.route(store.Flow{Key: version.Definition.Key, Mode: version.Definition.Mode, Token: openToken,
		Secret: []byte(openToken)}, true, &compiled{version: version, flow: flow, webhook: webhook})
	route.Basic, route.Bearer, route.APIKey, route.Signature = nil, nil, nil, nil
	route.Handshakes = nil
	route.Allow, route.Rate, route.Dedupe = nil, nil, nil
	return route, true
}

// The base of the URLs of open routes. It has no listener.
const (
	openURL   = "http://everhook.test"
	openToken = "contract-test"
)

// OpenResume returns the resume URLs of a run that an open route started.
func OpenResume(run everhook.RunID) *everhook.Resume {
	return everhook.NewResume(openURL+everhook.ResumePath+openToken, []byte(openToken), run)
}
