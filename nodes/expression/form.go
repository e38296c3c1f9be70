package expression

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// form is a parsed template.
type form interface {
	// compile compiles the expressions in it.
	compile(c *formCompiler, pointer string)
	// eval returns the value; at is its path in the whole template, for places of secrets.
	eval(e *formEval, at []any) (any, error)
}

// formCompiler collects the results of compiling a template.
type formCompiler struct {
	env        *Environment
	problems   []Problem
	references References
}

func (c *formCompiler) report(pointer string, err *Error) {
	c.problems = append(c.problems, err.problem(pointer))
}

func (c *formCompiler) warn(pointer string, err *Error) {
	c.problems = append(c.problems, err.warning(pointer))
}

// formEval is one evaluation of a template: all its expressions share one budget.
type formEval struct {
	m      *machine
	places []everhook.Place
	// sealed means that places of secrets are collected; if not set, a secret is an error.
	sealed bool
}

// parseForm finds the templates in a canonical value.
func parseForm(v any) (form, *Error) {
	switch v := v.(type) {
	case string:
		parts, err := parseParts(v)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 || len(parts) == 1 && parts[0].literal() {
			return literalForm{v}, nil
		}
		return &textForm{source: v, parts: aloneOrAll(parts)}, nil
	case []any:
		list := make(listForm, len(v))
		for i, item := range v {
			item, err := parseForm(item)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		mapping := &mappingForm{keys: everhook.SortedKeys(v)}
		for _, key := range mapping.keys {
			item, err := parseForm(v[key])
			if err != nil {
				return nil, err
			}
			mapping.forms = append(mapping.forms, item)
		}
		return mapping, nil
	default:
		return literalForm{v}, nil
	}
}

// aloneOrAll removes the white space around a single template, which YAML's block texts add.
func aloneOrAll(parts []part) []part {
	alone := -1
	for i := range parts {
		switch {
		case !parts[i].literal() && alone >= 0, parts[i].literal() && strings.TrimSpace(parts[i].text) != "":
			return parts
		case !parts[i].literal():
			alone = i
		}
	}
	return parts[alone : alone+1]
}

// literalForm is a value without a template in it, except for lists and mappings.
type literalForm struct{ value any }

func (l literalForm) compile(c *formCompiler, pointer string) {
	if text, ok := l.value.(string); ok && looksLikeExpression(text, c.env) {
		c.warn(pointer, &Error{Message: "this is text, though it reads like an expression",
			Fix: fmt.Sprintf("write `{{ %s }}` if its value is meant", strings.TrimSpace(text)), Source: text})
	}
}

func (l literalForm) eval(*formEval, []any) (any, error) { return l.value, nil }

type listForm []form

func (l listForm) compile(c *formCompiler, pointer string) {
	for i, item := range l {
		item.compile(c, pointer+"/"+strconv.Itoa(i))
	}
}

func (l listForm) eval(e *formEval, at []any) (any, error) {
	list := make([]any, len(l))
	for i, item := range l {
		v, err := item.eval(e, append(at, i))
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

type mappingForm struct {
	keys  []string
	forms []form
	// names, if set, are the keys that are templates, nil for the others. Only the JSON text of a Body has them.
	names []*textForm
}

func (m *mappingForm) compile(c *formCompiler, pointer string) {
	for i, key := range m.keys {
		below := strict.Pointer(pointer, key)
		if m.names != nil && m.names[i] != nil {
			below = pointer
			m.names[i].compile(c, pointer)
		} else if strings.Contains(key, "{{") {
			c.warn(below, &Error{Message: "a key is never a template: its braces stay as they are",
				Fix: "build the mapping in one template, for example `{{ {(trigger.body.id): 1} }}`"})
		}
		m.forms[i].compile(c, below)
	}
}

func (m *mappingForm) eval(e *formEval, at []any) (any, error) {
	mapping := make(map[string]any, len(m.keys))
	for i, key := range m.keys {
		if m.names != nil && m.names[i] != nil {
			name, err := m.names[i].eval(e, at)
			if err != nil {
				return nil, err
			}
			key = name.(string)
			if _, twice := mapping[key]; twice {
				return nil, everhook.Errorf(everhook.TypeExpression, "the key %q stands twice in one object",
					everhook.Shorten(key, 60))
			}
		}
		v, err := m.forms[i].eval(e, append(at, key))
		if err != nil {
			return nil, err
		}
		mapping[key] = v
	}
	return mapping, nil
}

// textForm is a text with templates in it.
type textForm struct {
	source string
	parts  []part
	// asText means that the value is text, also if the text is exactly one template.
	asText bool
	// escaped means that insertions need no escape, because the text is encoded later.
	escaped bool
}

// whole reports whether the text is exactly one template, which keeps the type of its value.
func (t *textForm) whole() bool { return len(t.parts) == 1 && !t.asText }

func (t *textForm) compile(c *formCompiler, pointer string) {
	if !t.escaped {
		c.warnOfJSON(pointer, t)
		if err := assign(t.parts); err != nil {
			err.Source = t.source
			c.report(pointer, err)
		}
	}
	for i := range t.parts {
		p := &t.parts[i]
		switch {
		case p.literal():
		case p.secret == "" && isBadSecret(p.source):
			c.report(pointer, &Error{
				Message: "not the name of a secret", Fix: "a name has A-Z, 0-9 and _ only, and is at most 128 " +
					"characters long", Source: t.source, Offset: p.offset,
			})
		case p.secret != "" && !c.env.Secrets:
			err := secretError(false)
			err.Source, err.Offset = t.source, p.offset
			c.report(pointer, err)
		case p.secret != "":
			c.references.Secrets = append(c.references.Secrets, p.secret)
		default:
			program, escape, err := compileInsertion(p.source, c.env, p.escape, t.escaped && t.whole())
			p.escape = escape
			if err != nil {
				err.Source, err.Offset = t.source, err.Offset+p.offset
				c.report(pointer, err)
				continue
			}
			p.program = program
			c.references.Add(program.References())
			for _, warning := range program.warnings {
				warning.Source, warning.Offset = t.source, warning.Offset+p.offset
				c.warn(pointer, warning)
			}
		}
	}
}

func (t *textForm) eval(e *formEval, at []any) (any, error) {
	if t.whole() && t.parts[0].secret == "" {
		return e.m.run(t.parts[0].program)
	}
	return e.join(t.parts, at)
}

// join returns the text of parts. If they contain secrets, it returns nil and records a place for the text.
func (e *formEval) join(parts []part, at []any) (any, error) {
	var segments []everhook.Segment
	var text strings.Builder
	for i := range parts {
		p := &parts[i]
		segment, err := e.segment(p)
		if err != nil {
			return nil, err
		}
		if segment.Secret == "" {
			if err := e.m.produce(len(segment.Text)); err != nil {
				return nil, err
			}
			text.WriteString(segment.Text)
			continue
		}
		if text.Len() > 0 {
			segments = append(segments, everhook.Segment{Text: text.String()})
			text.Reset()
		}
		segments = append(segments, segment)
	}
	if segments == nil {
		return text.String(), nil
	}
	if !e.sealed {
		return nil, everhook.Errorf(everhook.TypeSecret, "a secret cannot stand here: this field is used before the "+
			"effect runs")
	}
	if text.Len() > 0 {
		segments = append(segments, everhook.Segment{Text: text.String()})
	}
	e.places = append(e.places, everhook.Place{At: append([]any(nil), at...), Segments: segments})
	return nil, nil
}

func (e *formEval) segment(p *part) (everhook.Segment, error) {
	switch {
	case p.secret != "":
		return everhook.Segment{Secret: p.secret, Escape: p.escape}, nil
	case p.program == nil:
		return everhook.Segment{Text: p.text}, nil
	}
	v, err := e.m.run(p.program)
	if err != nil {
		return everhook.Segment{}, err
	}
	if p.escape == everhook.EscapeJSONValue {
		text, err := e.m.json(v)
		return everhook.Segment{Text: text}, err
	}
	text, err := e.m.text(v)
	if p.escape == everhook.EscapePath && strings.Contains(text, "/") && e.m.scope.Warn != nil {
		source := everhook.Shorten(strings.TrimSpace(p.source), maxDescribed)
		e.m.scope.Warn(fmt.Sprintf("%q, the value of `%s` in a url, has a slash, which is sent as %%2F; write `{{ "+
			"path(%s) }}` to keep it, or `{{ urlEncode(%s) }}` if %%2F is right", everhook.Shorten(text, 60), source,
			source, source))
	}
	return everhook.Segment{Text: p.escape.Apply(text)}, err
}
