package compile

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// TakesCalls reports whether runs of the flow can wait for calls.
func (f *Flow) TakesCalls() bool { return len(f.waits) > 0 }

// LoopsAround returns the number of loops around a node that waits for calls; false if there is no such node.
func (f *Flow) LoopsAround(key string) (loops int, ok bool) {
	loops, ok = f.waits[key]
	return loops, ok
}

// Waits are the keys of the nodes that wait for calls, sorted.
func (f *Flow) Waits() []string { return everhook.SortedKeys(f.waits) }

// waitsForCall reports whether nodes of the kind have resume URLs.
func waitsForCall(k kind.Kind) bool {
	pausing, ok := k.(kind.Pausing)
	return ok && pausing.PausesFor() == kind.ForCall
}

// notInTheRun are the names that a field which is evaluated elsewhere does not see, with the reason.
var notInTheRun = func() map[string]string {
	hidden := map[string]string{}
	for _, name := range []string{"trigger", "nodes", "errors", "loop", "loops"} {
		hidden[name] = "this is made when the call comes, of `call`, `env` and `system.runId` alone"
	}
	return hidden
}()

// rootsElsewhere are the names that a field sees which is not evaluated in the run; nil for one that is.
func rootsElsewhere(k kind.Kind, pointer string) map[string]*expression.Shape {
	if rooter, ok := k.(kind.FieldRooter); ok {
		return rooter.FieldRoots(pointer)
	}
	return nil
}

// callers notes the secrets that the callers of a kind are known by.
func (c *compiler) callers(k kind.Kind) {
	if named, ok := k.(kind.SecretNaming); ok {
		for _, name := range named.Secrets() {
			c.secrets[name] = true
		}
	}
}

// resumeUse is one place that makes a resume URL.
type resumeUse struct {
	pointer, node, target string
	scope                 scope
	// inRun is set if the run is known at the place.
	inRun bool
}

// checkResumes checks that each resume URL is that of a node whose iteration is known at the place.
func (c *compiler) checkResumes() {
	for _, use := range c.resumes {
		message, fix := c.badResume(use)
		if message != "" {
			c.error(use.pointer, use.node, message, fix)
			continue
		}
		if _, ran := use.scope.node(use.target); ran {
			c.report(kind.Problem{Pointer: use.pointer, Node: use.node, Warning: true,
				Message: fmt.Sprintf("the URL of %q comes too late: the node has run before this place", use.target),
				Fix:     "give the URL away before the node that waits for its call"})
		}
	}
}

func (c *compiler) badResume(use resumeUse) (message, fix string) {
	target, ok := c.places[use.target]
	switch {
	case !use.inRun:
		return "resumeUrl is not available here: there is no run yet",
			"call it in a node, or in the response of the trigger"
	case !ok:
		return fmt.Sprintf("resumeUrl names %q, and there is no such node", use.target),
			strict.Suggest(use.target, c.waitKeys())
	case !waitsForCall(c.flow.byKey[use.target].Kind):
		return fmt.Sprintf("resumeUrl names %q, a node of kind %s", use.target, target.node.Type),
			"name a node that waits for a call, such as wait-for-call"
	}
	around := c.loopsAround(target)
	if shared := min(len(around), len(use.scope.loops)); !slices.Equal(around, use.scope.loops[:shared]) {
		return fmt.Sprintf("%q stands in the loop %q, and this place does not: each iteration has a URL of its own",
				use.target, around[len(around)-1]),
			"call resumeUrl in the body of that loop, or move the node out of it"
	}
	return "", ""
}

// loopsAround returns the keys of the loops around a node, outermost first.
func (c *compiler) loopsAround(p place) []string {
	var loops []string
	for _, step := range p.path {
		if c.iterates(step.node) && step.branch != everhook.ErrorBranch {
			loops = append(loops, step.node.Key)
		}
	}
	return loops
}

func (c *compiler) waitKeys() []string {
	return everhook.SortedKeys(c.flow.waits)
}
