package kind

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// With the interfaces below, a kind declares more about itself than Kind requires. The compiler, the warnings, the
// interpreter and the pages ask for them, and never for the name or type of a kind.

// Iterating is a kind that repeats its branches, the branch for errors aside: nodes in them see loop. Another execution
// can continue the iterations that are left, so histories stay short however long a loop is.
type Iterating interface {
	Kind
	// Iterate goes through iterations until the state is over, or run.UsedUp after one at least; then nothing of the
	// step is under way. It is called in the execution where the step began, and in others that HandOver started.
	Iterate(run LoopingRun, state *LoopState) error
}

// Repeating is an Iterating kind that may do the same again, instead of going through data.
type Repeating interface {
	Iterating
	// Repeats reports whether it does with this config.
	Repeats() bool
}

// Choosing is a kind that runs one of its branches, once. A retry can continue a run inside that branch. Branches of
// other kinds are repeated or run beside others, and start again with them.
type Choosing interface {
	Kind
	// Choices are the names of the branches of which one runs if the node, which has this config, resolves. A branch
	// that the node does not have counts as empty. Without choices, the node runs no branch.
	Choices(node *everhook.Node) []string
	// Chosen is the result of a step that went through the branch, which exists.
	Chosen(branch string) any
}

// Forking is a kind that runs all of its branches, the branch for errors aside, at the same time.
type Forking interface {
	Kind
	// Forks reports whether it does with this config.
	Forks() bool
}

// Ending is a kind that can end the whole run.
type Ending interface {
	Kind
	// EndsRun reports whether it does with this config: then no node runs after it.
	EndsRun() bool
}

// Answering is a kind that can give the caller of a sync flow its answer, before the run ends.
type Answering interface {
	Kind
	// AnswersCaller reports whether it does with this config.
	AnswersCaller() bool
}

// Outputting is a kind that can set the output of the flow. A sync flow that ends without an answer answers with it.
type Outputting interface {
	Kind
	// SetsOutput reports whether it does with this config.
	SetsOutput() bool
}

// Assigning is a kind that declares a variable or assigns to one.
type Assigning interface {
	Kind
	// AssignsTo is the key of the node whose variable is assigned; empty if the node declares a variable of its own.
	AssignsTo() string
}

// Naming is a kind whose config names other nodes in literal fields.
type Naming interface {
	Kind
	// NodeNames are the keys of these nodes, by the JSON pointers of the fields in the config.
	NodeNames() map[string]string
}

// Pausing is a kind whose nodes make the run wait.
type Pausing interface {
	Kind
	// PausesFor returns what the run waits for.
	PausesFor() Pause
}

// GivingUp is a Pausing kind whose nodes may go on without what they wait for.
type GivingUp interface {
	Pausing
	// GivesUp reports whether they do with this config.
	GivesUp() bool
}

// Pause is what a run waits for in a node.
type Pause string

const (
	// ForTime: a time comes.
	ForTime Pause = "time"
	// ForCall: the node's resume URL is called. Expressions get it from resumeUrl.
	ForCall Pause = "call"
)

// Calling is a kind that calls another flow.
type Calling interface {
	Kind
	// CallsFlow is the key of the flow, and the number of its version; 0 is the enabled one.
	CallsFlow() (key string, version int)
}

// Shaping is a kind whose results have other members with some configs than those in its Spec.
type Shaping interface {
	Kind
	// ResultShape is what expressions can find below nodes.<key> of the node, which has this config. It is asked for
	// when a flow is applied, never during a run.
	ResultShape(node *everhook.Node) *expression.Shape
}

// SecretNaming is a kind or trigger whose config names secrets outside of templates. A flow is served only while they
// are set.
type SecretNaming interface {
	// Secrets are the names of the secrets.
	Secrets() []string
}

// Synchronous is a trigger whose caller can wait for the answer of the flow (mode sync).
type Synchronous interface {
	Trigger
	// CallerWait is how long the caller is held unless the options of the flow say so; 0 is the general default.
	CallerWait() everhook.Duration
}

// Callable is a trigger of flows that other flows can call.
type Callable interface {
	Trigger
	// CheckInput gives the problems of an input, at most 20. If there are none, the flow can be called with it. The
	// error says that the input is too large to be checked.
	CheckInput(input any) ([]everhook.ProblemDetail, error)
}

// Schemer is implemented by the types of config fields whose JSON Schema does not follow from their Go type: those that
// decode themselves. Without it, such a field takes anything in the schema, or text if it is an
// encoding.TextUnmarshaler.
type Schemer interface {
	// JSONSchema is the schema of the type's values. Its "title" is what the reference page says the field takes. It
	// may refer to the definitions that every schema of flow files has, such as "#/$defs/path".
	JSONSchema() map[string]any
}

// Documented is implemented by config structs whose comments the JSON Schema and the reference page show. The command
// fielddocs generates the method for the kinds of a package and the structs in them.
type Documented interface {
	// FieldDocs are the comments of structs ("SMS") and of their fields ("SMS.Text").
	FieldDocs() map[string]string
}

// Briefing is a kind whose nodes can be told apart by a few words of their config. Pages show them below the title of a
// node. For other kinds they show the first required field.
type Briefing interface {
	Kind
	// Brief is what the node does, which has this config: a few words, code in backquotes. Empty: nothing to say.
	Brief(node *everhook.Node) string
}

// BranchTitling is a kind whose config gives branches names for people.
type BranchTitling interface {
	Kind
	// BranchTitle is the name of a branch for people; empty if it has none.
	BranchTitle(branch string) string
}
