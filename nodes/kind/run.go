package kind

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// Run is what a kind sees of the run it executes in. It belongs to one step and is used from that step's coroutines
// only.
type Run interface {
	// Scope is the data that the node's fields are evaluated on.
	Scope() *expression.Scope
	// Node is the node itself.
	Node() *everhook.Node
	// ID is the run's ID.
	ID() everhook.RunID
	// Origin is the ID of the run that this one is a retry of, over all retries; the run's own if it is none. What a
	// partner recognises a repetition by derives from it: a retry must not charge twice.
	Origin() everhook.RunID
	// Iteration is where in its loops the step stands, as in "items[3].lines[0]"; empty outside loops. With Origin and
	// the node's key it names the step over all retries.
	Iteration() string
	// HasBranch reports whether the node has that branch.
	HasBranch(name string) bool
	// Branch runs the nodes of a branch, one after the other, in this step's data; a branch that does not exist is
	// empty. Its error tells how the branch ended if it did not resolve; return it as it is unless the kind decides
	// otherwise.
	Branch(ctx workflow.Context, name string) error
	// Last is the result of the last step that Branch ran.
	Last() any
	// EnterLoop begins an iteration: until the step ends or the next one begins, the scope has loop set; nodes of the
	// branches have no results yet. Its error is that of a run that is cancelled; return it as it is.
	EnterLoop(ctx workflow.Context, position LoopPosition) error
	// Charge counts what expressions of the step have used since the last step or iteration began, and breaks the
	// workflow task when it has become long. Steps and EnterLoop do so by themselves; who evaluates on a fork charges
	// it. Its error is that of a cancelled run; return it as it is.
	Charge(ctx workflow.Context) error
	// Spent reports whether the execution has used up its budget: an Iterating kind then hands over.
	Spent() bool
	// AtOnce is how many iterations of the step may run at once, so that all under way when the budget is used up do
	// not go far beyond it. It is one at least, and changes with what else the execution has under way.
	AtOnce() int
	// UnderWay tells how many iterations of the step run now.
	UnderWay(iterations int)
	// HandOver lets other executions go on with the step, from the state on, until one has come to the end of a part,
	// and takes over what they did. Its error is how an iteration ended that ends the loop, or that of a run that is
	// cancelled; return it as it is.
	HandOver(ctx workflow.Context, state *LoopState) error
	// Fork gives a Run with a copy of the data, for a branch that runs beside others.
	Fork() Run
	// Join takes over, from a Run that Fork gave, the results of the branch and what it assigned to variables.
	Join(fork Run, branch string)
	// SetVariable assigns to the variable that the node target declares.
	SetVariable(target string, v any)
	// SetOutput sets the run's output; the last one wins. One that is too large is an error, and changes nothing.
	SetOutput(v any) error
	// Answer gives the caller of a sync flow its answer; continues says that the run goes on afterwards. It reports
	// false, and changes nothing, when there was one already.
	Answer(ctx workflow.Context, answer everhook.Answer, continues bool) bool
	// Sleep waits. It survives restarts.
	Sleep(ctx workflow.Context, duration time.Duration) error
	// AwaitCall waits until somebody calls the node's resume URL, and gives what is kept of the call: a mapping. It is
	// false when nobody did within the deadline; 0 is none. A call that came before is given at once. It survives
	// restarts.
	AwaitCall(ctx workflow.Context, deadline time.Duration) (call everhook.Mapping, ok bool, err error)
	// Activity runs an effect and decodes its result into result, a pointer. Time limit and attempts are the node's or
	// the kind's.
	Activity(ctx workflow.Context, name string, input, result any) error
	// LocalActivity runs quick work without effects in this worker and decodes its result into result, a pointer. The
	// result is recorded, so a replay does not run it again; it ends within activities.LocalTimeout and is tried once.
	// It costs one event.
	LocalActivity(ctx workflow.Context, name string, input, result any) error
	// Subflow runs another flow as a run of its own, the same one however often this run is started again. Its error
	// tells that the flow could not be called, or how it ended if it was waited for and did not resolve.
	Subflow(ctx workflow.Context, call SubflowCall) (SubflowReply, error)
	// Logf adds a line to the step in the step log.
	Logf(format string, args ...any)
}

// SubflowCall says which flow is called, and how.
type SubflowCall struct {
	// Flow is its key, Version the number of its version; 0: the enabled one, or the latest if none is.
	Flow    string
	Version int
	// Input is what the flow sees as trigger.input.
	Input any
	// Wait is set to wait for the end of the run; else it is enough that it has started.
	Wait bool
}

// SubflowReply is what became of a call.
type SubflowReply struct {
	RunID everhook.RunID
	// Output is that of the run, nil if it set none or was not waited for.
	Output any
}

// LoopPosition is where a loop stands: what its body sees as loop and loops.<key>.
type LoopPosition struct {
	Item          any
	Index, Length int
	// Open is set when the number of iterations is not known: length is then nil.
	Open bool
}

// EncodedPerUnit is how many bytes of JSON a kind may write for one unit of work (see expression.MaxUnits). Units are
// priced so that a cold replay of all that one execution may do takes a few seconds on a slow machine.
const EncodedPerUnit = 8
