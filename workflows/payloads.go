package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Sizes of what is handed to Temporal. Over its limits a workflow task fails and is tried again for ever, so every
// value is measured before, and one that is too large is a failure of its node or its run. Workflow code measures JSON
// before compression: how well compression does may differ between releases, and a replay must decide the same.
//
// Temporal's own limits: 2 MiB for the payloads of a command or an event, 4 MiB for all that a workflow task hands
// over, 50 MiB for a history.
const (
	// MaxStoredPayload bounds one value in bytes, as JSON, where large ones are kept outside of histories: 16 MiB, for
	// a body of 10 MiB in base64.
	MaxStoredPayload = 16 << 20
	// MaxPayload bounds what is handed to an effect, without that.
	MaxPayload = 3 << 19
	// maxOutput bounds a flow's output as JSON, without that: with an answer of at most everhook.MaxAnswerBody beside
	// it, a close event stays below 2 MiB.
	maxOutput = 3 << 18
	// maxEncoded bounds what is measured as it is sent, after compression; maxResult is a little more, so that an
	// effect that measures its own result comes first.
	maxEncoded = 1_900_000
	maxResult  = 2_000_000
	// maxInline is what a value leaves in a history at most where large ones are kept outside: the highest threshold
	// for that.
	maxInline = 1 << 20
	// maxHandedOver bounds what one workflow task hands over.
	maxHandedOver = 5 << 19
	// maxHistory bounds a history in bytes.
	maxHistory = 40 << 20
)

// limits are the sizes that hold for a run, in bytes as JSON. They follow from its input, so that a replay has the same
// ones.
type limits struct {
	// payload is one value, output the flow's output, outcome all that a run ends with.
	payload, output, outcome int
	// localResult is what the result of a local activity may leave in the history.
	localResult int
}

func (r *run) limits() limits {
	if stored := r.start.MaxPayload; stored > MaxPayload {
		return limits{payload: stored, output: stored / 2, outcome: stored, localResult: maxInline}
	}
	return limits{payload: MaxPayload, output: maxOutput, outcome: maxEncoded, localResult: maxEncoded}
}

// fits gives the size of a value that is about to be handed to an effect, a child or a signal, or an *everhook.Error of
// type limit if Temporal would not take it. What names the value for a person: "what the effect is given".
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

// handed is what a workflow task hands over.
type handed struct {
	task, bytes int
	// breaking keeps those who wait for the next workflow task in line, local those who call local activities: nil
	// until needed.
	breaking, local workflow.Mutex
}

// handOver charges bytes to the workflow task before it hands over a value of that size, and breaks the task when they
// are too many for one. Its error is that of a cancelled run. It costs no event as long as there is room.
func (r *run) handOver(ctx workflow.Context, size int) error {
	size = r.leaves(size)
	if r.chargeTask(size) {
		return nil
	}
	if r.handed.breaking == nil {
		r.handed.breaking = workflow.NewMutex(ctx)
	}
	if err := r.handed.breaking.Lock(ctx); err != nil {
		return err
	}
	defer r.handed.breaking.Unlock()
	for !r.chargeTask(size) {
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

// leaves is what a value of that size leaves in the history.
func (r *run) leaves(size int) int {
	if r.start.MaxPayload > MaxPayload {
		return min(size, maxInline)
	}
	return size
}

// chargeTask reports whether the workflow task that goes on can hand over so much more; then it is charged.
func (r *run) chargeTask(size int) bool {
	r.settle(0)
	if r.handed.bytes > 0 && r.handed.bytes+size > maxHandedOver {
		return false
	}
	r.handed.bytes += size
	return true
}

// locally calls a local activity, one at a time: nobody knows how large results will be, and a workflow task hands all
// of them over together.
func (r *run) locally(ctx workflow.Context, result any, call func() error) error {
	if r.handed.local == nil {
		r.handed.local = workflow.NewMutex(ctx)
	}
	if err := r.handed.local.Lock(ctx); err != nil {
		return err
	}
	defer r.handed.local.Unlock()
	if err := r.handOver(ctx, r.limits().localResult); err != nil {
		return err
	}
	defer r.handedLocally(result)
	return call()
}

// handedLocally settles what handOver charged for the result of a local activity, which nobody knew before.
func (r *run) handedLocally(result any) {
	size := 0
	if encoded, err := everhook.EncodeJSON(result); err == nil {
		size = r.leaves(len(encoded))
	}
	charged := r.limits().localResult
	r.handed.bytes = max(0, r.handed.bytes-charged) + min(size, charged)
}

// tooLong tells when the history of the execution has become so large that Temporal is about to terminate it. The size
// is the one at the beginning of the workflow task, which the history records.
func tooLong(ctx workflow.Context) *kind.End {
	if size := workflow.GetInfo(ctx).GetCurrentHistorySize(); size > maxHistory {
		return &kind.End{Status: everhook.Errored, Type: everhook.TypeLimit,
			Message: fmt.Sprintf("the history of the run has %d bytes, of %d; let each delivery do less, or hand "+
				"smaller values to effects", size, maxHistory)}
	}
	return nil
}

// fitOutcome leaves out what makes the end of a run too large for Temporal, and makes room for the rest. The answer and
// the output were measured when they were given, so what goes is the answer that another system gave to the node that
// failed.
func (r *run) fitOutcome(ctx workflow.Context) error {
	size := encodedSize(r.outcome)
	if size > r.limits().outcome && r.outcome.Error != nil && r.outcome.Error.Response != nil {
		failure := *r.outcome.Error
		failure.Response = nil
		failure.Message += " (what the other system answered is too large to keep here; the step log has it)"
		r.outcome.Error = &failure
		size = encodedSize(r.outcome)
	}
	if size > r.limits().outcome {
		r.outcome.Output = nil
		r.outcome.Status, r.outcome.Error = everhook.Errored,
			everhook.Errorf(everhook.TypeLimit, "output and answer together are larger than %s; put less into them",
				everhook.Size(r.limits().outcome))
		size = encodedSize(r.outcome)
	}
	return r.handOver(ctx, r.leaves(size)+r.leaves(encodedSize(r.answer)))
}

// settle charges what is handed over in any case, as an answer with the workflow task in which it is given. Each task
// begins with nothing.
func (r *run) settle(size int) {
	if task := r.task(); task != r.handed.task {
		r.handed.task, r.handed.bytes = task, 0
	}
	r.handed.bytes += r.leaves(size)
}

func encodedSize(v any) int {
	encoded, err := everhook.EncodeJSON(v)
	if err != nil {
		return 0
	}
	return len(encoded)
}

// FitsStart returns an *everhook.Error of type limit if Temporal would not take these arguments of a run.
func FitsStart(definition json.RawMessage, start Start) error {
	size, limit, err := measured(start.MaxPayload, definition, start)
	if err == nil && size > limit {
		err = everhook.Errorf(everhook.TypeLimit,
			"the delivery is larger than a run can be started with: %d bytes of %d", size, limit)
	}
	return err
}

// FitsCall returns an *everhook.Error of type limit if the call is too large for its run. Stored is Start.MaxPayload.
func FitsCall(stored int, call everhook.ResumeCall) error {
	size, limit, err := measured(stored, call)
	if err == nil && size > limit {
		err = everhook.Errorf(everhook.TypeLimit, "the call is larger than a run can keep: %d bytes of %d", size, limit)
	}
	return err
}

// measured gives the size of what a client or a query hands to Temporal, and how large it may be: as JSON where large
// values are kept outside of histories (stored is Start.MaxPayload or what it will be), else as Temporal gets it.
func measured(stored int, values ...any) (size, limit int, err error) {
	if stored <= MaxPayload {
		size, err = sentSize(values...)
		return size, maxEncoded, err
	}
	for _, value := range values {
		encoded, ok := value.(json.RawMessage)
		if !ok {
			if encoded, err = everhook.EncodeJSON(value); err != nil {
				return 0, stored, err
			}
		}
		size += len(encoded)
	}
	return size, stored, nil
}
