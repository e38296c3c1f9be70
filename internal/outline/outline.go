// Package outline describes a flow as pages draw it: lists of steps with branches below them, and where each branch
// goes on. It takes any text that can be read, also one with errors, and knows kinds by their capabilities only.
package outline

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Drawing is a flow as it is drawn.
type Drawing struct {
	Key         string `json:"key"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Mode        string `json:"mode"`
	// Trigger is the kind of the trigger; Called says that it has a URL which others call.
	Trigger string `json:"trigger"`
	Called  bool   `json:"called"`
	// Steps run one after the other, OnFailure when the others did not resolve.
	Steps     []Card `json:"steps"`
	OnFailure []Card `json:"onFailure"`
	// Truncated is set if the flow has more steps than are drawn.
	Truncated bool `json:"truncated,omitempty"`
}

// Card is one node.
type Card struct {
	// Pointer leads to the node in the text (RFC 6901).
	Pointer string `json:"pointer"`
	Key     string `json:"key"`
	Kind    string `json:"kind"`
	Title   string `json:"title,omitempty"`
	// Known is set if there is such a kind.
	Known bool `json:"known"`
	// Brief is what the node does, in a few words, with code in backquotes.
	Brief string `json:"brief,omitempty"`
	// Loops is set if the branches are repeated, Forks if they run at the same time, Ends if the run ends here.
	Loops bool `json:"loops,omitempty"`
	Forks bool `json:"forks,omitempty"`
	Ends  bool `json:"ends,omitempty"`
	// Stops is set if no step after it runs: it ends the run, or all of its branches do.
	Stops bool `json:"stops,omitempty"`
	// Branches are those of the text, and those that the kind can have besides.
	Branches []Lane `json:"branches,omitempty"`
}

// Lane is a list of nodes below a node.
type Lane struct {
	Name string `json:"name"`
	// Title is the name for people.
	Title string `json:"title"`
	// Pointer is that of the list, also if the text has none yet.
	Pointer string `json:"pointer"`
	// Present is set if the text has the branch.
	Present bool `json:"present,omitempty"`
	// Named is set if the flow gave the branch its name, so that it can be renamed and removed.
	Named bool `json:"named,omitempty"`
	// Catches is set for the branch that runs after the node has failed.
	Catches bool `json:"catches,omitempty"`
	// Goes is set if the step after the node runs next.
	Goes  bool   `json:"goes,omitempty"`
	Steps []Card `json:"steps"`
}

// Of describes the flow of a document; nil if it has none.
func Of(document *flowfile.Document, registry *kind.Registry) *Drawing {
	definition := document.Definition()
	if definition == nil {
		return nil
	}
	d := drawer{registry: registry}
	flow := &Drawing{Key: definition.Key, Title: definition.Title, Description: definition.Description,
		Mode: string(definition.Mode), Trigger: definition.Trigger.Type,
		Steps:     d.steps(definition.Nodes, "/nodes", 0),
		OnFailure: d.steps(definition.OnFailure, "/onFailure", 0), Truncated: d.count > compile.MaxNodes}
	if trigger, ok := registry.Trigger(definition.Trigger.Type); ok {
		_, flow.Called = trigger.(kind.Synchronous)
	}
	return flow
}

type drawer struct {
	registry *kind.Registry
	count    int
}

func (d *drawer) steps(nodes []everhook.Node, pointer string, depth int) []Card {
	steps := []Card{}
	if depth > compile.MaxNodeDepth {
		return steps
	}
	for i := range nodes {
		if d.count++; d.count > compile.MaxNodes {
			break
		}
		steps = append(steps, d.step(&nodes[i], fmt.Sprintf("%s/%d", pointer, i), depth))
	}
	return steps
}

func (d *drawer) step(node *everhook.Node, pointer string, depth int) Card {
	step := Card{Pointer: pointer, Key: node.Key, Kind: node.Type, Title: node.Title}
	config, known := d.registry.Kind(node.Type)
	var spec kind.Spec
	if step.Known = known; known {
		spec = config.Spec()
		raw := map[string]any(node.Config)
		if raw == nil {
			raw = map[string]any{}
		}
		strict.Decode(raw, config, "", func(string, string, string) {})
		step.Brief = brief(config, node)
		_, step.Loops = config.(kind.Iterating)
		if forking, ok := config.(kind.Forking); ok {
			step.Forks = forking.Forks()
		}
		if ending, ok := config.(kind.Ending); ok {
			step.Ends = ending.EndsRun()
		}
	}
	for _, name := range branchNames(node, spec, config) {
		nodes, present := node.Branches.Get(name)
		branch := Lane{Name: name, Title: branchTitle(name, config), Present: present,
			Pointer: strict.Pointer(pointer, "branches", name), Catches: name == everhook.ErrorBranch,
			Named: !isSpecified(name, spec)}
		branch.Steps = d.steps(nodes, branch.Pointer, depth+1)
		branch.Goes = !stops(branch.Steps)
		step.Branches = append(step.Branches, branch)
	}
	step.Stops = step.Ends || d.branchesStop(step, node, config)
	return step
}

// stops reports whether no step runs after a list.
func stops(steps []Card) bool { return len(steps) > 0 && steps[len(steps)-1].Stops }

// branchesStop reports whether every way through the branches of a node ends the run.
func (d *drawer) branchesStop(step Card, node *everhook.Node, config kind.Kind) bool {
	going := map[string]bool{}
	for _, branch := range step.Branches {
		going[branch.Name] = branch.Goes
		if branch.Catches && branch.Goes && node.OnError == everhook.OnErrorBranch {
			return false
		}
	}
	switch config := config.(type) {
	case kind.Choosing:
		choices := config.Choices(node)
		for _, name := range choices {
			if goes, drawn := going[name]; !drawn || goes {
				return false
			}
		}
		return len(choices) > 0
	case kind.Forking:
		ended := 0
		for _, branch := range step.Branches {
			if !branch.Catches && !branch.Goes {
				ended++
			}
		}
		return ended > 0 && config.Forks()
	}
	return false
}

// branchNames are the branches to draw: those of the kind in its order, then those of the text.
func branchNames(node *everhook.Node, spec kind.Spec, config kind.Kind) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	choosing, chooses := config.(kind.Choosing)
	if spec.NamedBranches {
		for _, branch := range node.Branches {
			if !isSpecified(branch.Name, spec) && branch.Name != everhook.ErrorBranch {
				add(branch.Name)
			}
		}
	}
	if chooses {
		for _, name := range choosing.Choices(node) {
			add(name)
		}
	} else {
		for _, branch := range spec.Branches {
			add(branch.Name)
		}
	}
	for _, branch := range node.Branches {
		if branch.Name != everhook.ErrorBranch {
			add(branch.Name)
		}
	}
	if _, present := node.Branches.Get(everhook.ErrorBranch); present || node.OnError == everhook.OnErrorBranch {
		add(everhook.ErrorBranch)
	}
	return names
}

func isSpecified(name string, spec kind.Spec) bool {
	for _, branch := range spec.Branches {
		if branch.Name == name {
			return true
		}
	}
	return name == everhook.ErrorBranch
}

func branchTitle(name string, config kind.Kind) string {
	if titling, ok := config.(kind.BranchTitling); ok {
		if title := titling.BranchTitle(name); title != "" {
			return title
		}
	}
	if name == everhook.ErrorBranch {
		return "On error"
	}
	first := []rune(name)
	if len(first) == 0 {
		return name
	}
	return string(unicode.ToUpper(first[0])) + string(first[1:])
}

// maxBrief is in characters.
const maxBrief = 160

// brief is what a node does in a few words.
func brief(config kind.Kind, node *everhook.Node) string {
	if briefing, ok := config.(kind.Briefing); ok {
		return everhook.Shorten(oneLine(briefing.Brief(node)), maxBrief)
	}
	t := reflect.TypeOf(config).Elem()
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Tag.Get("required") != "true" {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		v, ok := node.Config[name]
		if !ok {
			return ""
		}
		text, isText := v.(string)
		if !isText {
			encoded, _ := everhook.EncodeJSON(v)
			text = string(encoded)
		}
		text = everhook.Shorten(oneLine(text), maxBrief)
		if reflect.PointerTo(field.Type).Implements(fieldType) {
			return "`" + text + "`"
		}
		return text
	}
	return ""
}

var fieldType = reflect.TypeFor[expression.Field]()

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
