package calendar

import (
	"fmt"
	"math"

	"github.com/everhook/everhook"
)

// Rounding is what becomes of a fraction.
type Rounding string

// round gives a canonical number.
func (r Rounding) Round(n float64) (any, error) {
	switch r {
	case "nearest":
		n = math.Round(n)
	case "floor":
		n = math.Floor(n)
	case "ceil":
		n = math.Ceil(n)
	case "truncate":
		n = math.Trunc(n)
	}
	v, err := everhook.CanonicalFloat(n)
	if err != nil {
		return nil, fmt.Errorf("the result is out of range")
	}
	return v, nil
}
