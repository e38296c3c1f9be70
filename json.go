package everhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// SyntaxError tells where JSON is not acceptable. Line and Column count from 1; a column counts bytes.
type SyntaxError struct {
	Line, Column int
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// ParseJSON reads one JSON text into a canonical value. It refuses what RFC 8259 leaves to the reader's luck: duplicate
// keys, nesting over MaxDepth, integers beyond 64 bits, numbers beyond float64, invalid UTF-8, lone surrogates, trailing
// data. Every error is a *SyntaxError.
func ParseJSON(data []byte) (any, error) { return parseJSON(data, MaxDepth) }

func parseJSON(data []byte, maxDepth int) (any, error) {
	if err := CheckUTF8(data); err != nil {
		return nil, err
	}
	if at := loneSurrogate(data); at >= 0 {
		return nil, syntaxError(data, at, fmt.Sprintf("the escape %s is half of a surrogate pair, and the other half "+
			"is missing", data[at:at+6]))
	}
	p := jsonParser{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), maxDepth: maxDepth}
	p.decoder.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if rest := bytes.TrimLeft(data[p.decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, syntaxError(data, len(data)-len(rest), "more data after the JSON value")
	}
	return v, nil
}

// CheckUTF8 tells where data is not UTF-8, as a *SyntaxError.
func CheckUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	return syntaxError(data, invalidUTF8(data), "invalid UTF-8")
}

// loneSurrogate finds the first escape of a surrogate that is not part of a pair, or -1. Readers replace it with U+FFFD,
// which can make two keys equal. A backslash exists only in strings, so the strings need not be found.
func loneSurrogate(data []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(data[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		first, ok := escapedUnit(data[at:])
		switch {
		case !ok:
			at += 2
		case !utf16.IsSurrogate(first):
			at += 6
		default:
			second, ok := escapedUnit(data[at+6:])
			if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
				return at
			}
			at += 12
		}
		if at >= len(data) {
			return -1
		}
	}
}

// escapedUnit reads the \uXXXX that data starts with.
func escapedUnit(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(unit), err == nil
}

type jsonParser struct {
	data     []byte
	decoder  *json.Decoder
	maxDepth int
}

func (p *jsonParser) value(depth int) (any, error) {
	token, err := p.token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if depth >= p.maxDepth {
			return nil, p.fail(fmt.Sprintf("nested deeper than %d", p.maxDepth))
		}
		if token == '[' {
			return p.list(depth)
		}
		return p.mapping(depth)
	case json.Number:
		n, err := ParseNumber(string(token))
		if err != nil {
			return nil, p.fail(err.Error())
		}
		return n, nil
	default:
		return token, nil
	}
}

func (p *jsonParser) list(depth int) (any, error) {
	list := []any{}
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := p.token()
	return list, err
}

func (p *jsonParser) mapping(depth int) (any, error) {
	mapping := map[string]any{}
	for p.decoder.More() {
		token, err := p.token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, p.fail("a key must be text")
		}
		if _, duplicate := mapping[key]; duplicate {
			return nil, p.fail(fmt.Sprintf("the key %q stands twice in one object", Shorten(key, 60)))
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		mapping[key] = item
	}
	_, err := p.token()
	return mapping, err
}

func (p *jsonParser) token() (json.Token, error) {
	token, err := p.decoder.Token()
	if err == nil {
		return token, nil
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, p.locate(err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, syntaxError(p.data, len(p.data), "unexpected end of JSON input")
	}
	return nil, p.fail(err.Error())
}

// locate reads the text once more as a whole: an error within a token has an offset that counts from somewhere else.
func (p *jsonParser) locate(err error) error {
	var whole json.RawMessage
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(p.data, &whole)); ok {
		return syntaxError(p.data, int(syntax.Offset)-1, syntax.Error())
	}
	return p.fail(err.Error())
}

// fail points just behind the token that was read last.
func (p *jsonParser) fail(reason string) error {
	return syntaxError(p.data, int(p.decoder.InputOffset())-1, reason)
}

func syntaxError(data []byte, offset int, reason string) *SyntaxError {
	offset = max(0, min(offset, len(data)))
	before := data[:offset]
	line := bytes.Count(before, []byte{'\n'}) + 1
	return &SyntaxError{Line: line, Column: offset - bytes.LastIndexByte(before, '\n'), Reason: reason}
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// EncodeJSON writes a value, or a struct that holds values, as compact JSON with sorted mapping keys, and "<", ">" and
// "&" as themselves. ParseJSON reads every canonical value back as it was.
func EncodeJSON(v any) ([]byte, error) {
	if hasHuge(v) {
		v = withExponents(v)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte{'\n'}), nil
}

// hasHuge reports whether a value holds a float64 beyond 64 bits: encoding/json writes those below 1e21 as integers,
// which ParseJSON refuses.
func hasHuge(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) >= 1<<63
	case []any:
		return slices.ContainsFunc(v, hasHuge)
	case map[string]any:
		for _, item := range v {
			if hasHuge(item) {
				return true
			}
		}
	}
	return false
}

// withExponents copies a value with every huge number written as "1e+19".
func withExponents(v any) any {
	switch v := v.(type) {
	case float64:
		if hasHuge(v) {
			return json.Number(strconv.FormatFloat(v, 'e', -1, 64))
		}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = withExponents(item)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(v))
		for key, item := range v {
			mapping[key] = withExponents(item)
		}
		return mapping
	}
	return v
}
