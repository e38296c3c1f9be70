package kind

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// Pure is a kind whose step takes no time and touches nothing outside, whatever the nodes in its branches do. The
// engine executes it wherever a run is executed: on Temporal, and in place for early answers and dry runs.
type Pure interface {
	Kind
	// Execute does the work of one step. A replay executes it again, and it must then do the same. Its error is an
	// *everhook.Error or what a method of Run returned; other errors count as defects of the kind.
	Execute(run Run) (Result, error)
}

// Waiting is a kind that waits or acts outside. It runs on Temporal only.
type Waiting interface {
	Kind
	// Execute is Pure's, with the context of the workflow. Its error may also be one that the Temporal SDK returned.
	Execute(ctx workflow.Context, run WaitingRun) (Result, error)
}

// Run is what every kind sees of the run. It belongs to one step. A kind that loops, forks, answers, assigns or sets
// the output asserts the interface below that it needs: run.(kind.LoopingRun).
type Run interface {
	// Node is the node itself.
	Node() *everhook.Node
	// Scope is the data that the node's fields are evaluated on.
	Scope() *expression.Scope
	// ID is the run's ID.
	ID() everhook.RunID
	// Origin is the ID of the run that this one retries, over all retries; the run's own ID for the first one. The keys
	// of effects derive from it, so that a partner recognises a repetition.
	Origin() everhook.RunID
	// Iteration says at which iteration of its loops the step is, for example "items[3].lines[0]"; empty outside loops.
	// With Origin and the node's key it names the step over all retries.
	Iteration() string
	// Branch runs the nodes of a branch, one after the other, and gives the result of the last one. A branch that does
	// not exist is empty. Return its error as it is, unless the kind decides how the step ends then.
	Branch(name string) (last any, err error)
	// Charge counts work besides the evaluation of expressions, in units (see expression.MaxUnits).
	Charge(units int)
	// Logf adds a line to the step in the step log.
	Logf(format string, args ...any)
}

// ForkingRun is the Run of a kind that runs branches at the same time.
type ForkingRun interface {
	Run
	// Fork gives a Run with a copy of the data. A fork of a LoopingRun is a LoopingRun.
	Fork() Run
	// Go runs do on a line of its own, to which it moves the fork. Lines take turns: only a step that waits, Await and
	// Pause let another one go on.
	Go(name string, fork Run, do func())
	// Await returns when done reports true. If the step is cancelled, so are the forks, and Await still waits for them.
	// Its error means that done can never become true; return it as it is.
	Await(done func() bool) error
	// Cancel cancels the forks.
	Cancel()
	// Err returns an error after the step was cancelled; return it as it is.
	Err() error
	// Join copies the results of the branch, and the assigned variables, from a fork to the run.
	Join(fork Run, branch string)
}

// LoopingRun is the Run of a kind that goes through iterations.
type LoopingRun interface {
	ForkingRun
	// Enter begins an iteration: until the next one begins or the step ends, the scope has loop set, and nodes of the
	// branches have no results yet. Return its error as it is.
	Enter(position LoopPosition) error
	// Pause charges what expressions of the step have used since the last step or iteration began, and makes a break
	// after a long stretch of work. Steps and Enter do so by themselves; call it after an evaluation on a fork. Return
	// its error as it is.
	Pause() error
	// UsedUp reports whether the execution has used up its budget: an Iterating kind then hands over.
	UsedUp() bool
	// AtOnce is how many iterations may run at the same time, at least one, so that those under way when the budget is
	// used up do not go far beyond it. It changes with what else the execution has under way.
	AtOnce() int
	// SetRunning reports how many iterations are running.
	SetRunning(iterations int)
	// Keep gives the value, or an expression.Stored in its place that takes less memory while the run does not use it.
	// A loop keeps its items so.
	Keep(v any) any
	// HandOver continues the loop in other executions, until one has come to the end of a part, and takes over what
	// they did. Return its error as it is.
	HandOver(state *LoopState) error
}

// AssigningRun is the Run of a kind that assigns to variables.
type AssigningRun interface {
	Run
	// SetVariable assigns to the variable that the node target declares.
	SetVariable(target string, v any)
}

// OutputtingRun is the Run of a kind that sets the output of the flow.
type OutputtingRun interface {
	Run
	// SetOutput sets the output; the last one wins. An output that is too large is an error, and changes nothing.
	SetOutput(v any) error
}

// AnsweringRun is the Run of a kind that answers the caller of a sync flow.
type AnsweringRun interface {
	Run
	// Answer gives the caller its answer; continues says that the run goes on afterwards. It reports false, and changes
	// nothing, if the caller has an answer already.
	Answer(answer everhook.Answer, continues bool) bool
}

// WaitingRun is the Run of a kind that waits or acts outside.
type WaitingRun interface {
	Run
	// Sleep waits. It survives restarts.
	Sleep(ctx workflow.Context, duration time.Duration) error
	// Activity runs an effect and decodes its result into result, a pointer. The node or the kind sets its time limit
	// and the number of attempts.
	Activity(ctx workflow.Context, name string, input, result any) error
	// LocalActivity runs quick work without effects in this worker and decodes its result into result, a pointer. The
	// result is recorded, so that a replay does not run it again. It ends within activities.LocalTimeout, is tried
	// once, and costs one event.
	LocalActivity(ctx workflow.Context, name string, input, result any) error
}

// AwaitingRun is the WaitingRun of a kind that waits for a call of its node's resume URL.
type AwaitingRun interface {
	WaitingRun
	// AwaitCall waits for the call and returns its kept values. It reports false if no call came within the deadline; 0
	// means no deadline. It returns at once if the call came earlier. The wait survives restarts.
	AwaitCall(ctx workflow.Context, deadline time.Duration) (call everhook.Mapping, ok bool, err error)
}

// CallingRun is the WaitingRun of a kind that calls other flows.
type CallingRun interface {
	WaitingRun
	// Subflow runs another flow as a run of its own, which is the same one however often this run is started again. Its
	// error says why the flow could not be called, or how its run ended if it was waited for and did not resolve.
	Subflow(ctx workflow.Context, call SubflowCall) (SubflowReply, error)
}

// SubflowCall says which flow is called, and how.
type SubflowCall struct {
	// Flow is its key. Version is the number of its version; 0 stands for the enabled one.
	Flow    string
	Version int
	// Input is what the flow sees as trigger.input.
	Input any
	// Wait is set to wait for the end of the run. Otherwise the call ends when the run has started.
	Wait bool
}

// SubflowReply is the result of a call.
type SubflowReply struct {
	// RunID is empty if the called flow skips calls with this input: there is no run.
	RunID everhook.RunID
	// Output is that of the run; nil if the run set none or was not waited for.
	Output any
}

// LoopPosition is where a loop is: what its body sees as loop and loops.<key>.
type LoopPosition struct {
	Item          any
	Index, Length int
	// Open is set if the number of iterations is not known: length is then nil.
	Open bool
}

// EncodedPerUnit is how many bytes of JSON a kind may write for one unit of work (see expression.MaxUnits). At these
// prices, a cold replay of everything that one execution may do takes a few seconds on a slow machine.
const EncodedPerUnit = 8
