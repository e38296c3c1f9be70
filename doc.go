// Package everhook holds the vocabulary that every other package speaks: what a flow is (Definition, Node, Branch,
// Trigger), what a call of a webhook becomes (Delivery), what its caller receives (Answer), how steps and runs end
// (Status, Error), and the one canonical value type that data has everywhere in a run.
//
// It depends on the standard library alone. Authors of node kinds import it too.
package everhook
