package receiver

import (
	"strings"

	"github.com/everhook/everhook"
)

// headerDuplicate marks the reply to a delivery whose run another delivery had started.
const headerDuplicate = "Everhook-Duplicate"

// dedupeKey sets the run ID of the delivery, which is the same for all duplicates. It sees the whole delivery, not only
// the part that the run keeps.
func dedupeKey(_ *Receiver, c *call) (reply, bool) {
	dedupe := c.route.Dedupe
	if dedupe == nil {
		return reply{}, false
	}
	key, err := dedupe.Key(allHeaders(c), c.query, c.parsed)
	switch {
	case err != nil:
		return refuse(Malformed, "the dedupe key: "+err.Error()), true
	case key == "" && !dedupe.Optional:
		return refuse(Malformed, "the delivery has no dedupe key, by which its duplicates would be known"), true
	case key == "":
		return reply{}, false
	}
	policy := dedupe.Policy
	c.delivery.RunID = everhook.CallerRunID(dedupe.Secret, c.caller, key)
	c.delivery.DedupeKey, c.delivery.Caller, c.delivery.Duplicates = key, c.caller, &policy
	c.delivery.Trigger["id"] = string(c.delivery.RunID)
	return reply{}, false
}

// allHeaders returns every header except those with credentials.
func allHeaders(c *call) everhook.Mapping {
	all := everhook.Mapping{}
	for _, name := range c.header.PeekKeys() {
		name := strings.ToLower(string(name))
		if _, known := all[name]; known || c.route.hides(name) {
			continue
		}
		all[name] = headerText(c, name)
	}
	return all
}
