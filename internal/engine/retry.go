package engine

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// RetryPoint is where a retry begins, with the data that the earlier run had when it began that node. It is stored in
// histories.
type RetryPoint struct {
	// Of is the earlier run.
	Of everhook.RunID `json:"of"`
	// Node is the key of the node at which the retry begins: the node that was asked for, or the container that runs as
	// a whole again because that node is in it.
	Node string `json:"node"`
	// Nodes and Errors are what expressions see by those names.
	Nodes  everhook.Mapping `json:"nodes,omitempty"`
	Errors everhook.Mapping `json:"errors,omitempty"`
	// Outcome has the output and the answer so far. A retry sends no second answer.
	Outcome everhook.Outcome `json:"outcome"`
}

// mark is the beginning of a step at which a retry can begin. It needs no copy of the data: the result of an earlier
// node changes only by assignments to variables, and marks keep what those replaced.
type mark struct {
	node    string
	outcome everhook.Outcome
	// replaced are the values at this mark of the variables that were assigned before the next one.
	replaced map[string]any
}

func (r *Run) mark(node string) {
	r.marks = append(r.marks, mark{node: node, outcome: everhook.Outcome{Status: everhook.Pending,
		Output: r.outcome.Output, Answer: r.outcome.Answer}})
}

// remember keeps the value of a variable before an assignment replaces it.
func (r *Run) remember(d *data, variable string) {
	if len(r.marks) == 0 {
		return
	}
	latest := &r.marks[len(r.marks)-1]
	if _, ok := latest.replaced[variable]; ok {
		return
	}
	if latest.replaced == nil {
		latest.replaced = map[string]any{}
	}
	latest.replaced[variable] = d.nodes[variable]
}

// Before gives the data that there was when the node of that key began. Its error tells a person why a retry cannot
// begin there.
func (r *Run) Before(key string) (*RetryPoint, error) {
	way := r.flow.Way(key)
	if way == nil {
		return nil, r.noWay(key)
	}
	node := way[len(way)-1].Node
	at := slices.IndexFunc(r.marks, func(m mark) bool { return m.node == node.Key })
	if at < 0 {
		return nil, r.notReached(node.Key)
	}
	point := &RetryPoint{Of: r.start.Delivery.RunID, Node: node.Key, Nodes: everhook.Mapping{},
		Errors: everhook.Mapping{}, Outcome: r.marks[at].outcome}
	for _, earlier := range r.earlier(way) {
		if v, ok := r.root.nodes[earlier]; ok {
			point.Nodes[earlier] = expression.Load(v)
		}
		if v, ok := r.root.errors[earlier]; ok {
			point.Errors[earlier] = expression.Load(v)
		}
	}
	for _, later := range slices.Backward(r.marks[at:]) {
		for _, variable := range everhook.SortedKeys(later.replaced) {
			if _, kept := point.Nodes[variable]; kept {
				point.Nodes[variable] = expression.Load(later.replaced[variable])
			}
		}
	}
	return point, nil
}

func (r *Run) noWay(key string) error {
	if r.flow.Node(key) != nil {
		return fmt.Errorf("the node %q stands in onFailure, where a retry cannot begin; retry the whole run, or from "+
			"another node", key)
	}
	fix := "name one of its steps, or retry the whole run"
	if nearest := r.flow.Nearest(key); nearest != "" {
		fix = fmt.Sprintf("did you mean %q?", nearest)
	}
	return fmt.Errorf("the flow of this run has no node %q; %s", key, fix)
}

func (r *Run) notReached(node string) error {
	if from := r.start.From; from != nil {
		return fmt.Errorf("this run did not begin the node %q: it is a retry of run %s that began at %q; retry that "+
			"run, or from a later node", node, from.Of, from.Node)
	}
	steps := r.log.Steps()
	if len(steps) == 0 {
		return fmt.Errorf("this run did not reach the node %q: it began no step; retry the whole run", node)
	}
	return fmt.Errorf("this run did not reach the node %q; its last step was %q: retry from a node that it reached, "+
		"or the whole run", node, steps[len(steps)-1].Node)
}

// earlier gives the keys of the nodes before the end of the way whose results a node there can refer to.
func (r *Run) earlier(way []compile.Waypoint) []string {
	var keys []string
	list := r.flow.Nodes
	for _, stop := range way {
		keys = append(keys, visibleAfter(list[:slices.Index(list, stop.Node)])...)
		list = stop.Node.Branch(stop.Branch)
	}
	return keys
}

// visibleAfter gives the keys of the nodes of a list and of those in their branches, without the bodies of loops: nodes
// after a loop cannot refer to its body.
func visibleAfter(list []*compile.Node) []string {
	var keys []string
	for _, node := range list {
		keys = append(keys, node.Key)
		_, isLoop := node.Kind.(kind.Iterating)
		for _, branch := range node.Branches {
			if !isLoop || branch.Name == everhook.ErrorBranch {
				keys = append(keys, visibleAfter(node.Branch(branch.Name))...)
			}
		}
	}
	return keys
}

// walk runs the flow from its beginning, or from where a retry begins.
func (r *Run) walk(line Line) error {
	from := r.start.From
	if failure := r.start.Delivery.Failure; failure != nil {
		return r.refuse(line, failure)
	}
	if from == nil {
		_, err := r.list(line, r.flow.Nodes, r.root)
		return err
	}
	way := r.flow.Way(from.Node)
	if way == nil || way[len(way)-1].Node.Key != from.Node {
		return everhook.Errorf(everhook.TypeInternal, "a retry of a run of this version cannot begin at the node %q",
			from.Node)
	}
	r.outcome.Output, r.outcome.Answer, r.answer = from.Outcome.Output, from.Outcome.Answer, from.Outcome.Answer
	r.restore(from)
	return r.walkFrom(line, way, r.flow.Nodes, r.root)
}

// restore sets the results that nodes before the first step left.
func (r *Run) restore(from *RetryPoint) {
	for _, key := range everhook.SortedKeys(from.Nodes) {
		r.root.nodes[key] = r.host.Keep(from.Nodes[key])
	}
	for _, key := range everhook.SortedKeys(from.Errors) {
		r.root.errors[key] = r.host.Keep(from.Errors[key])
	}
	r.start.From = &RetryPoint{Of: from.Of, Node: from.Node} // the data has the rest
}

// walkFrom runs the part of a list that begins at the node to which the way leads.
func (r *Run) walkFrom(line Line, way []compile.Waypoint, list []*compile.Node, d *data) error {
	at := slices.Index(list, way[0].Node)
	if len(way) > 1 {
		container := *way[0].Node
		container.Kind, container.OnLine = &entered{container.Kind, way}, false
		if err := r.step(line, &container, d); err != nil {
			return err
		}
		at++
	}
	_, err := r.list(line, list[at:], d)
	return err
}

// entered is the kind of a container in which a retry begins. It decides nothing: the earlier run has decided.
type entered struct {
	kind.Kind
	way []compile.Waypoint
}

// Execute runs the rest of the branch.
func (e *entered) Execute(run kind.Run) (kind.Result, error) {
	s, branch := run.(*Step), e.way[0].Branch
	s.Logf("not evaluated again: the retry continues in the branch %q, as the run before did", branch)
	err := s.run.walkFrom(s.line, e.way[1:], s.node.Branch(branch), s.data)
	s.data.at(s.run, s.node, s.record, s.line.Now())
	return kind.Result{Value: e.Kind.(kind.Choosing).Chosen(branch)}, err
}
