package schema

import (
	"reflect"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/expression"
)

// Patterns of the texts in flow files, in the part of regular expressions that Go and JavaScript share.
const (
	flowKeyPattern  = `^[a-z0-9][a-z0-9-]{0,62}$`
	nodeKeyPattern  = `^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`
	templatePattern = `\{\{`
	wholePattern    = `^\{\{[\s\S]*\}\}$`
	urlPattern      = `^([hH][tT][tT][pP][sS]?://|\{\{)`
	sizePattern     = `^[0-9]+(\.[0-9]+)?\s*(B|KB|KiB|MB|MiB|GB|GiB)?$`
	cidrPattern     = `^[0-9A-Fa-f:.]+(/[0-9]+)?$`
	statusPattern   = `^([1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?)$`
	causePattern    = `^(default|connect|timeout|[1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?)$`
	number          = `[0-9]+(\.[0-9]+)?`
	isoTimePattern  = `T(` + number + `H(` + number + `M)?(` + number + `S)?|` + number + `M(` + number + `S)?|` +
		number + `S)`
	isoDatePattern  = `(` + number + `W(` + number + `D)?|` + number + `D)`
	durationPattern = `^(0|(` + number + `(ns|us|µs|ms|s|m|h|d|w))+|P(` + isoDatePattern + `(` + isoTimePattern +
		`)?|` + isoTimePattern + `))$`
	quotedStep  = `\["([^"\\]|\\.)*"\]`
	indexStep   = `\[(0|[1-9][0-9]*)\]`
	nameStep    = `[^.\[\]"]+`
	pathPattern = `^(` + nameStep + `|` + quotedStep + `|` + indexStep + `)(\.` + nameStep + `|` + quotedStep +
		`|` + indexStep + `)*$`
	templateNote   = "Texts may hold {{ expression }}; a text that is exactly one template keeps the type of its value."
	expressionNote = "An expression, without braces. Write it in single quotes, with double quotes inside."
)

// builtinTypes are types of the vocabulary that read themselves.
var builtinTypes = map[reflect.Type]string{
	reflect.TypeFor[everhook.Duration]():      "duration",
	reflect.TypeFor[everhook.Size]():          "size",
	reflect.TypeFor[everhook.Path]():          "path",
	reflect.TypeFor[everhook.CIDR]():          "cidr",
	reflect.TypeFor[everhook.Mode]():          "mode",
	reflect.TypeFor[everhook.OnError]():       "onError",
	reflect.TypeFor[everhook.Trigger]():       "trigger",
	reflect.TypeFor[everhook.Node]():          "node",
	reflect.TypeFor[everhook.Branches]():      "branches",
	reflect.TypeFor[everhook.Mapping]():       "mapping",
	reflect.TypeFor[everhook.RetryCause]():    "retryCause",
	reflect.TypeFor[activities.StatusRange](): "statuses",
}

// evaluatedTypes are the fields that are evaluated when a node runs.
var evaluatedTypes = map[reflect.Type]string{
	reflect.TypeFor[expression.Expression]():                  "expression",
	reflect.TypeFor[expression.Bool]():                        "condition",
	reflect.TypeFor[expression.URL]():                         "templateURL",
	reflect.TypeFor[expression.Template[any]]():               "template",
	reflect.TypeFor[expression.Body]():                        "template",
	reflect.TypeFor[expression.Template[string]]():            "templateString",
	reflect.TypeFor[expression.Template[int]]():               "templateInteger",
	reflect.TypeFor[expression.Template[float64]]():           "templateNumber",
	reflect.TypeFor[expression.Template[bool]]():              "templateBoolean",
	reflect.TypeFor[expression.Template[everhook.Duration]](): "templateDuration",
	reflect.TypeFor[expression.Template[time.Time]]():         "templateTime",
	reflect.TypeFor[expression.Template[[]any]]():             "templateList",
	reflect.TypeFor[expression.Template[[]string]]():          "templateStrings",
	reflect.TypeFor[expression.Template[map[string]any]]():    "templateMapping",
	reflect.TypeFor[expression.Template[map[string]string]](): "templateStringMapping",
	reflect.TypeFor[expression.Headers]():                     "templateHeaders",
}

// builtinSchemas are the definitions that every schema of flow files has.
func builtinSchemas() schema {
	text := []string{"string", "number", "boolean"}
	either := func(title, description string, schemas ...any) schema {
		return schema{"title": title, "description": description, "anyOf": schemas}
	}
	templated := func(title string, literal schema) schema {
		return either("template: "+title, templateNote, literal, refer("templateWhole"))
	}
	return schema{
		"mode": schema{"title": oneOf([]string{"sync", "async"}),
			"enum": []everhook.Mode{everhook.Sync, everhook.Async}},
		"onError": schema{
			"title": oneOf([]string{"fail", "continue", "branch"}), "enum": []everhook.OnError{everhook.OnErrorFail,
				everhook.OnErrorContinue, everhook.OnErrorBranch},
		},
		"duration": either("a duration, as 30s, 1d12h or P3D", "A span of time: 250ms, 30s, 1d12h, or ISO 8601 as "+
			"P3D. 0 is none.",
			schema{"const": 0}, schema{"type": "string", "pattern": durationPattern}),
		"size": either("a size, as 512KiB or 1MiB", "A number of bytes: 512KiB, 1MiB, 10MB.",
			schema{"type": "integer", "minimum": 0}, schema{"type": "string", "pattern": sizePattern}),
		"path": schema{
			"title": "a path, as order.items[0].sku", "type": []string{"string", "integer"}, "pattern": pathPattern,
			"description": `Names separated by dots, [n] for an element, ["a.b"] for odd names. Through a list ` +
				`without an index it takes that field of every element.`,
		},
		"cidr": schema{
			"title": "a range of addresses, as 203.0.113.0/24, or one address", "type": "string",
			"pattern":     cidrPattern,
			"description": "A range of IPv4 or IPv6 addresses, or one address.",
		},
		"statuses": either("HTTP statuses, as 204, 2xx or 200-299", "An HTTP status, a class or a range of them.",
			schema{"type": "integer", "minimum": 100, "maximum": 599},
			schema{"type": "string", "pattern": statusPattern}),
		"retryCause": either("connect, timeout, default, or statuses as 503, 5xx or 500-504", "What is tried again.",
			schema{"type": "integer", "minimum": 100, "maximum": 599},
			schema{"type": "string", "pattern": causePattern}),
		"trigger": schema{"title": "a trigger block"},
		"node":    schema{"title": "a node"},
		"mapping": schema{"title": "a mapping", "type": "object"},
		"branches": schema{"title": "a mapping of names to lists of nodes", "type": "object",
			"additionalProperties": refer("nodes")},

		"expression": schema{"title": "expression", "description": expressionNote, "type": text},
		"condition": schema{"title": "expression: true or false", "description": expressionNote,
			"type": text},
		"templateText":   schema{"title": "text with a template", "type": "string", "pattern": templatePattern},
		"templateWhole":  schema{"title": "one template", "type": "string", "pattern": wholePattern},
		"template":       schema{"title": "template", "description": templateNote},
		"templateString": schema{"title": "template: text", "description": templateNote, "type": text},
		"templateURL": schema{"title": "template: a URL", "description": templateNote, "type": "string",
			"pattern": urlPattern},
		"templateInteger": templated("a whole number", schema{"type": "integer"}),
		"templateNumber":  templated("a number", schema{"type": "number"}),
		"templateBoolean": templated("true or false", schema{"type": "boolean"}),
		"templateDuration": either("template: a duration, as 30s, 1d12h or P3D", templateNote, refer("duration"),
			refer("templateText")),
		"templateTime": schema{"title": "template: a time, as 2030-01-31T09:00:00Z",
			"description": templateNote, "type": "string"},
		"templateList": templated("a list", schema{"type": "array"}),
		"templateStrings": templated("a list of texts",
			schema{"type": "array", "items": refer("templateString")}),
		"templateMapping": templated("a mapping", schema{"type": "object"}),
		"templateStringMapping": templated("a mapping of names to texts",
			schema{"type": "object", "additionalProperties": refer("templateString")}),
		"templateHeaders": templated("a mapping of names to texts or lists of texts",
			schema{"type": "object", "additionalProperties": schema{"anyOf": []any{refer("templateString"),
				schema{"type": "array", "items": refer("templateString")}}}}),
	}
}
