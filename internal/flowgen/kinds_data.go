package flowgen

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

func variable(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"value": g.value(p)}
	left := read("nodes." + node.Key)
	if len(p.variables) > 0 && g.chance(65) {
		node.Config["target"] = pick(g, p.variables...)
		return left
	}
	left.variables = []string{node.Key}
	return left
}

func output(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"value": g.value(p)}
	return read("nodes." + node.Key)
}

func calculation(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"expression": g.expression(p)}
	return read("nodes." + node.Key)
}

func jsonMapping(g *generator, p place, node *everhook.Node) place {
	input := pick(g, "trigger.body", "trigger.body", "trigger.body.items", pick(g, p.reads...))
	node.Config = everhook.Mapping{"input": template(input), "variables": []any{
		map[string]any{"name": "id", "path": pick(g, "id", "nested.a.b", "items[0].sku")},
		map[string]any{"name": "all", "path": pick(g, "items.sku", "sku", "tags", "nothing"), "alias": "All of them"},
	}}
	if g.chance(25) {
		node.Config["parse"] = true
		node.Config["input"] = template("toJSON(" + input + ")")
	}
	return read("nodes."+node.Key+".id", "nodes."+node.Key)
}

func jsonQuery(g *generator, p place, node *everhook.Node) place {
	g.effectsLeft -= p.weight
	engine := pick(g, "jsonpath", "jmespath")
	query := pick(g, "$.items[?@.price > 5].sku", "$..sku", "$.tags[-1:]", "$.nested.*")
	if engine == "jmespath" {
		query = pick(g, "items[?price > `5`].sku", "sort_by(items, &price)[*].[sku, quantity]", "nested.a",
			"sum(items[*].quantity)", "abs(name)")
	}
	node.Config = everhook.Mapping{"input": template(pick(g, "trigger.body", "trigger.body", pick(g, p.reads...))),
		"engine": engine, "query": query}
	return read("nodes." + node.Key)
}

// delay waits. Its result is a time, so later nodes only check that it exists.
func delay(g *generator, p place, node *everhook.Node) place {
	g.effectsLeft -= p.weight
	node.Config = everhook.Mapping{}
	if g.chance(15) {
		node.Config["until"] = "2020-01-01T00:00:00Z"
	} else {
		node.Config["duration"] = strconv.Itoa(1+g.random.IntN(int(g.options.MaxDelay/time.Millisecond))) + "ms"
	}
	if g.chance(15) {
		node.Config["status"] = "failed"
	}
	return read("nodes." + node.Key + " != nil")
}

func end(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"status": pick(g, "resolved", "failed", "rejected")}
	if g.chance(50) {
		node.Config["message"] = "because of " + template(g.text(p, 1))
	}
	return place{}
}

func response(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"status": pick[any](g, 200, 201, 409, template("200 + "+g.number(p, 1)+" % 100"))}
	if g.chance(70) {
		node.Config["body"] = g.value(p)
	}
	if g.chance(30) {
		node.Config["headers"] = map[string]any{"X-Random": template(g.text(p, 1))}
	}
	if p.safe || p.weight >= 4 || g.chance(70) {
		node.Config["continue"] = true
	}
	return read("nodes." + node.Key)
}

// partnerPaths are the paths that http-request nodes call. Each contains the status of its answer, see PartnerStatus.
var partnerPaths = []string{"/200/a", "/200/b", "/200/c", "/201/a", "/404/a", "/500/a"}

// PartnerStatus returns the status with which the partner of random flows answers a path; the body is PartnerBody. Ok
// is false for other paths.
func PartnerStatus(path string) (status int, ok bool) {
	code, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	status, err := strconv.Atoi(code)
	return status, err == nil && http.StatusText(status) != ""
}

// PartnerBody returns the JSON with which the partner of random flows answers a path.
func PartnerBody(path string) string { return `{"path":` + quote(path) + `,"list":[1,2,3]}` }

// httpRequest calls the partner. Headers are not read, because they contain the time.
func httpRequest(g *generator, p place, node *everhook.Node) place {
	g.effectsLeft -= p.weight
	path := pick(g, partnerPaths...)
	g.flow.Calls = append(g.flow.Calls, path)
	node.Config = everhook.Mapping{"url": g.options.Partner + path}
	if g.chance(40) {
		node.Config["url"] = g.options.Partner + path + "?q=" + template(g.text(p, 1))
	}
	if g.chance(50) {
		node.Config["method"] = pick(g, "POST", "PUT", "PATCH")
		node.Config["body"] = g.value(p)
	}
	node.Timeout = everhook.Duration(4 * time.Second)
	// Retries on these causes hide a busy machine and a killed process from the result, unless they cut off the last
	// attempt. So nothing else is retried.
	on, never := []everhook.RetryCause{"connect", "timeout"}, []everhook.RetryCause(nil)
	if !g.options.Comparable {
		on = append(on, "500")
		if g.chance(30) {
			on, never = append(on, "default"), []everhook.RetryCause{"502-503", "4xx"}
		}
	}
	node.Retry = &everhook.Retry{MaxAttempts: 8, On: on, Never: never, InitialInterval: everhook.Duration(
		time.Millisecond),
		Backoff: 1, MaxInterval: everhook.Duration(time.Millisecond)}
	if g.chance(30) {
		node.Config["only"] = "body"
		return read("nodes."+node.Key+".path", "nodes."+node.Key)
	}
	return read("nodes."+node.Key+".body.path", "nodes."+node.Key+".body", "nodes."+node.Key+".status")
}

func dateCalculation(g *generator, _ place, node *everhook.Node) place {
	amount := func() map[string]any {
		return map[string]any{"amount": g.random.IntN(40) - 10, "unit": pick(g, "millisecond", "hour", "day", "week",
			"month", "quarter", "year")}
	}
	unit := func() map[string]any { return map[string]any{"unit": pick(g, "hour", "day", "week", "month", "year")} }
	var steps []any
	for range g.random.IntN(3) {
		steps = append(steps, pick(g,
			map[string]any{"add": amount()}, map[string]any{"subtract": amount()}, map[string]any{"startOf": unit()},
			map[string]any{"endOf": unit()},
			map[string]any{"timezone": map[string]any{"name": pick(g, "Europe/Zurich", "America/New_York",
				"Asia/Kolkata")}},
		))
	}
	steps = append(steps, pick(g,
		map[string]any{"add": amount()}, map[string]any{"get": unit()}, map[string]any{"isLeapYear": map[string]any{}},
		map[string]any{"diff": map[string]any{"with": "2025-03-30T00:30:00Z",
			"unit": pick(g, "hour", "day", "month", "year"), "round": pick(g, "none", "floor", "nearest")}},
		map[string]any{"toTimestamp": map[string]any{"unit": "second"}},
		map[string]any{"format": map[string]any{"layout": "YYYY-MM-DD HH:mm Z"}},
	))
	input := pick(g, "2024-02-29T23:59:59.999Z", "2026-01-31", "2026-03-29T01:30:00+01:00")
	if g.chance(8) {
		input = template("trigger.body.name")
	}
	node.Config = everhook.Mapping{"input": input, "steps": steps}
	return read("nodes." + node.Key)
}
