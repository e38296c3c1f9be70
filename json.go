package everhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
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

// CheckUTF8 tells where data is not UTF-8, as a *SyntaxError.
func CheckUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	return syntaxError(data, invalidUTF8(data), "invalid UTF-8")
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
