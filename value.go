package everhook

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// MaxDepth bounds how deep lists and mappings nest, in everything that enters: deliveries, results, flow files.
const MaxDepth = 100

// A value in a run is canonical: nil, bool, int, float64, string (valid UTF-8), []any or map[string]any of such values.
// A float64 that is integral and within 64 bits is an int; NaN and infinities do not exist; times are RFC 3339 text and
// durations ISO 8601 text. So a value is the same before and after a payload, in every child and on every replay.
// Canonical values are shared, and never changed once made.

// Canonical makes v canonical. It takes what Go code and decoders produce: any integer, float, string, bool,
// json.Number, time.Time, time.Duration, Duration, Value, json.RawMessage, encoding.TextMarshaler, and maps with text
// keys, slices, arrays, pointers and structs (as their JSON) of them. Integers beyond 64 bits, NaN, infinities, text
// that is not UTF-8 and nesting over MaxDepth are errors.
func Canonical(v any) (any, error) { return canonical(v, 0) }

func canonical(v any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch v := v.(type) {
	case nil, bool, int:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("text that is not valid UTF-8")
		}
		return v, nil
	case float64:
		return CanonicalFloat(v)
	case json.Number:
		return ParseNumber(string(v))
	case []any:
		return canonicalList(v, depth)
	case map[string]any:
		return canonicalMapping(v, depth)
	case Mapping:
		return canonicalMapping(v, depth)
	case Value:
		return canonical(v.V, depth)
	case *Value:
		if v == nil {
			return nil, nil
		}
		return canonical(v.V, depth)
	case time.Time:
		return FormatTime(v), nil
	case time.Duration:
		return Duration(v).String(), nil
	case Duration:
		return v.String(), nil
	case json.RawMessage:
		return ParseJSON(v)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err
	}
	return canonicalReflect(reflect.ValueOf(v), depth)
}

func canonicalList(list []any, depth int) (any, error) {
	out := make([]any, len(list))
	for i, item := range list {
		c, err := canonical(item, depth+1)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = c
	}
	return out, nil
}

func canonicalMapping(mapping map[string]any, depth int) (any, error) {
	out := make(map[string]any, len(mapping))
	for key, item := range mapping {
		if !utf8.ValidString(key) {
			return nil, fmt.Errorf("a key that is not valid UTF-8")
		}
		c, err := canonical(item, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = c
	}
	return out, nil
}

func canonicalReflect(v reflect.Value, depth int) (any, error) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return canonical(v.Elem().Interface(), depth)
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return canonical(v.String(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d does not fit in 64 bits", v.Uint())
		}
		return int(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return CanonicalFloat(v.Float())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil, nil
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		return canonicalList(list, depth)
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return nil, fmt.Errorf("a mapping with keys of type %s; keys are text", v.Type().Key())
		}
		if v.IsNil() {
			return nil, nil
		}
		mapping := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			mapping[key.String()] = v.MapIndex(key).Interface()
		}
		return canonicalMapping(mapping, depth)
	case reflect.Struct:
		data, err := json.Marshal(v.Interface())
		if err != nil {
			return nil, err
		}
		return ParseJSON(data)
	default:
		return nil, fmt.Errorf("a %s is not data", v.Type())
	}
}

// CanonicalFloat gives an int for an integral number within 64 bits and f itself otherwise; NaN and infinities are
// errors.
func CanonicalFloat(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a number that JSON has", f)
	}
	if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
		return int(f), nil
	}
	return f, nil
}

// NotIn64Bits is part of the error of an integer that is too large; see JSONOptions.
const NotIn64Bits = "does not fit in 64 bits"

// ParseNumber reads a JSON number. An integer literal beyond 64 bits and a number beyond float64 are errors: neither
// could be kept exactly.
func ParseNumber(text string) (any, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	integer := true
	for _, c := range text {
		if c == '.' || c == 'e' || c == 'E' {
			integer = false
		}
	}
	if integer {
		return nil, fmt.Errorf("the integer %s "+NotIn64Bits+"; send it as text", Shorten(text, 40))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s is out of range", Shorten(text, 40))
	}
	return CanonicalFloat(f)
}

// FormatTime is the text of a time as a value: RFC 3339 with as many digits of the second as it has. RFC 3339 has no
// seconds in an offset: times that have them (local mean time, before 1900) are written in UTC.
func FormatTime(t time.Time) string {
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC()
	}
	return t.Format(time.RFC3339Nano)
}

// Equal compares two canonical values; an int equals the float64 of the same number.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		list, ok := b.([]any)
		if !ok || len(a) != len(list) {
			return false
		}
		for i := range a {
			if !Equal(a[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		mapping, ok := b.(map[string]any)
		if !ok || len(a) != len(mapping) {
			return false
		}
		//workflowcheck:ignore only whether all entries are equal shows, in no order
		for key, item := range a {
			other, ok := mapping[key]
			if !ok || !Equal(item, other) {
				return false
			}
		}
		return true
	case int:
		if f, ok := b.(float64); ok {
			return sameNumber(a, f)
		}
	case float64:
		if n, ok := b.(int); ok {
			return sameNumber(n, a)
		}
	}
	return a == b
}

// sameNumber compares exactly: far from zero several integers share one float64.
func sameNumber(n int, f float64) bool {
	return f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) && int(f) == n
}

// TypeName is the word for a canonical value's type in messages.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	default:
		return fmt.Sprintf("a %T", v)
	}
}

// Value carries one canonical value as a field of what is encoded: it encodes as the value and decodes to a canonical
// one.
type Value struct{ V any }

// Of makes a *Value, for fields where no value and the value nil differ.
func Of(v any) *Value { return &Value{V: v} }

// MarshalJSON encodes as EncodeJSON does.
func (v Value) MarshalJSON() ([]byte, error) { return EncodeJSON(v.V) }

// UnmarshalJSON decodes as ParseJSON does.
func (v *Value) UnmarshalJSON(data []byte) (err error) {
	v.V, err = ParseJSON(data)
	return err
}

// Mapping is a mapping of canonical values that stays canonical through JSON.
type Mapping map[string]any

// UnmarshalJSON decodes as ParseJSON does and takes a mapping or null. Each value may have the full MaxDepth: a
// delivery's body is one of a mapping's values.
func (m *Mapping) UnmarshalJSON(data []byte) error {
	v, err := parseJSON(data, MaxDepth+1)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*m = nil
	case map[string]any:
		*m = v
	default:
		return fmt.Errorf("%s where a mapping is needed", TypeName(v))
	}
	return nil
}

// List is a list of canonical values that stays canonical through JSON.
type List []any

// UnmarshalJSON decodes as ParseJSON does and takes a list or null. Each value may have the full MaxDepth.
func (l *List) UnmarshalJSON(data []byte) error {
	v, err := parseJSON(data, MaxDepth+1)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*l = nil
	case []any:
		*l = v
	default:
		return fmt.Errorf("%s where a list is needed", TypeName(v))
	}
	return nil
}

// MarshalJSON encodes as EncodeJSON does.
func (l List) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("null"), nil
	}
	return EncodeJSON([]any(l))
}

// MarshalJSON encodes as EncodeJSON does.
func (m Mapping) MarshalJSON() ([]byte, error) {
	if m == nil {
		return []byte("null"), nil
	}
	return EncodeJSON(map[string]any(m))
}
