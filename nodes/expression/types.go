package expression

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/everhook/everhook"
)

// CheckConfig checks the type of a config struct: each Template in it must have a type that values can be converted to.
// The error names the field.
func CheckConfig(config reflect.Type) error {
	if _, known := checked.Load(config); known {
		return nil
	}
	err := checkTypes(config, "", map[reflect.Type]bool{})
	if err == nil {
		checked.Store(config, true)
	}
	return err
}

// checked are the config structs that were found right: every registry checks those of its kinds.
var checked sync.Map

// typed is a field that knows whether its type is supported.
type typed interface{ checkType() error }

func checkTypes(t reflect.Type, name string, seen map[reflect.Type]bool) error {
	if field, ok := reflect.New(t).Interface().(typed); ok {
		if err := field.checkType(); err != nil {
			return fmt.Errorf("field %s: %w", name, err)
		}
		return nil
	}
	if seen[t] || reflect.PointerTo(t).Implements(fieldType) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return checkTypes(t.Elem(), name, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() && !f.Anonymous || f.Tag.Get("json") == "-" {
				continue
			}
			below := f.Name
			if name != "" {
				below = name + "." + f.Name
			}
			if err := checkTypes(f.Type, below, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

var fieldType = reflect.TypeFor[Field]()

func (t *Template[T]) checkType() error {
	switch target := any(new(T)).(type) {
	case *any, *string, *int, *float64, *bool, *everhook.Duration, *time.Time, *[]any, *[]string, *map[string]any,
		*map[string]string, *map[string]everhook.HeaderValue:
		return nil
	case *everhook.Sealed:
		return fmt.Errorf("a Template of everhook.Sealed has no type of its own: write Template[string] or " +
			"Template[any], and evaluate it with EvalSealed")
	default:
		return fmt.Errorf("a Template of %s is not supported: write Template[any], and read its value in Execute",
			reflect.TypeOf(target).Elem())
	}
}
