// Package integration holds the tests of the whole product: real HTTP in and out, an embedded Temporal server, workers,
// restarts and crashes. Every run that its tests start is replayed from its history afterwards.
package integration
