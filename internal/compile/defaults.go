package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
)

// nodeDefaults are the fields of a node itself that defaults can give; all others are fields of its config.
type nodeDefaults struct {
	OnError everhook.OnError  `json:"onError"`
	Timeout everhook.Duration `json:"timeout"`
	Retry   *everhook.Retry   `json:"retry"`
}

// ofNode are the names of those fields.
var ofNode = []string{"onError", "timeout", "retry"}

// maxFilled bounds what defaults add to all nodes together, in bytes as JSON.
const maxFilled = 1 << 20

// kindDefaults is what a flow gives to all nodes of a kind.
type kindDefaults struct {
	// name is the key in the flow, kind the name of the kind.
	name, kind string
	node       nodeDefaults
	given      everhook.Mapping
	config     everhook.Mapping
	size       int
	used       bool
}

func (d *kindDefaults) pointer() string { return strict.Pointer("/defaults", d.name) }

// defaults reads what the flow gives to all nodes of a kind.
func (c *compiler) defaults() {
	for _, name := range everhook.SortedKeys(c.flow.Definition.Defaults) {
		given := c.flow.Definition.Defaults[name]
		d := &kindDefaults{name: name, given: given, config: maps.Clone(given)}
		config, ok := c.registry.Kind(name)
		if !ok {
			c.check(d.pointer(), "", fmt.Sprintf("there is no node kind %q", everhook.Shorten(name, 60)),
				strict.Suggest(name, slices.Sorted(slices.Values(c.registry.Names()))))
			continue
		}
		d.kind = config.Spec().Kind
		report := func(pointer, message, fix string) { c.error(pointer, "", message, fix) }
		own := map[string]any{}
		for _, field := range ofNode {
			if v, ok := given[field]; ok {
				own[field] = v
				delete(d.config, field)
			}
		}
		strict.Decode(own, &d.node, d.pointer(), report)
		strict.DecodePart(written(d.config), config, d.pointer(), report)
		if earlier := c.defaulted[d.kind]; earlier != nil {
			c.check(d.pointer(), "", fmt.Sprintf("%s and %s are the same kind", earlier.name, name), "keep one of them")
		}
		d.size = everhook.EncodedSize(map[string]any(given), maxFilled)
		c.defaulted[d.kind] = d
	}
}

// filled gives the nodes with the defaults of their kinds. Without defaults, it gives the nodes themselves.
func (c *compiler) filled(nodes []everhook.Node, pointer string, depth int) []everhook.Node {
	if len(c.defaulted) == 0 || depth > MaxNodeDepth {
		return nodes
	}
	nodes = slices.Clone(nodes)
	for i := range nodes {
		node, at := &nodes[i], fmt.Sprintf("%s/%d", pointer, i)
		if config, ok := c.registry.Kind(node.Type); ok {
			if d := c.defaulted[config.Spec().Kind]; d != nil {
				c.fill(node, at, d)
			}
		}
		node.Branches = slices.Clone(node.Branches)
		for j := range node.Branches {
			branch := &node.Branches[j]
			branch.Nodes = c.filled(branch.Nodes, at+"/branches/"+branch.Name, depth+1)
		}
	}
	return nodes
}

// fill gives a node each field that it lacks. Its own fields replace defaults as a whole.
func (c *compiler) fill(node *everhook.Node, at string, d *kindDefaults) {
	d.used = true
	if c.filledBytes += d.size; c.filledBytes > maxFilled && c.checking {
		if c.tooLarge {
			return
		}
		c.tooLarge = true
		c.error("/defaults", "", fmt.Sprintf("the defaults are too large for so many nodes: together more than %s",
			everhook.Size(maxFilled)), "write large fields into the nodes that need them")
		return
	}
	take := func(field string) { c.givenBy[at+"/"+field] = d.pointer() + "/" + field }
	if d.node.OnError != "" && node.OnError == "" {
		node.OnError = d.node.OnError
		take("onError")
	}
	if d.node.Timeout != 0 && node.Timeout == 0 {
		node.Timeout = d.node.Timeout
		take("timeout")
	}
	if d.node.Retry != nil && node.Retry == nil {
		node.Retry = d.node.Retry
		take("retry")
	}
	config := maps.Clone(d.config)
	for _, field := range everhook.SortedKeys(config) {
		if _, own := node.Config[field]; !own {
			c.givenBy[strict.Pointer(at+"/config", field)] = strict.Pointer(d.pointer(), field)
		}
	}
	maps.Copy(config, node.Config)
	if len(config) > 0 {
		node.Config = config
	}
}

// unusedDefaults warns of defaults for kinds that the flow does not use.
func (c *compiler) unusedDefaults() {
	for _, name := range everhook.SortedKeys(c.defaulted) {
		if d := c.defaulted[name]; !d.used {
			c.report(kind.Problem{Pointer: d.pointer(), Warning: true,
				Message: fmt.Sprintf("no node of the flow is of kind %s", d.name),
				Fix:     "remove it, or correct the kind"})
		}
	}
}

// source gives the place in the flow of a field: where the defaults give it, or in its node.
func (c *compiler) source(pointer string) string {
	if len(c.givenBy) == 0 {
		return pointer
	}
	for at := pointer; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		if given, ok := c.givenBy[at]; ok {
			return given + pointer[len(at):]
		}
	}
	return pointer
}
