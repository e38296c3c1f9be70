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
	if c.flow.Definition.Mode == everhook.Sync && c.flow.Definition.Trigger.Type == "webhook" {
		if path := c.silentPath(c.flow.Nodes); path != "" {
			c.report(Problem{Pointer: "/nodes", Warning: true, Message: path, Fix: "add a response there, or let an output node give the answer"})
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
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true, Message: fmt.Sprintf("it never runs: the run ends in %q before it", nodes[i-1].Key), Fix: "move it, or set `continue: true` on the response"})
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
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true, Message: "an effect in a loop without a timeout of its own can hold up every iteration", Fix: "add for example `timeout: 10s`"})
		}
		_, isLoop := node.Kind.(*Loop)
		for _, branch := range node.Branches {
			c.loopEffects(node.Branch(branch.Name), at+"/branches/"+branch.Name, inLoop || isLoop && branch.Name != everhook.ErrorBranch)
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
				return fmt.Sprintf("the caller of this sync flow gets an empty 200 when %q goes on through %q", node.Key, branch)
			}
		}
	}
	return "the caller of this sync flow gets an empty 200: on some path there is neither a response nor an output"
}

// answers reports whether every way through the nodes meets a response, an output or an end.
func answers(nodes []*Compiled) bool {
	for _, node := range nodes {
		switch node.Kind.(type) {
		case *Response, *Output, *EndRun:
			return true
		case *Condition:
			if answers(node.Branch("then")) && answers(node.Branch("else")) {
				return true
			}
		case *MultiConditions:
			all := len(node.Branch(otherwise)) > 0
			for _, branch := range node.Branches {
				all = all && (branch.Name == everhook.ErrorBranch || answers(node.Branch(branch.Name)))
			}
			if all {
				return true
			}
		case *Parallel:
			for _, branch := range node.Branches {
				if branch.Name != everhook.ErrorBranch && answers(node.Branch(branch.Name)) {
					return true
				}
			}
		}
	}
	return false
}

// slowAnswer warns of a wait before the first response. It reports whether the nodes meet a response.
func (c *compiler) slowAnswer(nodes []*Compiled, pointer string) bool {
	for i, node := range nodes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch node.Kind.(type) {
		case *Response:
			return true
		case *Delay:
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true, Message: "the caller of this sync flow is held while it waits", Fix: "answer first, with `continue: true` on a response before it"})
		}
		if node.Spec.Effect != nil && node.Timeout > c.flow.Wait() {
			c.report(Problem{Pointer: at, Node: node.Key, Warning: true, Message: "one attempt may take longer than the caller is held", Fix: "lower its timeout, raise options.wait, or answer first"})
		}
		for _, branch := range node.Branches {
			if branch.Name != everhook.ErrorBranch && c.slowAnswer(node.Branch(branch.Name), at+"/branches/"+branch.Name) {
				return true
			}
		}
	}
	return false
}
