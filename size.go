package everhook

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Size is a number of bytes. Flow files and flags write it as "512KiB", "1MiB", "10MB", or as a plain number of bytes.
type Size int64

var (
	sizeExp   = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*(B|KB|KiB|MB|MiB|GB|GiB)?$`)
	sizeUnits = map[string]float64{"": 1, "B": 1, "KB": 1e3, "KiB": 1 << 10, "MB": 1e6, "MiB": 1 << 20, "GB": 1e9,
		"GiB": 1 << 30}
)

// ParseSize reads a Size.
func ParseSize(text string) (Size, error) {
	match := sizeExp.FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return 0, fmt.Errorf("%q is not a size; write for example 512KiB or 1MiB", Shorten(text, 40))
	}
	n, err := strconv.ParseFloat(match[1], 64)
	if err != nil || n*sizeUnits[match[2]] > math.MaxInt64/2 {
		return 0, fmt.Errorf("%s is too large a size", Shorten(text, 40))
	}
	return Size(n * sizeUnits[match[2]]), nil
}

// String uses the largest unit that divides the size: "1MiB", "1500B".
func (s Size) String() string {
	for _, unit := range []string{"GiB", "MiB", "KiB"} {
		if each := Size(sizeUnits[unit]); s >= each && s%each == 0 {
			return strconv.FormatInt(int64(s/each), 10) + unit
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSize.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}

// EncodedSize is the approximate size of a canonical value as JSON, in bytes. It stops counting above the limit, so
// measuring a large value often is cheap.
func EncodedSize(v any, limit int) int {
	switch v := v.(type) {
	case string:
		return len(v) + 2
	case int, float64:
		return 8
	case []any:
		size := 2
		for _, item := range v {
			if size += 1 + EncodedSize(item, limit-size); size > limit {
				return size
			}
		}
		return size
	case map[string]any:
		size := 2
		for key, item := range v {
			if size += len(key) + 4 + EncodedSize(item, limit-size); size > limit {
				return size
			}
		}
		return size
	default:
		return 5
	}
}

// Shorten cuts a text to at most limit bytes, between two characters, and adds "…".
func Shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
