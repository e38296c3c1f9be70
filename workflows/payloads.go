package workflows

import "github.com/everhook/everhook"

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

// limits are the sizes that hold for a run, in bytes as JSON. They follow from its input, so that a replay has the same
// ones.
type limits struct {
	// payload is the limit of one value, output of the flow's output, outcome of the whole outcome.
	payload, output, outcome int
	// localResult bounds the result of a local activity in the history.
	localResult int
}

func (r *run) limits() limits {
	if stored := r.start.MaxPayload; stored > MaxPayload {
		return limits{payload: stored, output: stored / 2, outcome: stored, localResult: maxInline}
	}
	return limits{payload: MaxPayload, output: maxOutput, outcome: maxEncoded, localResult: maxEncoded}
}

// MaxOutput bounds the output of the flow.
func (r *run) MaxOutput() int { return r.limits().output }

// fits returns the size of a value for an effect, a child or a signal, or an *everhook.Error of type limit if Temporal
// would refuse it. What names the value in the message: "what the effect is given".
func (r *run) fits(what string, v any) (size int, err error) {
	encoded, err := everhook.EncodeJSON(v)
	if err != nil {
		return 0, everhook.Errorf(everhook.TypeConfig, "%s cannot be encoded: %v", what, err)
	}
	if limit := r.limits().payload; len(encoded) > limit {
		return 0, everhook.Errorf(everhook.TypeLimit, "%s is larger than %s; send less", what, everhook.Size(limit))
	}
	return len(encoded), nil
}
