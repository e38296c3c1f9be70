package workflows

import (
	"encoding/json"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// RetryPoint is where a retry goes on, with everything that the run before had come to when it began that node.
type RetryPoint struct {
	// Of is the run before.
	Of everhook.RunID `json:"of"`
	// Node is the key of the node at which the retry goes on: the one that was asked for, or the container in which
	// that one begins anew.
	Node string `json:"node"`
	// Nodes and Errors are what expressions see by those names.
	Nodes  everhook.Mapping `json:"nodes,omitempty"`
	Errors everhook.Mapping `json:"errors,omitempty"`
	// Outcome has the output and the answer that there were; a retry sends no second answer.
	Outcome everhook.Outcome `json:"outcome"`
}

// mark is the beginning of a step at which a retry can go on. Marks cost no copy of the data: results of nodes that
// stand before it never change again but by assignments to variables, and those are undone.
type mark struct {
	node    string
	outcome everhook.Outcome
	// changed are the variables that were assigned before the next mark, with what they were at this one.
	changed map[string]any
}

// origin is what the keys of effects derive from.
func (r *run) origin() everhook.RunID { return r.start.First() }

func (r *run) mark(node string) {
	r.marks = append(r.marks,
		mark{node: node, outcome: everhook.Outcome{Status: everhook.Pending, Output: r.outcome.Output,
			Answer: r.outcome.Answer}})
}

// remember keeps what a variable is before it is assigned.
func (r *run) remember(d *data, variable string) {
	if d != r.root || len(r.marks) == 0 {
		return
	}
	latest := &r.marks[len(r.marks)-1]
	if _, ok := latest.changed[variable]; ok {
		return
	}
	if latest.changed == nil {
		latest.changed = map[string]any{}
	}
	latest.changed[variable] = d.nodes[variable]
}

// before answers ValuesQuery. Its error says why the run cannot be continued there, to whoever asked for it.
func (r *run) before(key string) (*RetryPoint, error) {
	way := r.flow.Way(key)
	if way == nil && r.flow.Node(key) != nil {
		return nil, fmt.Errorf("the node %q stands in onFailure, which runs when a run has failed: a run cannot be "+
			"continued there; retry the whole run, or from another node", key)
	}
	if way == nil {
		fix := "name one of its steps, or retry the whole run"
		if nearest := r.flow.Nearest(key); nearest != "" {
			fix = fmt.Sprintf("did you mean %q?", nearest)
		}
		return nil, fmt.Errorf("the flow of this run has no node %q; %s", key, fix)
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
			point.Nodes[earlier] = v
		}
		if v, ok := r.root.errors[earlier]; ok {
			point.Errors[earlier] = v
		}
	}
	for _, later := range slices.Backward(r.marks[at:]) {
		for _, variable := range everhook.SortedKeys(later.changed) {
			if _, kept := point.Nodes[variable]; kept {
				point.Nodes[variable] = later.changed[variable]
			}
		}
	}
	return point, point.check(r.start.MaxPayload)
}

// earlier are the keys of the nodes that stand before the end of the way, and of those below them that are visible
// behind them.
func (r *run) earlier(way []compile.Waypoint) []string {
	var keys []string
	list := r.flow.Nodes
	for _, stop := range way {
		keys = append(keys, visibleBehind(list[:slices.Index(list, stop.Node)])...)
		list = stop.Node.Branch(stop.Branch)
	}
	return keys
}

// visibleBehind are the keys of the nodes of a list and of those below them, without the bodies of loops: what those
// left, nothing can refer to.
func visibleBehind(list []*compile.Node) []string {
	var keys []string
	for _, node := range list {
		keys = append(keys, node.Key)
		_, isLoop := node.Kind.(kind.Iterating)
		for _, branch := range node.Branches {
			if !isLoop || branch.Name == everhook.ErrorBranch {
				keys = append(keys, visibleBehind(node.Branch(branch.Name))...)
			}
		}
	}
	return keys
}

func (r *run) notReached(node string) error {
	if resume := r.start.From; resume != nil {
		return fmt.Errorf("this run did not begin the node %q: it continued at %q what run %s had begun; retry that "+
			"run, or from a later node", node, resume.Node, resume.Of)
	}
	steps := r.log.kept()
	if len(steps) == 0 {
		return fmt.Errorf("this run did not reach the node %q: it began no step; retry the whole run", node)
	}
	return fmt.Errorf("this run did not reach the node %q; its last step was %q: retry from a node that it reached, "+
		"or the whole run", node, steps[len(steps)-1].Node)
}

// check refuses values that a run cannot be started with; stored is Start.MaxPayload of the run.
func (p *RetryPoint) check(stored int) error {
	size, limit, err := measured(stored, p)
	if err != nil {
		return err
	}
	if size > limit {
		return fmt.Errorf("the values before the node %q are larger than a run can be started with, %d bytes of %d; "+
			"retry the whole run, or from an earlier node", p.Node, size, limit)
	}
	encoded, err := everhook.EncodeJSON(p)
	if err == nil {
		err = json.Unmarshal(encoded, new(RetryPoint))
	}
	if err != nil {
		return fmt.Errorf("the values before the node %q cannot be handed to another run: %w; retry the whole run, "+
			"or from an earlier node", p.Node, err)
	}
	return nil
}

// sentSize is how many bytes the arguments of a start have as Temporal gets them.
func sentSize(arguments ...any) (size int, err error) {
	encoded, err := DataConverter().ToPayloads(arguments...)
	for _, payload := range encoded.GetPayloads() {
		size += len(payload.GetData())
	}
	return size, err
}

// walk runs the flow from its beginning, or from where a retry goes on.
func (r *run) walk(ctx workflow.Context, d *data) error {
	r.root = d
	resume := r.start.From
	if resume == nil {
		_, err := r.list(ctx, r.flow.Nodes, r.root)
		return err
	}
	way := r.flow.Way(resume.Node)
	if way == nil || way[len(way)-1].Node.Key != resume.Node {
		return everhook.Errorf(everhook.TypeInternal, "a run of this version cannot be continued at the node %q",
			resume.Node)
	}
	r.root.restore(resume)
	r.outcome.Output, r.outcome.Answer, r.answer = resume.Outcome.Output, resume.Outcome.Answer, resume.Outcome.Answer
	return r.resume(ctx, way, r.flow.Nodes, r.root)
}

// restore sets the values that nodes before the first step left.
func (d *data) restore(resume *RetryPoint) {
	for _, key := range everhook.SortedKeys(resume.Nodes) {
		d.nodes[key] = resume.Nodes[key]
	}
	for _, key := range everhook.SortedKeys(resume.Errors) {
		d.errors[key] = resume.Errors[key]
	}
}

// resume runs the part of a list that begins where the way leads.
func (r *run) resume(ctx workflow.Context, way []compile.Waypoint, list []*compile.Node, d *data) error {
	at := slices.Index(list, way[0].Node)
	if len(way) > 1 {
		container := *way[0].Node
		container.Kind, container.OnLine = &entered{container.Kind, way}, false
		if err := r.step(ctx, &container, d); err != nil {
			return err
		}
		at++
	}
	_, err := r.list(ctx, list[at:], d)
	return err
}

// entered is the kind of a container that a retry goes on inside of: it decides nothing, the run before has.
type entered struct {
	kind.Kind
	way []compile.Waypoint
}

// Execute runs the rest of the branch.
func (e *entered) Execute(ctx workflow.Context, run kind.Run) (kind.Result, error) {
	s, branch := run.(*step), e.way[0].Branch
	run.Logf("not evaluated again: the run goes on in the branch %q, as the run before did", branch)
	err := s.run.resume(ctx, e.way[1:], s.node.Branch(branch), s.data)
	s.data.at(s.run, s.node, s.record, workflow.Now(ctx))
	return kind.Result{Value: e.Kind.(kind.Choosing).Chosen(branch)}, err
}
