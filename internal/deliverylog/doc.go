// Package deliverylog keeps a record of every delivery to a webhook, and of a sample of those that were refused.
//
// Records are written in groups by one goroutine, so that no caller waits for them: a process that is killed loses
// those of the last moments. What must not be lost, the delivery itself, is in its run or in the inbox before its
// caller is answered. A log that cannot be written drops records, counts them, and never stops deliveries.
//
// # How records are found
//
// The ID of a delivery begins with its time, so one key orders the records, bounds a time, and is the cursor of a page.
// Every search is a set of ranges of an index that is sorted by ID: one for each flow and outcome, or one for each
// chosen field with a value. The newest IDs of each range are merged. So a search reads some pages of the index,
// whatever it looks for and however many records there are.
package deliverylog
