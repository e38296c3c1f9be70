package strict

import (
	"reflect"
	"slices"
	"strings"

	"github.com/everhook/everhook"
)

var (
	anyType     = reflect.TypeFor[any]()
	valueType   = reflect.TypeFor[everhook.Value]()
	decoderType = reflect.TypeFor[Decoder]()
)

// takesNil reports whether the type distinguishes nil from a missing field.
func takesNil(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t == anyType || t == valueType || reflect.PointerTo(t).Implements(decoderType)
}

type field struct {
	reflect.StructField
	name string
}

// fieldsOf lists the fields of a struct in order, with the fields of embedded structs at their position. Index is the
// path from the outermost struct.
func fieldsOf(t reflect.Type, outer []int) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = slices.Concat(outer, f.Index)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			fields = append(fields, fieldsOf(f.Type, f.Index)...)
		case !f.IsExported() || name == "-":
		case name == "":
			fields = append(fields, field{f, f.Name})
		default:
			fields = append(fields, field{f, name})
		}
	}
	return fields
}

// elementTag returns the part of a field's tag that applies to the elements of its list or mapping.
func elementTag(tag reflect.StructTag) reflect.StructTag {
	if enum, ok := tag.Lookup("enum"); ok {
		return reflect.StructTag(`enum:"` + enum + `"`)
	}
	return ""
}
