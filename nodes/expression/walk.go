package expression

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Walk visits the fields of a config, a pointer to a struct, in the order in which the struct declares them; fields in
// slices, mappings (by sorted keys), pointers and nested structs included. A pointer is a JSON pointer (RFC 6901) of
// the names in the json tags, "" for the config itself.
//
// Changes of a field in a mapping are written back to the mapping, so nothing else may use the config meanwhile.
func Walk(config any, visit func(pointer string, f Field)) {
	v := reflect.ValueOf(config)
	if v.Kind() != reflect.Pointer {
		panic(fmt.Sprintf("expression: Walk needs a pointer, not a %T", config))
	}
	walk(v.Elem(), "", visit)
}

func walk(v reflect.Value, pointer string, visit func(string, Field)) {
	if v.CanAddr() && v.Addr().CanInterface() {
		if field, ok := v.Addr().Interface().(Field); ok {
			visit(pointer, field)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), pointer, visit)
		}
	case reflect.Struct:
		walkStruct(v, pointer, visit)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), pointer+"/"+strconv.Itoa(i), visit)
		}
	case reflect.Map:
		walkMap(v, pointer, visit)
	}
}

func walkStruct(v reflect.Value, pointer string, visit func(string, Field)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !field.IsExported() && !field.Anonymous || name == "-":
		case field.Anonymous && name == "":
			walk(v.Field(i), pointer, visit)
		case name == "":
			walk(v.Field(i), strict.Pointer(pointer, field.Name), visit)
		default:
			walk(v.Field(i), strict.Pointer(pointer, name), visit)
		}
	}
}

// walkMap visits copies, because the elements of a Go map have no address.
func walkMap(v reflect.Value, pointer string, visit func(string, Field)) {
	if v.Type().Key().Kind() != reflect.String {
		return
	}
	keys := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		keys[key.String()] = key
	}
	for _, name := range everhook.SortedKeys(keys) {
		element := reflect.New(v.Type().Elem()).Elem()
		element.Set(v.MapIndex(keys[name]))
		walk(element, strict.Pointer(pointer, name), visit)
		v.SetMapIndex(keys[name], element)
	}
}
