package jmespath

import (
	"cmp"
	"math"
	"math/bits"
)

// Numbers are an int or a float64. An int stays one as long as its 64 bits hold the result.

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64:
		return true
	default:
		return false
	}
}

func float(v any) float64 {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v.(float64)
}

// compare orders two numbers or two texts.
func compare(a, b any) int {
	if a, ok := a.(string); ok {
		return cmp.Compare(a, b.(string))
	}
	if a, ok := a.(int); ok {
		if b, ok := b.(int); ok {
			return cmp.Compare(a, b)
		}
	}
	return cmp.Compare(float(a), float(b))
}

func negative(v any) any {
	if n, ok := v.(int); ok && n != math.MinInt {
		return -n
	}
	return -float(v)
}

func add(a, b any) any {
	if a, ok := a.(int); ok {
		if b, ok := b.(int); ok {
			if sum := a + b; (sum > a) == (b > 0) {
				return sum
			}
		}
	}
	return float(a) + float(b)
}

func multiply(a, b any) any {
	if a, ok := a.(int); ok {
		if b, ok := b.(int); ok {
			high, low := bits.Mul64(magnitude(a), magnitude(b))
			if high == 0 && low <= math.MaxInt {
				return a * b
			}
		}
	}
	return float(a) * float(b)
}

func magnitude(n int) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// integer gives a number as an int, if it is a whole one.
func integer(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int(v), true
		}
	}
	return 0, false
}
