// Package jobs does long actions on many runs or deliveries: it cancels, retries, deletes or replays all that a filter
// selects. A job is in the store, so that each replica can show it and a restart does not lose it. One process works on
// a job, under a lease. If that process dies, another one goes on: it looks for the objects again. So an action must be
// repeatable with the same key without a second effect, and must not make objects that the job would find again.
package jobs
