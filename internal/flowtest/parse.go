package flowtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// parser checks a test file against its flow.
type parser struct {
	document *flowfile.Document
	flow     *compile.Flow
	effects  []string
	waits    []string
	problems flowfile.Problems
}

func parse(file string, text []byte, flow *compile.Flow) ([]Test, flowfile.Problems) {
	if isBlank(text) {
		return nil, flowfile.Problems{{File: file, Position: flowfile.Position{Line: 1, Column: 1},
			Message: "the file is empty", Fix: "write `tests:` and a list of tests"}}
	}
	document, problems := flowfile.ParseDocument(file, text)
	if document == nil {
		return nil, problems
	}
	p := &parser{document: document, flow: flow, problems: problems}
	p.effects, p.waits = effectsOf(flow.OnFailure, effectsOf(flow.Nodes, nil)), flow.Waits()
	var fields fileFields
	strict.Decode(document.Value, &fields, "", p.reportField)
	if len(fields.Tests) == 0 && len(p.problems) == 0 {
		p.report("/tests", "there are no tests", "add one: `- name: …`, `request: …`, `want: …`")
	}
	p.settings(fields.Env, "/env")
	tests := make([]Test, len(fields.Tests))
	names := map[string]bool{}
	for i, test := range fields.Tests {
		pointer := fmt.Sprintf("/tests/%d", i)
		env := maps.Clone(fields.Env)
		if env == nil {
			env = map[string]string{}
		}
		maps.Copy(env, test.Env)
		tests[i] = Test{Name: test.Name, Position: document.Position(pointer), index: i, env: env, fields: test,
			outcomes: p.outcomes(test.Nodes, pointer+"/nodes")}
		if test.Name != "" && names[test.Name] {
			p.report(pointer+"/name", fmt.Sprintf("two tests are named %q", test.Name), "give each its own name")
		}
		names[test.Name] = true
		p.settings(test.Env, pointer+"/env")
		p.start(test, pointer)
		p.want(test.Want, pointer+"/want")
	}
	p.unset(fields)
	p.problems.Sort()
	return tests, p.problems
}

// reportField is report, with a better fix for fields that users often expect.
func (p *parser) reportField(pointer, message, fix string) {
	if strings.HasPrefix(message, "unknown field") && strings.HasSuffix(pointer, "/secrets") {
		fix = "remove it: secrets have no values in tests; in want.calls they are `{{ secret.NAME }}`"
	}
	p.report(pointer, message, fix)
}

func (p *parser) report(pointer, message, fix string) {
	p.problems = append(p.problems, p.document.Problem(pointer, message, fix))
}

// effectsOf appends the keys of all nodes with effects.
func effectsOf(list []*compile.Node, keys []string) []string {
	for _, node := range list {
		if hasOutcome(node) {
			keys = append(keys, node.Key)
		}
		for _, branch := range node.Branches {
			keys = effectsOf(node.Branch(branch.Name), keys)
		}
	}
	return keys
}

// hasOutcome reports whether a test gives outcomes of the node: it has an effect, or calls another flow.
func hasOutcome(node *compile.Node) bool {
	_, calls := node.Kind.(kind.Calling)
	return calls || node.Spec.Effect != nil
}

// settings reports settings that the flow does not read: after a typing error in a name, the intended setting would
// silently be nil.
func (p *parser) settings(env map[string]string, pointer string) {
	for _, name := range everhook.SortedKeys(env) {
		if !slices.Contains(p.flow.Env, name) {
			p.report(strict.Pointer(pointer, name), fmt.Sprintf("the flow does not use `env.%s`",
				everhook.Shorten(name, 64)), strict.Suggest(name, p.flow.Env))
		}
	}
}

// unset warns of settings that the flow uses and no test sets. A single test may omit one on purpose.
func (p *parser) unset(fields fileFields) {
	for _, name := range p.flow.Env {
		_, given := fields.Env[name]
		for _, test := range fields.Tests {
			_, gives := test.Env[name]
			given = given || gives
		}
		if !given && len(fields.Tests) > 0 {
			problem := p.document.Problem("/tests",
				fmt.Sprintf("the flow uses `env.%s`, and no test gives it: it is nil in all of them", name),
				fmt.Sprintf("write `env: { %s: … }`, beside `tests` or in a test", name))
			problem.Warning = true
			p.problems = append(p.problems, problem)
		}
	}
}

// start checks that the test starts its run as the flow's trigger does.
func (p *parser) start(test testFields, pointer string) {
	_, isWebhook := p.flow.Trigger.(trigger.Receiving)
	switch {
	case isWebhook && test.Trigger != nil:
		p.report(pointer+"/trigger", "the flow is called by a webhook",
			"write `request: { headers: …, query: …, body: … }`; what the run sees of it is made as the receiver does")
	case !isWebhook && test.Request != nil:
		p.report(pointer+"/request", fmt.Sprintf("the trigger of the flow is %s, and no webhook",
			p.flow.Definition.Trigger.Type), "write what expressions see as `trigger:`")
	case !isWebhook:
		p.startCall(test.Trigger, pointer+"/trigger")
	case test.Request != nil:
		if _, err := queryText(test.Request.Query); err != nil {
			p.report(pointer+"/request/query", err.Error(), "write text as in a URL, or a mapping of texts, numbers, "+
				"booleans, lists and mappings")
		}
	}
}

// effect finds a node with effects, and reports any other key.
func (p *parser) effect(key, pointer string) *compile.Node {
	node := p.flow.Node(key)
	switch {
	case node == nil:
		p.report(pointer, fmt.Sprintf("the flow has no node %q", everhook.Shorten(key, 64)),
			strict.Suggest(key, slices.Concat(p.effects, p.waits)))
		return nil
	case !hasOutcome(node):
		p.report(pointer, fmt.Sprintf("%s is of kind %s, which has no effects: it runs in the test as it is", key,
			node.Type), "remove it")
		return nil
	}
	return node
}

// answered finds a node that needs an outcome: one with effects, or one that waits for a call.
func (p *parser) answered(key, pointer string) *compile.Node {
	if slices.Contains(p.waits, key) {
		return p.flow.Node(key)
	}
	return p.effect(key, pointer)
}

func (p *parser) want(want wantFields, pointer string) {
	if want.Steps != nil {
		for i, step := range *want.Steps {
			key, _, _ := strings.Cut(step, "[")
			if p.flow.Node(key) == nil {
				fix := "write the key of a node, in loops perhaps with its place: `stock[0]`"
				if nearest := p.flow.Nearest(key); nearest != "" {
					fix = fmt.Sprintf("did you mean %q?", nearest)
				}
				p.report(strict.Pointer(pointer, "steps", strconv.Itoa(i)),
					fmt.Sprintf("the flow has no node %q", everhook.Shorten(key, 64)), fix)
			}
		}
	}
	if _, isText := want.Error.(string); want.Error != nil && !isText {
		strict.Decode(want.Error, &errorFields{}, pointer+"/error", p.report)
	}
	for _, key := range everhook.SortedKeys(want.Calls) {
		at := strict.Pointer(pointer, "calls", key)
		node := p.effect(key, at)
		if node == nil {
			continue
		}
		for i, call := range want.Calls[key] {
			switch node.Kind.(type) {
			case requesting:
				strict.Decode(call, &httpCall{}, fmt.Sprintf("%s/%d", at, i), p.report)
			case kind.Calling:
				strict.Decode(call, &subflowCall{}, fmt.Sprintf("%s/%d", at, i), p.report)
			}
		}
	}
}

// wantedError decodes a field that parse has checked.
func (w wantFields) wantedError() (wanted errorFields, given bool) {
	if text, ok := w.Error.(string); ok {
		return errorFields{Message: text}, true
	}
	if w.Error != nil {
		strict.Decode(w.Error, &wanted, "", func(string, string, string) {})
	}
	return wanted, w.Error != nil
}
