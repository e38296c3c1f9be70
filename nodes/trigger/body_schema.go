package trigger

import (
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/bodyschema"
)

// BodySchema is a JSON Schema (2020-12) that is compiled when it is read.
type BodySchema struct{ compiled *bodyschema.Schema }

// Decode takes a mapping.
func (s *BodySchema) Decode(v any) error {
	mapping, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no JSON Schema; write for example `{ type: object, required: [order] }`",
			everhook.TypeName(v))
	}
	compiled, err := bodyschema.Compile(mapping)
	s.compiled = compiled
	return err
}

// JSONSchema is that of any mapping. Its content is checked when the flow is compiled.
func (*BodySchema) JSONSchema() map[string]any {
	return map[string]any{"title": "a JSON Schema", "type": "object"}
}

// Check gives the problems of a body, as bodyschema.Schema does. Nothing is wrong with any body if there is no schema.
func (s *BodySchema) Check(body any) ([]everhook.ProblemDetail, error) {
	if s.compiled == nil {
		return nil, nil
	}
	return s.compiled.Check(body)
}

// IsSet reports whether there is a schema.
func (s *BodySchema) IsSet() bool { return s.compiled != nil }
