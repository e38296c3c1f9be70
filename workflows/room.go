package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// limits are the sizes that hold for a run, in bytes as JSON. They follow from its input, so that a replay has the same
// ones.
type limits struct {
	// payload is the limit of one value, output of the flow's output, outcome of the whole outcome.
	payload, output, outcome int
	// localResult bounds the result of a local activity in the history.
	localResult int
}

func (r *run) limits() limits { return limitsOf(r.start.MaxPayload) }

// limitsOf are those of runs with that Start.MaxPayload.
func limitsOf(stored int) limits {
	if stored > MaxPayload {
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

// reserve charges a value of that size to the workflow task, and breaks the task first if there is no room. Its error
// is that of a cancelled run. It costs no event while there is room.
func (r *run) reserve(ctx workflow.Context, size int) error {
	size = r.inHistory(size)
	if r.charge(size) {
		return nil
	}
	if r.handed.breaking == nil {
		r.handed.breaking = workflow.NewMutex(ctx)
	}
	if err := r.handed.breaking.Lock(ctx); err != nil {
		return err
	}
	defer r.handed.breaking.Unlock()
	for !r.charge(size) {
		if r.events > maxEvents {
			return everhook.Errorf(everhook.TypeLimit, "the run reached the limit of %d events in its history; hand "+
				"less over at once", maxEvents)
		}
		if err := r.breakTask(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inHistory returns the bytes that a value of that size takes in the history.
func (r *run) inHistory(size int) int {
	if r.start.MaxPayload > MaxPayload {
		return min(size, maxInline)
	}
	return size
}

// charge counts bytes for the workflow task if it has room for them.
func (r *run) charge(size int) bool {
	r.chargeAnswer(0)
	if r.handed.bytes > 0 && r.handed.bytes+size > maxHandedOver {
		return false
	}
	r.handed.bytes += size
	return true
}

// chargeAnswer charges an answer, which is always sent with the workflow task in which it was set, even without room.
func (r *run) chargeAnswer(size int) {
	if task := r.task(); task != r.handed.task {
		r.handed.task, r.handed.bytes = task, 0
	}
	r.handed.bytes += r.inHistory(size)
}

// runLocally runs local activities one at a time: one workflow task passes on all their results, whose sizes are not
// known before.
func (r *run) runLocally(ctx workflow.Context, result any, call func() error) error {
	if r.handed.local == nil {
		r.handed.local = workflow.NewMutex(ctx)
	}
	if err := r.handed.local.Lock(ctx); err != nil {
		return err
	}
	defer r.handed.local.Unlock()
	if err := r.reserve(ctx, r.limits().localResult); err != nil {
		return err
	}
	defer r.correctReserve(result)
	return call()
}

// correctReserve replaces the reserved size of a local activity's result by its real size.
func (r *run) correctReserve(result any) {
	size := 0
	if encoded, err := everhook.EncodeJSON(result); err == nil {
		size = r.inHistory(len(encoded))
	}
	reserved := r.limits().localResult
	r.handed.bytes = max(0, r.handed.bytes-reserved) + min(size, reserved)
}

// fitOutcome makes the end of a run small enough for Temporal, and reserves room for it. The answer and the output were
// measured when they were set. So it leaves out the response of another system to the node that failed.
func (r *run) fitOutcome(ctx workflow.Context, outcome *everhook.Outcome) error {
	limit := r.limits().outcome
	size := encodedSize(outcome)
	if size > limit && outcome.Error != nil && outcome.Error.Response != nil {
		failure := *outcome.Error
		failure.Response = nil
		failure.Message += " (what the other system answered is too large to keep here; the step log has it)"
		outcome.Error = &failure
		size = encodedSize(outcome)
	}
	if size > limit {
		outcome.Output = nil
		outcome.Status, outcome.Error = everhook.Errored, everhook.Errorf(everhook.TypeLimit,
			"output and answer together are larger than %s; put less into them", everhook.Size(limit))
		size = encodedSize(outcome)
	}
	return r.reserve(ctx, r.inHistory(size)+r.inHistory(encodedSize(r.Answer())))
}

func encodedSize(v any) int {
	encoded, err := everhook.EncodeJSON(v)
	if err != nil {
		return 0
	}
	return len(encoded)
}

// awaitSlot waits while too many effects are running.
func (r *run) awaitSlot(ctx workflow.Context) error {
	if r.inFlight < r.most {
		return nil
	}
	if err := workflow.Await(ctx, func() bool { return r.inFlight < r.most }); err != nil {
		return r.Failure(err)
	}
	return nil
}

// releaseAnswer sends an answer that was set in this workflow task, by ending the task: a local activity would keep the
// task open.
func (r *run) releaseAnswer(ctx workflow.Context) error {
	if r.Answer() == nil || r.answered != r.task() {
		return nil
	}
	return r.breakTask(ctx)
}
