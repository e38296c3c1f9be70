// Package inbox makes deliveries to async flows durable when Temporal is busy or away, and starts their runs later.
//
// A delivery takes one of two ways. While Temporal is quick, its run is started at once (the direct way). Else the
// delivery is committed to a [Box], its caller is answered, and the [Inbox] starts the run when Temporal allows it.
//
// # Why nothing is lost and nothing is doubled
//
// A process can be killed between any two lines. These are the states that it can leave, and what follows:
//
//  1. Before the row is durable: the caller has no 2xx, so its sender repeats the delivery.
//  2. The row is durable and the caller is not answered yet: the run is started. If the sender repeats the delivery,
//     its dedupe key finds the row. Without a key the repeat is another delivery, as after any lost reply.
//  3. The row is durable and the run is not started: the row is read again at the next start, or by another replica
//     after the lease.
//  4. The run is started and the row is still there: the start is repeated. The run ID is part of the row, so Temporal
//     refuses a second run of it. For a delivery with a dedupe key the starter compares the delivery that the memo of
//     the run names: the same delivery is a repeat of this start, another one was first.
//  5. The row is deleted: the run is durable.
//
// A row is deleted only after the start was durable, and the deletion may be lost, because of 4.
//
// # Which delivery is first
//
// A delivery with a dedupe key has a [Claim], on both ways, by its run ID. It is written before the direct start and
// together with the row. While the first delivery waits, the claim alone decides: others are duplicates, or refused
// because their body differs. Once the run exists, Temporal decides, as it does without an inbox: whether a failed run
// is run again depends on how it ended. A claim whose direct start did not return says nothing about the run.
package inbox
