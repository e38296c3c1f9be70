package catalog

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// ReplayRoute returns the route of any version of a flow that is stored, for deliveries that are replayed. False: its
// trigger takes no calls, or there is no such flow.
func (c *Catalog) ReplayRoute(version *everhook.Version, flow *compile.Flow) (*receiver.Route, bool) {
	webhook, ok := flow.Trigger.(trigger.Receiving)
	stored, exists := c.Stored()[version.Definition.Key]
	if !ok || !exists {
		return nil, false
	}
	return c.route(stored, true, &compiled{version: *version, flow: flow, webhook: webhook}), true
}
