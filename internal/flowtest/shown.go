package flowtest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/everhook/everhook"
)

// shown returns the input of an effect as a canonical value, with "{{ secret.NAME }}" in place of secrets.
func shown(input any) any { return shownValue(reflect.ValueOf(input)) }

var (
	sealedType        = reflect.TypeFor[everhook.Sealed]()
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

func shownValue(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	switch t := v.Type(); {
	case t == sealedType:
		return v.Interface().(everhook.Sealed).Display()
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return shownValue(v.Elem())
	case t.Implements(jsonMarshalerType) || t.Implements(textMarshalerType):
	case t.Kind() == reflect.Struct:
		return shownFields(v)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = shownValue(v.Index(i))
		}
		return list
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		mapping := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			mapping[key.String()] = shownValue(v.MapIndex(key))
		}
		return mapping
	}
	plain, err := everhook.Canonical(v.Interface())
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return plain
}

// shownFields converts a struct to a mapping, as encoding/json does.
func shownFields(v reflect.Value) map[string]any {
	mapping := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			maps.Copy(mapping, shownFields(v.Field(i)))
		case !field.IsExported() || name == "-" || options != "" && v.Field(i).IsZero():
		case name == "":
			mapping[field.Name] = shownValue(v.Field(i))
		default:
			mapping[name] = shownValue(v.Field(i))
		}
	}
	return mapping
}
