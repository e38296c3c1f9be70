// Package everhook is the vocabulary of all other packages: the content of a flow (Definition, Node, Branch, Trigger),
// an accepted call (Delivery), the reply to its caller (Answer), the state of steps and runs (Status, Error), and the
// one canonical type of values in a run.
//
// It imports only the standard library. Authors of kinds import it too.
package everhook

//go:generate go run ./cmd/fielddocs -types Definition
