package workflows

// Limits for values that are passed to Temporal. Above Temporal's own limits a workflow task fails and is retried for
// ever. So every value is measured before, and a value that is too large is a failure of its node or its run. Workflow
// code measures JSON before compression, because compression may differ between releases and a replay must decide the
// same.
//
// Temporal's own limits: 2 MiB for the payloads of a command or an event, 4 MiB for all commands of a workflow task, 50
// MiB for a history.
const (
	// MaxStoredPayload bounds one value, in bytes as JSON, if large values are kept outside of histories: 16 MiB, for a
	// body of 10 MiB in base64.
	MaxStoredPayload = 16 << 20
	// MaxPayload bounds one value for an effect, in bytes as JSON, if large values stay in histories.
	MaxPayload = 3 << 19
	// maxOutput bounds a flow's output, in bytes as JSON, if large values stay in histories: together with an answer of
	// at most everhook.MaxAnswerBody, a close event stays below 2 MiB.
	maxOutput = 3 << 18
	// maxEncoded bounds values that are measured after compression. maxResult is a little larger, so that an effect
	// that measures its own result fails first.
	maxEncoded = 1_900_000
	maxResult  = 2_000_000
	// maxInline bounds the part of a value that stays in a history if large values are kept outside: the highest
	// threshold for that.
	maxInline = 1 << 20
	// maxHandedOver bounds the commands of one workflow task, in bytes.
	maxHandedOver = 5 << 19
	// maxHistory bounds a history in bytes.
	maxHistory = 40 << 20
)
