package expression

import (
	"strings"

	"github.com/everhook/everhook"
)

// Template is a field whose texts may hold {{ … }}, and that gives a T: any, string, int, float64, bool,
// everhook.Duration, time.Time, []any, []string, map[string]any, map[string]string or
// map[string]everhook.HeaderValue. Numbers and booleans are taken as
// text where a T needs text; nothing else is converted.
//
// A text that is exactly one template keeps the type of its value. In a longer text mappings and lists become compact
// JSON, nil the empty string. Mapping keys are literal.
type Template[T any] struct {
	form       form
	pointer    string
	compiled   bool
	references References
}

// Decode sets the value of the config. Literal parts are checked against T.
func (t *Template[T]) Decode(v any) error {
	form, err := parseForm(v)
	if err != nil {
		return err
	}
	if err := check[T](form); err != nil {
		return err
	}
	t.form = form
	return nil
}

// Compile compiles all templates in the value. A field that is not set has no problem.
func (t *Template[T]) Compile(pointer string, env *Environment) []Problem {
	if t.form == nil {
		return nil
	}
	c := formCompiler{env: env}
	t.form.compile(&c, pointer)
	c.references.Sort()
	t.pointer, t.references, t.compiled = pointer, c.references, true
	return c.problems
}

// Class is ClassTemplate.
func (t *Template[T]) Class() Class { return ClassTemplate }

// References are the names that the templates use.
func (t *Template[T]) References() References { return t.references }

// IsSet reports whether the config has the field.
func (t *Template[T]) IsSet() bool { return t.form != nil }

// Literal returns the value if it is a text, number or boolean without a template.
func (t *Template[T]) Literal() (T, bool) {
	if literal, ok := t.form.(literalForm); ok {
		value, err := convert[T](literal.value)
		return value, err == nil
	}
	var zero T
	return zero, false
}

// Keys returns the keys of a literal mapping, in order; its values may be templates. It returns nil for other values.
func (t *Template[T]) Keys() []string {
	if mapping, ok := t.form.(*mappingForm); ok {
		return mapping.keys
	}
	return nil
}

// Entry returns the text at a key of a literal mapping; the case of the key is ignored. Found is false if there is
// none; literal is false if the text contains a template.
func (t *Template[T]) Entry(key string) (text string, literal, found bool) {
	mapping, ok := t.form.(*mappingForm)
	if !ok {
		return "", false, false
	}
	for i, name := range mapping.keys {
		if strings.EqualFold(name, key) {
			value, isLiteral := mapping.forms[i].(literalForm)
			text, isText := value.value.(string)
			return text, isLiteral && isText, true
		}
	}
	return "", false, false
}

// Computed reports whether the whole value is one template.
func (t *Template[T]) Computed() bool {
	text, ok := t.form.(*textForm)
	return ok && text.whole()
}

// Eval returns the value; the zero T if the field is not set. A value that is not a T is an *everhook.Error of
// TypeConfig that names the field.
func (t *Template[T]) Eval(scope *Scope) (T, error) {
	var zero T
	if !t.compiled {
		return zero, unset(t.IsSet())
	}
	v, _, err := evalForm(scope, t.form, false)
	if err != nil {
		return zero, err
	}
	value, err := t.convert(v)
	if err != nil {
		return zero, err
	}
	scope.record(t.pointer, v)
	return value, nil
}

// EvalSealed returns the value with places for its secrets. The definition alone determines the places.
func (t *Template[T]) EvalSealed(scope *Scope) (everhook.Sealed, error) {
	if !t.compiled {
		return everhook.Sealed{}, unset(t.IsSet())
	}
	v, places, err := evalForm(scope, t.form, true)
	if err != nil {
		return everhook.Sealed{}, err
	}
	sealed := everhook.Sealed{Value: everhook.Value{V: v}, Places: places}
	display := sealed.Display()
	value, err := t.convert(display)
	if err != nil {
		return everhook.Sealed{}, err
	}
	if places == nil {
		sealed.Value.V = canonicalOf(value)
		display = sealed.Value.V
	}
	scope.record(t.pointer, display)
	return sealed, nil
}

func (t *Template[T]) convert(v any) (T, error) {
	value, err := convert[T](v)
	if err != nil {
		return value, everhook.Errorf(everhook.TypeConfig, "%s: %v", fieldName(t.pointer), err)
	}
	return value, nil
}

// evalForm evaluates a form with one budget.
func evalForm(scope *Scope, f form, sealed bool) (any, []everhook.Place, error) {
	m := start(scope)
	defer m.stop()
	e := formEval{m: m, sealed: sealed}
	v, err := f.eval(&e, nil)
	return v, e.places, err
}

// fieldName returns a JSON pointer in the notation of messages: "headers.X-Id".
func fieldName(pointer string) string {
	return strings.NewReplacer("/", ".", "~1", "/", "~0", "~").Replace(strings.TrimPrefix(pointer, "/"))
}
