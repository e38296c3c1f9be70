// Package chaos checks the promises of the whole product under faults of the machine: every acknowledged delivery has
// exactly one run, every run ends, every duplicate has the first answer, no effect is doubled, and every caller is
// answered in time.
//
// Its tests start processes, call them as senders do, play the partner that flows call, and break things: kill -9,
// SIGSTOP, SIGTERM, a full disk, a clock that is set back, processes apart from each other, Temporal away, many runs
// due at once, overload, storms of large bodies. Then they compare what callers were told with the runs that there are.
//
// `go test ./internal/chaos` breaks each thing once, in half a minute. `make chaos` takes its time:
// -long and -kills change how much is broken.
package chaos
