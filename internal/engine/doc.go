// Package engine walks a flow: it executes its nodes one after the other, follows branches, keeps the data that nodes
// see, counts what they cost, and keeps the step log, the output and the answer.
//
// The engine knows no Temporal. It runs on a small scheduler (Line) in a place (Host). Package workflows provides both
// on Temporal, where a run survives restarts. InPlace provides both in this process, for runs that need not wait. The
// order of effects is the same in both places, so that the same flow gives the same answer, output, results and step
// log.
//
// All code here is workflow code: a replay executes it again, and it must then do the same. So there is no clock, no
// randomness, no I/O, and no ranging over a map whose order could show.
package engine
