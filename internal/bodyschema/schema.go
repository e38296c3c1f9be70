// Package bodyschema checks the bodies of deliveries against a JSON Schema (2020-12). Its cost is bounded for every
// body.
package bodyschema

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/everhook/everhook"
)

const (
	// MaxSchema bounds a schema, as JSON.
	MaxSchema everhook.Size = 64 << 10
	// MaxValues bounds the values of a checked body, mappings and lists included: each may take a few hundred bytes if
	// it is wrong.
	MaxValues = 100_000
	// MaxProblems bounds the reported problems of one body.
	MaxProblems = 20
	// maxDetail bounds the text of one problem, in bytes.
	maxDetail = 300
	// maxGathered bounds the problems from which the reported ones are chosen.
	maxGathered = 1000
	// fewValues is the size of a small body, in values. Small bodies are checked without waiting for a turn.
	fewValues = 1000
)

// dialect is the only supported dialect.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// Schema is a compiled JSON Schema. It is safe for concurrent use.
type Schema struct {
	compiled *jsonschema.Schema
	// turns bounds the concurrent checks of large bodies. A check only uses the processor, so more of them would not be
	// faster.
	turns chan struct{}
}

// ErrTooLarge is the error for a body with more than MaxValues values.
var ErrTooLarge = fmt.Errorf("a body that is checked against a schema may have %d values", MaxValues)

// location is the URI of the schema itself: relative references start in base.
const (
	base     = "everhook://schema/"
	location = base + "body"
)

// Compile makes a Schema from a canonical value. References must lead into the schema itself or to JSON Schema's own;
// `format` is checked. An error is a message for the author of the schema.
func Compile(schema map[string]any) (*Schema, error) {
	if everhook.EncodedSize(schema, int(MaxSchema)) > int(MaxSchema) {
		return nil, fmt.Errorf("the schema is larger than %s", MaxSchema)
	}
	if named, ok := schema["$schema"]; ok && named != dialect && named != dialect+"#" {
		return nil, fmt.Errorf("the schema is of another dialect; leave $schema out, or write %s", dialect)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(noLoader{})
	compiler.AssertFormat()
	if err := compiler.AddResource(location, schema); err != nil {
		return nil, explain(err)
	}
	compiled, err := compiler.Compile(location)
	if err != nil {
		return nil, explain(err)
	}
	return &Schema{compiled: compiled, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}, nil
}

// noLoader refuses references to files and other hosts.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("the reference %s leads out of the schema; put what it names under $defs",
		everhook.Shorten(strings.TrimPrefix(url, base), 100))
}

// explain extracts the place and the reason from an error of the compiler.
func explain(err error) error {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if failed, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			problems := problemsOf(failed)
			return fmt.Errorf("it is no JSON Schema: %s: %s", cmp.Or(problems[0].Pointer, "/"), problems[0].Detail)
		}
	}
	if load, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return load.Err
	}
	return errors.New(strings.ReplaceAll(err.Error(), location, ""))
}

// Check returns the problems of a canonical value, at most MaxProblems, sorted by their pointers; none if it is valid.
// ErrTooLarge is the only error.
func (s *Schema) Check(body any) ([]everhook.ProblemDetail, error) {
	values := countValues(body, MaxValues)
	if values > MaxValues {
		return nil, ErrTooLarge
	}
	if values > fewValues {
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
	}
	if failed, ok := errors.AsType[*jsonschema.ValidationError](s.compiled.Validate(body)); ok {
		return problemsOf(failed), nil
	}
	return nil, nil
}

// countValues counts the values of a canonical value, and stops when there are more than limit.
func countValues(v any, limit int) int {
	count := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if count += countValues(item, limit-count); count > limit {
				return count
			}
		}
	case map[string]any:
		for _, item := range v {
			if count += countValues(item, limit-count); count > limit {
				return count
			}
		}
	}
	return count
}

func problemsOf(failed *jsonschema.ValidationError) []everhook.ProblemDetail {
	var gathered []*jsonschema.ValidationError
	gather(failed, &gathered)
	problems := make([]everhook.ProblemDetail, 0, len(gathered))
	for _, failure := range gathered {
		problems = append(problems, everhook.ProblemDetail{Pointer: pointer(failure.InstanceLocation),
			Detail: everhook.Shorten(detail(failure.ErrorKind), maxDetail)})
	}
	slices.SortStableFunc(problems, func(a, b everhook.ProblemDetail) int { return cmp.Compare(a.Pointer, b.Pointer) })
	problems = slices.Compact(problems)
	return problems[:min(len(problems), MaxProblems)]
}

// gather lists the problems to report: failures without causes, and failures that say how their causes are combined.
func gather(failed *jsonschema.ValidationError, all *[]*jsonschema.ValidationError) {
	if len(*all) >= maxGathered {
		return
	}
	switch failed.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains, *kind.MinContains, *kind.MaxContains, *kind.PropertyNames:
		*all = append(*all, failed)
	default:
		if len(failed.Causes) == 0 {
			*all = append(*all, failed)
		}
	}
	for _, cause := range failed.Causes {
		gather(cause, all)
	}
}

// detail describes a problem without any value of the body.
func detail(failure jsonschema.ErrorKind) string {
	switch failure := failure.(type) {
	case *kind.AnyOf:
		return "it fits none of the alternatives (anyOf)"
	case *kind.OneOf:
		if len(failure.Subschemas) > 0 {
			return "it fits more than one of the alternatives (oneOf)"
		}
		return "it fits none of the alternatives (oneOf)"
	case *kind.Not:
		return "it fits what is excluded (not)"
	case *kind.Pattern:
		return fmt.Sprintf("does not match pattern %q", failure.Want)
	case *kind.RefCycle:
		return "the schema refers to itself without end"
	case *kind.Format:
		if failure.Want == "regex" {
			return "is no regular expression, of the kind RE2"
		}
		return "is not valid " + failure.Want
	case *kind.FalseSchema:
		return "nothing is allowed here"
	case *kind.PropertyNames:
		return "the name of a property is not allowed"
	default:
		return failure.LocalizedString(message.NewPrinter(language.English))
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(at []string) string {
	var text strings.Builder
	for _, token := range at {
		text.WriteByte('/')
		text.WriteString(pointerEscape.Replace(token))
	}
	return text.String()
}
