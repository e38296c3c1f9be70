// Package kinds has the kinds that Acme adds to Everhook, one file each.
package kinds

import (
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/nodes"
)

// Registry has the standard kinds and those of this package.
func Registry() *nodes.Registry {
	r := nodes.Standard()
	nodes.Add[IBANCheck](r)
	nodes.Add[SMS](r)
	nodes.AddEffect(r, effect.New(sendSMS, newSMSSender))
	nodes.AddTrigger[FileDrop](r)
	return r
}
