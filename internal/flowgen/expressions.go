package flowgen

import (
	"strconv"
	"strings"

	"github.com/everhook/everhook/nodes/expression"
)

func itoa(n int) string         { return strconv.Itoa(n) }
func quote(text string) string  { return strconv.Quote(text) }
func template(of string) string { return "{{ " + of + " }}" }

// body is the body that the expressions of random flows read from their trigger.
func (g *generator) body() map[string]any {
	items := []any{}
	for range g.random.IntN(5) {
		items = append(items, map[string]any{"sku": pick(g, "A-1", "B-2", "C-3"),
			"price": float64(g.random.IntN(400))/8 + 0.0625, "quantity": 1 + g.random.IntN(9)})
	}
	return map[string]any{
		"id": g.random.IntN(100_000), "name": pick(g, "größe", "o'brien", "{{ trigger.body.id }}", "<b>&", ""),
		"amount": 10.25 + float64(g.random.IntN(40))/4,
		"flag":   g.chance(50), "items": items, "tags": []any{"red", "green", "ünïcode"}, "nothing": nil,
		"nested": map[string]any{"a": map[string]any{"b": 1, "z": nil}, "list": []any{1, 2.5, "x"}},
	}
}

// expression returns a random expression. A few of them fail when they are evaluated.
func (g *generator) expression(p place) string {
	if g.chance(6) {
		return g.broken()
	}
	switch g.random.IntN(8) {
	case 0:
		return g.number(p, 3)
	case 1:
		return g.text(p, 3)
	case 2:
		return g.boolean(p, 3)
	case 3:
		return g.listOf(p, 3)
	case 4:
		return `{"a": ` + g.number(p, 2) + `, "b": ` + g.text(p, 2) + `, "c": ` + g.listOf(p, 1) + "}"
	case 5:
		return pick(g, p.reads...)
	default:
		return pick(g, examples...)
	}
}

// small returns an expression whose value does not grow with its operands.
func (g *generator) small(p place) string {
	if g.chance(5) {
		return g.broken()
	}
	return g.sound(p)
}

// sound returns a small expression that never fails.
func (g *generator) sound(p place) string {
	return pick(g, g.number(p, 2), g.text(p, 2), g.boolean(p, 2), "["+g.number(p, 1)+", "+g.text(p, 1)+"]")
}

// broken returns an expression that compiles but fails when it is evaluated.
func (g *generator) broken() string {
	return pick(g, "trigger.body.missing + 1", "len(trigger.body.nothing)", `fromJSON("{" + trigger.body.name)`,
		"trigger.body.tags < 3", "map(trigger.body.missing, #)")
}

// condition returns a boolean expression; a few of them yield another type.
func (g *generator) condition(p place) string {
	if g.chance(3) {
		return pick(g, "trigger.body.missing", "trigger.body.name")
	}
	return g.boolean(p, 3)
}

// value returns a value for a template of any type.
func (g *generator) value(p place) any {
	if g.chance(6) {
		return template(g.broken())
	}
	switch g.random.IntN(6) {
	case 0:
		return g.random.IntN(1000)
	case 1:
		return "text " + template(g.number(p, 2)) + " and " + template(g.text(p, 2))
	case 2:
		return map[string]any{"n": template(g.number(p, 2)), "list": []any{template(g.text(p, 2)), nil, true}}
	case 3:
		return template(pick(g, p.reads...))
	default:
		return template(g.small(p))
	}
}

// number returns an expression that yields a whole number within ±100,000.
func (g *generator) number(p place, depth int) string {
	if depth == 0 {
		return itoa(g.random.IntN(10))
	}
	depth--
	if len(p.loops) > 0 && g.chance(30) {
		return pick(g, "loop.index", "loop.sequence", "(loop.length ?? 7)", "loops."+pick(g, p.loops...)+".index",
			"loops."+pick(g, p.loops...)+".sequence")
	}
	switch g.random.IntN(10) {
	case 0:
		return itoa(g.random.IntN(100))
	case 1:
		return "trigger.body.id % 1000"
	case 2:
		return "len(toJSON(" + pick(g, p.reads...) + ")) % 97"
	case 3:
		return "(" + g.number(p, depth) + pick(g, " + ", " - ", " * ") + g.number(p, depth) + ") % 1000"
	case 4:
		return pick(g, "max", "min") + "(" + g.number(p, depth) + ", " + g.number(p, depth) + ")"
	case 5:
		return "len(" + g.text(p, depth) + ")"
	case 6:
		return "len(" + g.listOf(p, depth) + ")"
	case 7:
		return "(" + g.boolean(p, depth) + " ? " + g.number(p, depth) + " : " + g.number(p, depth) + ")"
	case 8:
		return "sum(trigger.body.items, .quantity)"
	default:
		return "int(abs(" + g.number(p, depth) + "))"
	}
}

// text returns an expression that yields at most twenty characters.
func (g *generator) text(p place, depth int) string {
	if depth == 0 {
		return quote(pick(g, "a", "b", "größe", "x y", ""))
	}
	depth--
	if len(p.loops) > 0 && g.chance(20) {
		return "toJSON(" + pick(g, "loop.item", "loops."+pick(g, p.loops...)+".item") + ")[0:12]"
	}
	switch g.random.IntN(7) {
	case 0:
		return "trigger.body.name"
	case 1:
		return "toJSON(" + pick(g, p.reads...) + ")[0:12]"
	case 2:
		return "(" + g.text(p, depth) + " + " + g.text(p, depth) + ")[0:20]"
	case 3:
		return pick(g, "upper", "lower", "trim") + "(" + g.text(p, depth) + ")"
	case 4:
		return "type(" + pick(g, p.reads...) + ")"
	case 5:
		return "string(" + g.number(p, depth) + ")"
	default:
		return "sha256(" + g.text(p, depth) + ")[0:8]"
	}
}

func (g *generator) boolean(p place, depth int) string {
	if depth == 0 {
		return pick(g, "true", "false", "trigger.body.flag")
	}
	depth--
	switch g.random.IntN(8) {
	case 0:
		return "trigger.body.flag"
	case 1:
		return pick(g, p.reads...) + pick(g, " == nil", " != nil")
	case 2:
		return g.number(p, depth) + pick(g, " < ", " >= ", " == ") + g.number(p, depth)
	case 3:
		return g.text(p, depth) + pick(g, " == ", " != ", " startsWith ", " contains ") + g.text(p, depth)
	case 4:
		return "not (" + g.boolean(p, depth) + ")"
	case 5:
		return "(" + g.boolean(p, depth) + pick(g, " and ", " or ") + g.boolean(p, depth) + ")"
	case 6:
		return g.number(p, depth) + " in " + g.listOf(p, depth)
	default:
		return "any(trigger.body.items, .quantity > " + g.number(p, depth) + ")"
	}
}

// listOf returns an expression that yields a short list.
func (g *generator) listOf(p place, depth int) string {
	if depth == 0 {
		return pick(g, "[1, 2, 3]", `["b", "a"]`, "trigger.body.tags", "[]")
	}
	depth--
	switch g.random.IntN(8) {
	case 0:
		return "[" + g.number(p, depth) + ", " + g.text(p, depth) + "]"
	case 1:
		return "map([" + g.number(p, depth) + ", " + g.number(p, depth) + "], # + 1)"
	case 2:
		return "filter([3, 1, 2], # > " + g.number(p, depth) + ")"
	case 3:
		return "keys(trigger.body.nested)"
	case 4:
		return "sort([" + g.number(p, depth) + ", " + g.number(p, depth) + ", 5])"
	case 5:
		return "take(concat(" + g.listOf(p, depth) + ", " + g.listOf(p, depth) + "), 4)"
	case 6:
		return "take(toPairs(trigger.body.nested), 2)"
	default:
		return "map(trigger.body.items, .sku)"
	}
}

// examples are the documented examples of all functions that need no context. resumeUrl is left out: its example needs
// a waiting node.
var examples = func() []string {
	var list []string
	for _, f := range expression.Functions() {
		if !strings.Contains(f.Example, "resumeUrl(") {
			list = append(list, f.Example)
		}
	}
	return list
}()
