package everhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseJSON reads one JSON text into a canonical value. It refuses what RFC 8259 leaves open: duplicate keys, nesting
// over MaxDepth, integers beyond 64 bits, numbers beyond float64, invalid UTF-8, lone surrogates, trailing data. Every
// error is a *SyntaxError.
func ParseJSON(data []byte) (any, error) { return parseJSON(data, MaxDepth) }

// DefaultMaxValues bounds the values of a delivery, and of the answer to a request, unless an operator sets it.
const DefaultMaxValues = 100_000

// ParseJSONWithin is ParseJSON for texts of strangers: more than maxValues values, counted as CountValues counts them,
// are a *ValuesError. It stops at the first value over the limit.
func ParseJSONWithin(data []byte, maxValues int) (any, error) {
	return JSONOptions{MaxValues: maxValues}.Parse(data)
}

// JSONOptions say how JSON of strangers is read.
type JSONOptions struct {
	// MaxValues bounds the values, counted as CountValues counts them.
	MaxValues int
	// BigIntegers reads an integer beyond 64 bits as the text of its digits. Without it, such an integer is an error.
	BigIntegers bool
}

// Parse reads one JSON text as ParseJSONWithin does.
func (o JSONOptions) Parse(data []byte) (any, error) {
	r := jsonReader{data: data, maxDepth: MaxDepth, values: o.MaxValues, maxValues: o.MaxValues,
		bigIntegers: o.BigIntegers}
	return r.read()
}

// ParseJSONLines reads JSON texts on one line each (NDJSON) as a list, with the rules and the limit of ParseJSONWithin
// for all of them together. Lines of white space are passed over.
func ParseJSONLines(data []byte, maxValues int) ([]any, error) {
	return JSONOptions{MaxValues: maxValues}.ParseLines(data)
}

// ParseLines reads JSON texts on one line each as ParseJSONLines does.
func (o JSONOptions) ParseLines(data []byte) ([]any, error) {
	list := []any{}
	r := jsonReader{maxDepth: MaxDepth - 1, values: o.MaxValues - 1, maxValues: o.MaxValues,
		bigIntegers: o.BigIntegers}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		text = bytes.TrimSuffix(text, []byte{'\n'})
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		r.data, r.at = text, 0
		v, err := r.read()
		if syntax, ok := errors.AsType[*SyntaxError](err); ok {
			syntax.Line = line
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// ValuesError says that a document has more values than its reader takes. A small text can hold very many: each takes
// more memory than its text.
type ValuesError struct{ Max int }

func (e *ValuesError) Error() string { return fmt.Sprintf("more than %d values", e.Max) }

// CountValues counts a value and, in lists and mappings, every value in it.
func CountValues(v any) int {
	count := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			count += CountValues(item)
		}
	case map[string]any:
		for _, item := range v {
			count += CountValues(item)
		}
	}
	return count
}

func parseJSON(data []byte, maxDepth int) (any, error) {
	r := jsonReader{data: data, maxDepth: maxDepth, values: math.MaxInt}
	return r.read()
}

// jsonReader reads a JSON text in one pass. On an error it stops, and the error's position is found afterwards.
type jsonReader struct {
	data []byte
	// at is the offset of the next byte.
	at       int
	maxDepth int
	// values is how many values may still follow.
	values, maxValues int
	bigIntegers       bool
	// scratch holds a text with escapes while it is read.
	scratch []byte
}

// errSyntax says that the text is not JSON. It is replaced by the *SyntaxError that encoding/json gives.
var errSyntax = errors.New("not JSON")

func (r *jsonReader) read() (any, error) {
	v, err := r.value(0)
	if err == nil {
		if r.space(); r.at < len(r.data) {
			err = r.fail(r.at, "more data after the JSON value")
		}
	}
	if errors.Is(err, errSyntax) {
		err = r.explain()
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// explain finds the words for a text that is not JSON. Invalid UTF-8 before the mistake counts first.
func (r *jsonReader) explain() error {
	if err := CheckUTF8(r.data); err != nil {
		return err
	}
	var whole json.RawMessage
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(r.data, &whole)); ok {
		if int(syntax.Offset) >= len(r.data) && syntax.Error() == "unexpected end of JSON input" {
			return r.fail(len(r.data), syntax.Error())
		}
		return r.fail(int(syntax.Offset)-1, syntax.Error())
	}
	return r.fail(r.at, "this is not JSON")
}

func (r *jsonReader) fail(offset int, reason string) error {
	return syntaxError(r.data, offset, reason)
}

// space skips white space.
func (r *jsonReader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// next skips white space and gives the next byte without reading it; 0 at the end.
func (r *jsonReader) next() byte {
	r.space()
	if r.at == len(r.data) {
		return 0
	}
	return r.data[r.at]
}

func (r *jsonReader) value(depth int) (any, error) {
	if r.values--; r.values < 0 {
		return nil, &ValuesError{Max: r.maxValues}
	}
	switch c := r.next(); c {
	case '{', '[':
		if r.at++; depth >= r.maxDepth {
			return nil, r.fail(r.at-1, fmt.Sprintf("nested deeper than %d", r.maxDepth))
		}
		if c == '[' {
			return r.list(depth)
		}
		return r.mapping(depth)
	case '"':
		return r.text()
	case 't':
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
	case 'n':
		return nil, r.literal("null")
	default:
		return r.number()
	}
}

func (r *jsonReader) literal(word string) error {
	if len(r.data)-r.at < len(word) || string(r.data[r.at:r.at+len(word)]) != word {
		return errSyntax
	}
	r.at += len(word)
	return nil
}

func (r *jsonReader) list(depth int) (any, error) {
	list := []any{}
	if r.next() == ']' {
		r.at++
		return list, nil
	}
	for {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
		switch r.next() {
		case ',':
			r.at++
		case ']':
			r.at++
			return list, nil
		default:
			return nil, errSyntax
		}
	}
}

func (r *jsonReader) mapping(depth int) (any, error) {
	mapping := map[string]any{}
	if r.next() == '}' {
		r.at++
		return mapping, nil
	}
	for {
		if r.next() != '"' {
			return nil, errSyntax
		}
		key, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, duplicate := mapping[key]; duplicate {
			return nil, r.fail(r.at-1, fmt.Sprintf("the key %q stands twice in one object", Shorten(key, 60)))
		}
		if r.next() != ':' {
			return nil, errSyntax
		}
		r.at++
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		mapping[key] = item
		switch r.next() {
		case ',':
			r.at++
		case '}':
			r.at++
			return mapping, nil
		default:
			return nil, errSyntax
		}
	}
}

// number reads a number in JSON's syntax.
func (r *jsonReader) number() (any, error) {
	begin, data := r.at, r.data
	i, integer := r.at, true
	digits := func() bool {
		first := i
		for i < len(data) && '0' <= data[i] && data[i] <= '9' {
			i++
		}
		return i > first
	}
	if i < len(data) && data[i] == '-' {
		i++
	}
	if i < len(data) && data[i] == '0' {
		i++
	} else if !digits() {
		return nil, errSyntax
	}
	if i < len(data) && data[i] == '.' {
		if i++; !digits() {
			return nil, errSyntax
		}
		integer = false
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if !digits() {
			return nil, errSyntax
		}
		integer = false
	}
	r.at = i
	if integer && i-begin <= 18 {
		return smallInteger(data[begin:i]), nil
	}
	n, err := ParseNumber(string(data[begin:i]))
	if err != nil && integer && r.bigIntegers {
		return string(data[begin:i]), nil
	}
	if err != nil {
		return nil, r.fail(i-1, err.Error())
	}
	return n, nil
}

// smallInteger reads at most 17 digits and a sign, which fit in 64 bits.
func smallInteger(text []byte) int {
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	n := 0
	for _, digit := range text {
		n = n*10 + int(digit-'0')
	}
	if negative {
		return -n
	}
	return n
}

// text reads the text whose quotation mark is next.
func (r *jsonReader) text() (string, error) {
	r.at++
	begin, ascii := r.at, true
	for i := begin; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			r.at = i + 1
			return r.checked(r.data[begin:i], begin, ascii)
		case c == '\\':
			return r.escapedText(begin, i)
		case c < ' ':
			return "", errSyntax
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", errSyntax
}

// checked gives a text that begins at an offset, if it is UTF-8.
func (r *jsonReader) checked(text []byte, begin int, ascii bool) (string, error) {
	if !ascii && !utf8.Valid(text) {
		return "", r.fail(begin+invalidUTF8(text), "invalid UTF-8")
	}
	return string(text), nil
}

// escapedText reads on at the first escape of a text.
func (r *jsonReader) escapedText(begin, i int) (string, error) {
	text := append(r.scratch[:0], r.data[begin:i]...)
	defer func() { r.scratch = text }()
	for plain := i; i < len(r.data); {
		switch c := r.data[i]; {
		case c == '"':
			text = append(text, r.data[plain:i]...)
			r.at = i + 1
			// Escapes are valid by themselves, so that a text is UTF-8 if its bytes are.
			return string(text), r.checkUTF8(begin, i)
		case c < ' ':
			return "", errSyntax
		case c != '\\':
			i++
			continue
		}
		text = append(text, r.data[plain:i]...)
		decoded, size, err := r.escape(i)
		if err != nil {
			return "", err
		}
		text = utf8.AppendRune(text, decoded)
		i += size
		plain = i
	}
	return "", errSyntax
}

func (r *jsonReader) checkUTF8(begin, end int) error {
	if raw := r.data[begin:end]; !utf8.Valid(raw) {
		return r.fail(begin+invalidUTF8(raw), "invalid UTF-8")
	}
	return nil
}

// escape decodes the escape at an offset, and gives its length.
func (r *jsonReader) escape(i int) (decoded rune, size int, err error) {
	if i+1 >= len(r.data) {
		return 0, 0, errSyntax
	}
	switch c := r.data[i+1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	}
	first, ok := escapedUnit(r.data[i:])
	if !ok {
		return 0, 0, errSyntax
	}
	if !utf16.IsSurrogate(first) {
		return first, 6, nil
	}
	second, ok := escapedUnit(r.data[i+6:])
	if decoded = utf16.DecodeRune(first, second); !ok || decoded == utf8.RuneError {
		return 0, 0, r.fail(i, fmt.Sprintf("the escape %s is half of a surrogate pair, and the other half is missing",
			r.data[i:i+6]))
	}
	return decoded, 12, nil
}

// escapedUnit reads the \uXXXX that data starts with.
func escapedUnit(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(unit), err == nil
}
