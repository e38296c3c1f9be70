// Package kinds has the kinds that Acme adds to Everhook, one file each.
package kinds

import (
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

// The comments of the config structs become the manual of the kinds.
//
//go:generate go run github.com/everhook/everhook/cmd/fielddocs

// Registry has the standard kinds and those of this package.
func Registry() *kind.Registry {
	r := nodes.Standard()
	kind.Add[IBANCheck](r)
	kind.Add[SMS](r)
	kind.AddEffect(r, sms)
	kind.AddTrigger[FileDrop](r)
	return r
}
