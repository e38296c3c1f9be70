// Package nodes holds the built-in kinds of nodes and nothing else: one file each, with the config that a flow file
// writes, its validation and its execution. Package kind has the contract that they are written to, and that kinds from
// outside are written to as well.
//
// Adding a kind takes its file, a folder of cases below testdata, and a line in Standard.
package nodes

import (
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

//go:generate go run ../cmd/fielddocs

// Standard lists the built-in kinds, in the order of the reference page, and the built-in triggers.
func Standard() *kind.Registry {
	r := kind.NewRegistry()
	kind.Add[Condition](r)
	kind.Add[MultiConditions](r)
	kind.Add[Loop](r)
	kind.Add[Parallel](r)
	kind.Add[Subflow](r)
	kind.Add[Variable](r)
	kind.Add[Output](r)
	kind.Add[JSONMapping](r)
	kind.Add[Delay](r)
	kind.Add[EndRun](r)
	kind.Add[Calculation](r)
	kind.Add[DateCalculation](r)
	kind.Add[JSONQuery](r)
	kind.Add[WaitForCall](r)
	kind.Add[HTTPRequest](r)
	kind.Add[Response](r)
	kind.AddTrigger[trigger.Webhook](r)
	kind.AddTrigger[trigger.Call](r)
	return r
}
