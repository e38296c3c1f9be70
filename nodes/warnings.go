package nodes

import (
	"fmt"
	"time"

	"github.com/everhook/everhook"
)

// Waits of the callers of sync flows.
const (
	DefaultWait = everhook.Duration(30 * time.Second)
	maxWait     = everhook.Duration(5 * time.Minute)
)

// warnings reports what works and is likely a mistake, as far as it shows in the shape of the flow.
func (c *compiler) warnings() {
	c.unreachable(c.flow.Nodes, "/nodes")
	c.loopEffects(c.flow.Nodes, "/nodes", false)
	c.unreachable(c.flow.OnFailure, "/onFailure")
	c.loopEffects(c.flow.OnFailure, "/onFailure", false)
	if c.flow.Definition.Mode == everhook.Sync && c.flow.Definition.Trigger.Type == "webhook" {
		if path := c.silentPath(c.flow.Nodes); path != "" {
			c.report(Problem{Pointer: "/nodes", Warning: true, Message: path,
				Fix: "add a response there, or let an output node give the answer"})
		}
		c.slowAnswer(c.flow.Nodes, "/nodes")
	}
}

// ends reports whether nothing runs behind the node, whatever happens in it.
func ends(node *Compiled) bool {
	if node.OnError != "" && node.OnError != everhook.OnErrorFail {
		return false
	}
	switch kind := node.Kind.(type) {
	case *Response:
		return !kind.Continue
	case *EndRun:
		return true
	case *Condition:
		return !kind.RejectOnFalse && listEnds(node.Branch("then")) && listEnds(node.Branch("else"))
	}
	return false
}

func listEnds(nodes []*Compiled) bool {
	for _, node := range nodes {
		if ends(node) {
			return true
		}
	}
	return false
}

func (c *compiler) unreachable(nodes []*Compiled, pointer string) {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if i > 0 && ends(nodes[i-1]) {
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: fmt.Sprintf("it never runs: the run ends in %q before it", nodes[i-1].Key),
				Fix:     "move it, or set `continue: true` on the response"})
			return
		}
		for _, branch := range node.Branches {
			c.unreachable(node.Branch(branch.Name), at+"/branches/"+branch.Name)
		}
	}
}

func (c *compiler) loopEffects(nodes []*Compiled, pointer string, inLoop bool) {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if inLoop && node.Spec.Effect != nil && node.Timeout == 0 {
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: "an effect in a loop without a timeout of its own can hold up every iteration",
				Fix:     "add for example `timeout: 10s`"})
		}
		_, isLoop := node.Kind.(*Loop)
		for _, branch := range node.Branches {
			c.loopEffects(node.Branch(branch.Name), at+"/branches/"+branch.Name, inLoop || isLoop &&
				branch.Name != everhook.ErrorBranch)
		}
	}
}

// silentPath says where a run can reach its end without an answer or output.
func (c *compiler) silentPath(nodes []*Compiled) string {
	if len(nodes) == 0 || answers(nodes) {
		return ""
	}
	for _, node := range nodes {
		condition, ok := node.Kind.(*Condition)
		if !ok || condition.RejectOnFalse {
			continue
		}
		for _, branch := range []string{"then", "else"} {
			if !answers(node.Branch(branch)) && (answers(node.Branch("then")) || answers(node.Branch("else"))) {
				return fmt.Sprintf("the caller of this sync flow gets an empty 200 when %q goes on through %q",
					node.Key, branch)
			}
		}
	}
	return "the caller of this sync flow gets an empty 200: on some path there is neither a response nor an output"
}

// answers reports whether every way through the nodes meets a response, an output or an end.
func answers(nodes []*Compiled) bool {
	return meets(nodes, func(kind Kind) bool {
		switch kind.(type) {
		case *Response, *Output, *EndRun:
			return true
		}
		return false
	})
}

// settles reports whether every way through the nodes meets what gives the caller its answer at once.
func settles(nodes []*Compiled) bool {
	return meets(nodes, func(kind Kind) bool {
		switch kind.(type) {
		case *Response, *EndRun:
			return true
		}
		return false
	})
}

// meets reports whether every way through the nodes meets a node of the wanted kinds.
func meets(nodes []*Compiled, wanted func(Kind) bool) bool {
	for _, node := range nodes {
		if wanted(node.Kind) {
			return true
		}
		below := func(branch string) bool { return meets(node.Branch(branch), wanted) }
		switch node.Kind.(type) {
		case *Condition:
			if below("then") && below("else") {
				return true
			}
		case *MultiConditions:
			if len(node.Branch(otherwise)) > 0 && every(node, below) {
				return true
			}
		case *Parallel:
			if !every(node, func(branch string) bool { return !below(branch) }) {
				return true
			}
		}
	}
	return false
}

// every reports whether all branches of a node but error are as wanted.
func every(node *Compiled, wanted func(branch string) bool) bool {
	for _, branch := range node.Branches {
		if branch.Name != everhook.ErrorBranch && !wanted(branch.Name) {
			return false
		}
	}
	return true
}

// waits reports whether the run stands still in a node of that kind.
func waits(kind Kind) bool {
	switch kind.(type) {
	case *Delay, *WaitForCall:
		return true
	}
	return false
}

// slowAnswer warns of waits before the first response.
func (c *compiler) slowAnswer(nodes []*Compiled, pointer string) {
	wait := c.flow.Wait()
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if waits(node.Kind) {
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true,
				Message: "the caller of this sync flow is held while it waits",
				Fix:     "answer first, with `continue: true` on a response before it"})
		}
		if node.Spec.Effect != nil && node.Timeout > wait {
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true,
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
