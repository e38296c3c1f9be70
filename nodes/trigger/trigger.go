// Package trigger holds the built-in triggers: one file each, and the parts of a webhook that a node which waits for a
// call has too.
package trigger

//go:generate go run ../../cmd/fielddocs
