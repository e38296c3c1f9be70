package kind

import "github.com/everhook/everhook/nodes/expression"

// Trigger is a type of trigger. Its implementation is the config struct of one flow's trigger block, through a pointer.
type Trigger interface {
	// Spec describes the kind; it is the same for every config.
	Spec() TriggerSpec
	// Validate reports every problem that the types of the config leave open. It does no I/O.
	Validate(v *Validation)
	// Shape is what expressions see as trigger.
	Shape() *expression.Shape
	// FieldRoots are the names that an expression in the trigger block itself sees, by its JSON pointer in the block.
	FieldRoots(pointer string) map[string]*expression.Shape
}

// TriggerSpec describes a trigger kind for the reference page, the JSON Schema and the engine.
type TriggerSpec struct {
	// Kind is the name in flow files. It is stored in definitions: it is never edited. To rename a kind, give it the
	// new name and list the old one in Aliases.
	Kind string
	// Aliases are earlier names. A flow that has one still compiles and runs, with a warning that says the new name.
	Aliases []string
	// Summary is one sentence about the purpose of the trigger.
	Summary string
	// Data says what trigger holds.
	Data string
	// Example is one trigger block as YAML; the tests compile it.
	Example string
}
