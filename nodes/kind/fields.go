package kind

import "github.com/everhook/everhook/nodes/expression"

// FieldScope is the scope in which a field is evaluated, if it is not the scope of its own node.
type FieldScope struct {
	// Branch is the branch whose scope it is; empty: the node's own.
	Branch string
	// Loop: the field sees the loop that the node is.
	Loop bool
	// After: the field also sees the results of the branch.
	After bool
	// Once: the field is evaluated before the first iteration, and never again. An execution that goes on with the step
	// needs nothing that it refers to.
	Once bool
}

// FieldScoper is implemented by kinds with fields that are not evaluated on the node's own scope.
type FieldScoper interface {
	// FieldScope is asked for each field, by its JSON pointer in the config.
	FieldScope(pointer string) FieldScope
}

// FieldRooter is implemented by kinds with fields that are not evaluated in the run.
type FieldRooter interface {
	// FieldRoots are the names that a field sees, by its JSON pointer in the config; nil for a field that is evaluated
	// in the run.
	FieldRoots(pointer string) map[string]*expression.Shape
}
