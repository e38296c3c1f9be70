// Package expression compiles and evaluates what a flow file writes in its fields: expressions (`trigger.body.paid ==
// true`), templates (`Order {{ trigger.body.id }}`) and URLs, with the grammar of expr-lang.
//
// An expression runs in workflow code, so it is evaluated again on every replay and must give the same value, cost the
// same and fail the same way each time: there is no clock but the run's, no map order, no host time zone data, and the
// budget counts work and produced bytes, never time.
//
// Of expr-lang this package uses the parser and its syntax tree, not its checker and virtual machine. Nearly every
// operation differs from the machine's: a missing member is nil, integers do not wrap, text is indexed by character,
// built-ins are charged before they run, and messages name the operand. Patching each of them into calls would leave
// the machine nothing but jumps; translating the tree into closures is less code, has no reflection, and leaves no
// operation that was forgotten to be patched. The names and meanings of the functions are expr-lang's; Functions lists
// them.
//
// A Program, and a Field once compiled, never changes and may be shared by goroutines. A Scope belongs to one of them.
package expression
