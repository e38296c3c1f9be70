package flowfile

import (
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Load reads a flow file. It returns the compiled flow, and every problem with its position in the file. The flow is
// nil if a problem is an error.
func Load(file string, data []byte, registry *kind.Registry) (*compile.Flow, Problems) {
	document, problems := ParseDocument(file, data)
	if document == nil {
		return nil, problems
	}
	l := loader{document: document, problems: problems}
	definition := l.definition()
	var flow *compile.Flow
	if definition != nil {
		var found []kind.Problem
		flow, found = compile.Definition(definition, registry)
		for _, p := range found {
			l.add(p.Pointer, p.Node, p.Message, p.Fix, p.Warning)
		}
		if flow != nil {
			l.scalarTraps(flow)
		}
	}
	l.problems.Sort()
	if len(l.problems.Errors()) > 0 {
		return nil, l.problems
	}
	return flow, l.problems
}

// Definition returns what can be read of the flow that a document has, whatever its problems; nil if it has none.
func (d *Document) Definition() *everhook.Definition {
	l := loader{document: d}
	return l.definition()
}

// flowFields are the fields of a flow file.
type flowFields struct {
	Key         string                      `json:"key" required:"true"`
	Title       string                      `json:"title"`
	Description string                      `json:"description"`
	Mode        string                      `json:"mode" required:"true"`
	Trigger     everhook.Mapping            `json:"trigger" required:"true"`
	Options     everhook.Options            `json:"options"`
	Defaults    map[string]everhook.Mapping `json:"defaults"`
	Nodes       []any                       `json:"nodes"`
	OnFailure   []any                       `json:"onFailure"`
}

// nodeFields are the fields of a node.
type nodeFields struct {
	Key      string            `json:"key"`
	Type     string            `json:"type"`
	Title    string            `json:"title"`
	Config   everhook.Mapping  `json:"config"`
	Branches everhook.Mapping  `json:"branches"`
	OnError  string            `json:"onError"`
	Timeout  everhook.Duration `json:"timeout"`
	Retry    *everhook.Retry   `json:"retry"`
}

type loader struct {
	document *Document
	problems Problems
}

func (l *loader) add(pointer, node, message, fix string, warning bool) {
	l.problems = append(l.problems, Problem{
		File: l.document.File, Position: l.document.Position(pointer), Node: node, Pointer: pointer, Message: message,
		Fix: fix, Warning: warning,
	})
}

// definition decodes the document and reports problems of its structure. Other problems are left to the compiler, so
// that one report has both.
func (l *loader) definition() *everhook.Definition {
	root, ok := l.document.Value.(map[string]any)
	if !ok {
		l.add("", "", fmt.Sprintf("the file holds %s, not a flow", everhook.TypeName(l.document.Value)),
			"start with `key:`, `mode:`, `trigger:` and `nodes:`", false)
		return nil
	}
	var fields flowFields
	strict.Decode(root, &fields, "", func(pointer, message, fix string) { l.add(pointer, "", message, fix, false) })
	d := &everhook.Definition{
		Key: fields.Key, Title: fields.Title, Description: fields.Description, Mode: everhook.Mode(fields.Mode),
		Options: fields.Options, Defaults: fields.Defaults,
		Trigger: everhook.Trigger{Config: everhook.Mapping{}}, Nodes: l.nodes(fields.Nodes, "/nodes", 0),
		OnFailure: l.nodes(fields.OnFailure, "/onFailure", 0),
	}
	for name, v := range fields.Trigger {
		if name != "type" {
			d.Trigger.Config[name] = v
			continue
		}
		if d.Trigger.Type, ok = v.(string); !ok {
			l.add("/trigger/type", "", fmt.Sprintf("the type of the trigger is %s, not text", everhook.TypeName(v)),
				"write `type: webhook`", false)
		}
	}
	return d
}

func (l *loader) nodes(values []any, pointer string, depth int) []everhook.Node {
	if depth > compile.MaxNodeDepth {
		return nil
	}
	list := make([]everhook.Node, len(values))
	for i, v := range values {
		list[i] = l.node(v, fmt.Sprintf("%s/%d", pointer, i), depth)
	}
	return list
}

func (l *loader) node(v any, pointer string, depth int) everhook.Node {
	var fields nodeFields
	key, _ := mapping(v)["key"].(string)
	strict.Decode(v, &fields, pointer, func(at, message, fix string) { l.add(at, key, message, fix, false) })
	node := everhook.Node{
		Key: fields.Key, Type: fields.Type, Title: fields.Title, Config: fields.Config,
		OnError: everhook.OnError(fields.OnError),
		Timeout: fields.Timeout, Retry: fields.Retry,
	}
	for _, name := range l.document.OrderedKeys(pointer + "/branches") {
		at := strict.Pointer(pointer+"/branches", name)
		switch branch := fields.Branches[name].(type) {
		case []any:
			node.Branches = append(node.Branches, everhook.Branch{Name: name, Nodes: l.nodes(branch, at, depth+1)})
		case nil:
			node.Branches = append(node.Branches, everhook.Branch{Name: name})
		default:
			l.add(at, key, fmt.Sprintf("the branch %q is %s, not a list of nodes", name, everhook.TypeName(branch)),
				"write its nodes as a list: `- { key: …, type: … }`", false)
		}
	}
	return node
}

func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// scalarTraps reports parts that YAML silently removes from an unquoted expression or template: a comment and a tag.
func (l *loader) scalarTraps(flow *compile.Flow) {
	for _, pointer := range everhook.SortedKeys(flow.Fields) {
		if !flow.Fields[pointer].IsSet() {
			continue
		}
		scalar, ok := l.document.Scalar(pointer)
		if !ok || scalar.Comment == "" || scalar.Style != Plain {
			continue
		}
		if flow.Fields[pointer].Class() == expression.ClassExpression || strings.Contains(scalar.Comment, "}}") {
			l.add(pointer, "", fmt.Sprintf("YAML takes %q for a comment, so it is no part of the value",
				everhook.Shorten(scalar.Comment, 60)),
				"put the value in single quotes, or the comment on a line of its own", false)
		}
	}
}
