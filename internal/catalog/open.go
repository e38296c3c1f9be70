package catalog

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/receiver"
)

// OpenRoute gives the route that a version would be served by, open to everyone: credentials, signatures, addresses and rates are not checked, so
// no secret is needed, and every delivery is its own. It is for trying a flow; false: its trigger is no webhook. Env gives the settings that flows see as env.<NAME>.
func OpenRoute(version everhook.Version, flow *nodes.Flow, env func() map[string]string) (*receiver.Route, bool) {
	webhook, ok := flow.Trigger.(*nodes.Webhook)
	if !ok {
		return nil, false
	}
	c := &Catalog{options: Options{Env: env}}
	route := c.route(store.Flow{Key: version.Definition.Key, Mode: version.Definition.Mode}, true, &compiled{version: version, flow: flow, webhook: webhook})
	route.Basic, route.Bearer, route.APIKey, route.Signature = nil, nil, nil, nil
	route.Allow, route.Rate, route.Dedupe = nil, nil, nil
	return route, true
}
