// Package strict fills config structs from canonical values and reports every problem at once: unknown fields, wrong
// types, missing fields and words outside an enumeration. Each problem has its position and, if there is one, the name
// that was probably meant.
package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
)

// Decoder is a type that reads its own canonical value, for example a field that may be an expression. Decode gets a
// present null as nil. Its error is a message for the author of the value.
type Decoder interface {
	Decode(v any) error
}

// Report is called with each problem: the JSON pointer (RFC 6901) of the value, what is wrong, and what to do; the fix
// may be empty.
type Report func(pointer, message, fix string)

// Decode fills target, a pointer, from the canonical value v that stands at pointer, and reports every problem. What
// has a problem keeps its zero value, so target is to be used only if nothing was reported.
//
// Fields are named by their json tags as in encoding/json, but case counts, and embedded structs without a tag are part
// of the outer one. More tags refine them:
//
//	required:"true"   the field must be present
//	enum:"a,b"        text, or every text of a list, must be one of these
//	single:"true"     one value may stand in place of a list of one
//
// A null is as good as leaving the field out, except where nil is a value: in any, everhook.Value and Decoder. Types
// may read themselves as Decoder or encoding.TextUnmarshaler; the latter get text, and numbers as their decimal text.
// Numbers must fit the type's range. Lists, mappings and values of type any are shared with v, never copied. Decode
// panics when target has a type that no value could fill.
func Decode(v any, target any, pointer string, report func(pointer, message, fix string)) {
	decoder{report}.value(v, reflect.ValueOf(target).Elem(), pointer, "")
}

// DecodePart is as Decode, for a target that is a struct of which any field may be missing.
func DecodePart(v any, target any, pointer string, report func(pointer, message, fix string)) {
	decoder{report}.fields(v, reflect.ValueOf(target).Elem(), pointer, true)
}

// Pointer appends tokens to a JSON pointer (RFC 6901).
func Pointer(base string, tokens ...string) string {
	for _, token := range tokens {
		base += "/" + pointerEscape.Replace(token)
	}
	return base
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

type decoder struct{ report Report }

// value fills one target. The tag is the tag of the target's field.
func (d decoder) value(v any, target reflect.Value, pointer string, tag reflect.StructTag) {
	if d.byItself(v, target, pointer) {
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(target.Type().Elem())
		d.value(v, fresh.Elem(), pointer, tag)
		target.Set(fresh)
	case reflect.Struct:
		d.fields(v, target, pointer, false)
	case reflect.Map:
		d.mapping(v, target, pointer, tag)
	case reflect.Slice:
		d.list(v, target, pointer, tag)
	case reflect.String:
		d.text(v, target, pointer, tag)
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			target.SetBool(b)
		} else {
			d.mismatch(v, pointer, "true or false", "write true or false, without quotes")
		}
	default:
		d.number(v, target, pointer)
	}
}

// byItself fills targets that accept any value, and targets that decode themselves.
func (d decoder) byItself(v any, target reflect.Value, pointer string) bool {
	var err error
	switch self := target.Addr().Interface().(type) {
	case Decoder:
		err = self.Decode(v)
	case *everhook.Value:
		self.V = v
	case *any:
		*self = v
	case encoding.TextUnmarshaler:
		switch v := v.(type) {
		case string:
			err = self.UnmarshalText([]byte(v))
		case int, float64:
			err = self.UnmarshalText(fmt.Append(nil, v))
		default:
			d.mismatch(v, pointer, "text", "")
		}
	default:
		return false
	}
	if err != nil {
		d.report(pointer, err.Error(), "")
	}
	return true
}

// fields fills a struct. Partial is set if required fields may be missing.
func (d decoder) fields(v any, target reflect.Value, pointer string, partial bool) {
	mapping, ok := v.(map[string]any)
	if !ok {
		d.mismatch(v, pointer, "a mapping", "")
		return
	}
	fields := fieldsOf(target.Type(), nil)
	known := make([]string, len(fields))
	for i, field := range fields {
		known[i] = field.name
		item, present := mapping[field.name]
		switch {
		case present && (item != nil || takesNil(field.Type)):
			d.value(item, target.FieldByIndex(field.Index), Pointer(pointer, field.name), field.Tag)
		case field.Tag.Get("required") == "true" && !partial:
			d.report(Pointer(pointer, field.name), fmt.Sprintf("%q is missing", field.name),
				fmt.Sprintf("add `%s:`", field.name))
		}
	}
	d.unknown(mapping, known, pointer)
}

func (d decoder) unknown(mapping map[string]any, known []string, pointer string) {
	isKnown := make(map[string]bool, len(known))
	for _, name := range known {
		isKnown[name] = true
	}
	for _, name := range everhook.SortedKeys(mapping) {
		if !isKnown[name] {
			d.report(Pointer(pointer, name), fmt.Sprintf("unknown field %q", everhook.Shorten(name, 60)),
				Suggest(name, known))
		}
	}
}

func (d decoder) mapping(v any, target reflect.Value, pointer string, tag reflect.StructTag) {
	mapping, ok := v.(map[string]any)
	if !ok {
		d.mismatch(v, pointer, "a mapping", "")
		return
	}
	if target.Type().Elem() == anyType {
		target.Set(reflect.ValueOf(mapping).Convert(target.Type()))
		return
	}
	filled := reflect.MakeMapWithSize(target.Type(), len(mapping))
	for _, key := range everhook.SortedKeys(mapping) {
		item := reflect.New(target.Type().Elem()).Elem()
		d.value(mapping[key], item, Pointer(pointer, key), elementTag(tag))
		filled.SetMapIndex(reflect.ValueOf(key).Convert(target.Type().Key()), item)
	}
	target.Set(filled)
}

func (d decoder) list(v any, target reflect.Value, pointer string, tag reflect.StructTag) {
	list, ok := v.([]any)
	switch {
	case !ok && tag.Get("single") == "true":
		filled := reflect.MakeSlice(target.Type(), 1, 1)
		d.value(v, filled.Index(0), pointer, elementTag(tag))
		target.Set(filled)
		return
	case !ok:
		d.mismatch(v, pointer, "a list", "write each element on a line of its own after `- `, or all of them in [ ]")
		return
	case target.Type().Elem() == anyType:
		target.Set(reflect.ValueOf(list).Convert(target.Type()))
		return
	}
	filled := reflect.MakeSlice(target.Type(), len(list), len(list))
	for i, item := range list {
		d.value(item, filled.Index(i), Pointer(pointer, strconv.Itoa(i)), elementTag(tag))
	}
	target.Set(filled)
}

func (d decoder) text(v any, target reflect.Value, pointer string, tag reflect.StructTag) {
	text, ok := v.(string)
	if !ok {
		fix := ""
		switch v.(type) {
		case bool, int, float64:
			fix = fmt.Sprintf("put it in quotes: '%v'", v)
		}
		d.mismatch(v, pointer, "text", fix)
		return
	}
	if enum := tag.Get("enum"); enum != "" {
		words := strings.Split(enum, ",")
		if !slices.Contains(words, text) {
			d.report(pointer, fmt.Sprintf("%q is none of %s", everhook.Shorten(text, 60), strings.Join(words, ", ")),
				didYouMean(text, words))
			return
		}
	}
	target.SetString(text)
}

func (d decoder) mismatch(v any, pointer, needed, fix string) {
	d.report(pointer, fmt.Sprintf("%s where %s is needed", everhook.TypeName(v), needed), fix)
}
