package compile

import (
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Waits of the callers of sync flows.
const (
	DefaultWait = everhook.Duration(30 * time.Second)
	maxWait     = everhook.Duration(5 * time.Minute)
)

// Wait is how long the callers of a sync flow are held.
func (f *Flow) Wait() everhook.Duration {
	if wait := f.Definition.Options.Wait; wait > 0 {
		return wait
	}
	if trigger, ok := f.Trigger.(kind.Synchronous); ok && trigger.CallerWait() > 0 {
		return trigger.CallerWait()
	}
	return DefaultWait
}

// caller checks that a flow whose caller is to wait has one that can.
func (c *compiler) caller(trigger kind.Trigger) {
	d := c.flow.Definition
	if _, ok := trigger.(kind.Source); ok && d.Mode == everhook.Sync {
		c.error("/mode", "", fmt.Sprintf("a flow that %s starts has no caller that waits for an answer",
			d.Trigger.Type),
			"write `mode: async`")
	}
}

// warnings reports what works and is likely a mistake, as far as it shows in the shape of the flow.
func (c *compiler) warnings() {
	c.unreachable(c.flow.Nodes, "/nodes")
	c.loopEffects(c.flow.Nodes, "/nodes", false)
	c.repeatedWaits(c.flow.Nodes, "/nodes", "")
	c.unreachable(c.flow.OnFailure, "/onFailure")
	c.loopEffects(c.flow.OnFailure, "/onFailure", false)
	c.repeatedWaits(c.flow.OnFailure, "/onFailure", "")
	if _, held := c.flow.Trigger.(kind.Synchronous); held && c.flow.Definition.Mode == everhook.Sync {
		if path := c.silentPath(c.flow.Nodes); path != "" {
			c.report(kind.Problem{Pointer: "/nodes", Warning: true, Message: path,
				Fix: "add a response there, or let an output node give the answer"})
		}
		c.slowAnswer(c.flow.Nodes, "/nodes")
	}
}

// ends reports whether the run always ends in the node.
func ends(node *Node) bool {
	if node.OnError != "" && node.OnError != everhook.OnErrorFail {
		return false
	}
	if endsRun(node.Kind) {
		return true
	}
	choosing, ok := node.Kind.(kind.Choosing)
	return ok && all(choosing.Choices(node.Node), func(branch string) bool { return listEnds(node.Branch(branch)) })
}

func endsRun(k kind.Kind) bool {
	ending, ok := k.(kind.Ending)
	return ok && ending.EndsRun()
}

func answersCaller(k kind.Kind) bool {
	answering, ok := k.(kind.Answering)
	return ok && answering.AnswersCaller()
}

func setsOutput(k kind.Kind) bool {
	outputting, ok := k.(kind.Outputting)
	return ok && outputting.SetsOutput()
}

// all reports whether there are names and all of them are as wanted.
func all(names []string, wanted func(name string) bool) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !wanted(name) })
}

func listEnds(nodes []*Node) bool {
	for _, node := range nodes {
		if ends(node) {
			return true
		}
	}
	return false
}

func (c *compiler) unreachable(nodes []*Node, pointer string) {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if i > 0 && ends(nodes[i-1]) {
			c.report(kind.Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: fmt.Sprintf("it never runs: the run ends in %q before it", nodes[i-1].Key),
				Fix:     "move it, or set `continue: true` on the response"})
			return
		}
		for _, branch := range node.Branches {
			c.unreachable(node.Branch(branch.Name), at+"/branches/"+branch.Name)
		}
	}
}

func (c *compiler) loopEffects(nodes []*Node, pointer string, inLoop bool) {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if inLoop && node.Spec.Effect != nil && node.Timeout == 0 {
			c.report(kind.Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: "an effect in a loop without a timeout of its own can hold up every iteration",
				Fix:     "add for example `timeout: 10s`"})
		}
		_, iterates := node.Kind.(kind.Iterating)
		for _, branch := range node.Branches {
			c.loopEffects(node.Branch(branch.Name), at+"/branches/"+branch.Name, inLoop || iterates &&
				branch.Name != everhook.ErrorBranch)
		}
	}
}

// repeatedWaits warns of nodes that wait for a call again in each iteration of a loop, and may go on without one: the
// URLs of earlier iterations then lead nowhere.
func (c *compiler) repeatedWaits(nodes []*Node, pointer, loop string) {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if loop != "" && waitsForCall(node.Kind) && givesUp(node) {
			c.report(kind.Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: fmt.Sprintf("its URL is another one in each iteration of %q: once an iteration is over, the "+
					"link that it gave away answers 410", loop),
				Fix: "wait once, beside the loop: a `parallel` with `mode: race` has the wait in one branch and the " +
					"loop that reminds in the other"})
		}
		repeating, ok := node.Kind.(kind.Repeating)
		for _, branch := range node.Branches {
			around := loop
			if ok && repeating.Repeats() && branch.Name != everhook.ErrorBranch {
				around = node.Key
			}
			c.repeatedWaits(node.Branch(branch.Name), at+"/branches/"+branch.Name, around)
		}
	}
}

// givesUp reports whether the flow can go on without what the node waits for.
func givesUp(node *Node) bool {
	giving, ok := node.Kind.(kind.GivingUp)
	return ok && giving.GivesUp() || node.OnError == everhook.OnErrorContinue || node.OnError == everhook.OnErrorBranch
}

// silentPath says where a run can reach its end without an answer or output.
func (c *compiler) silentPath(nodes []*Node) string {
	if len(nodes) == 0 || answers(nodes) {
		return ""
	}
	for _, node := range nodes {
		choosing, ok := node.Kind.(kind.Choosing)
		if !ok {
			continue
		}
		silent := func(branch string) bool { return !answers(node.Branch(branch)) }
		choices := choosing.Choices(node.Node)
		if at := slices.IndexFunc(choices, silent); at >= 0 && !all(choices, silent) {
			return fmt.Sprintf("the caller of this sync flow gets an empty 200 when %q goes on through %q",
				node.Key, choices[at])
		}
	}
	return "the caller of this sync flow gets an empty 200: on some path there is neither a response nor an output"
}

// answers reports whether every way through the nodes gives the caller an answer, sets an output or ends the run.
func answers(nodes []*Node) bool {
	return meets(nodes, func(k kind.Kind) bool { return answersCaller(k) || setsOutput(k) || endsRun(k) })
}

// settles reports whether every way through the nodes gives the caller its answer at once, or ends the run.
func settles(nodes []*Node) bool {
	return meets(nodes, func(k kind.Kind) bool { return answersCaller(k) || endsRun(k) })
}

// meets reports whether every way through the nodes meets a node of a wanted kind.
func meets(nodes []*Node, wanted func(kind.Kind) bool) bool {
	for _, node := range nodes {
		if wanted(node.Kind) || branchesMeet(node, wanted) {
			return true
		}
	}
	return false
}

func branchesMeet(node *Node, wanted func(kind.Kind) bool) bool {
	below := func(branch string) bool { return meets(node.Branch(branch), wanted) }
	if choosing, ok := node.Kind.(kind.Choosing); ok {
		return all(choosing.Choices(node.Node), below)
	}
	forking, ok := node.Kind.(kind.Forking)
	return ok && forking.Forks() && slices.ContainsFunc(node.Branches, func(branch everhook.Branch) bool {
		return branch.Name != everhook.ErrorBranch && below(branch.Name)
	})
}

// slowAnswer warns of waits before the first response.
func (c *compiler) slowAnswer(nodes []*Node, pointer string) {
	wait := c.flow.Wait()
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if _, pauses := node.Kind.(kind.Pausing); pauses {
			c.report(kind.Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: "the caller of this sync flow is held while it waits",
				Fix:     "answer first, with `continue: true` on a response before it"})
		}
		if node.Spec.Effect != nil && node.Timeout > wait {
			c.report(kind.Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: "one attempt may take longer than the caller is held",
				Fix:     "lower its timeout, raise options.wait, or answer first"})
		}
		for _, branch := range node.Branches {
			c.slowAnswer(node.Branch(branch.Name), at+"/branches/"+branch.Name)
		}
		if settles(nodes[i : i+1]) {
			return
		}
	}
}
