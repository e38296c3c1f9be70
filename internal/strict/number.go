package strict

import (
	"fmt"
	"math"
	"reflect"

	"github.com/everhook/everhook"
)

func (d decoder) number(v any, target reflect.Value, pointer string) {
	whole := target.CanInt() || target.CanUint()
	if !whole && !target.CanFloat() {
		panic(fmt.Sprintf("strict: no value fills a %s", target.Type()))
	}
	switch n := v.(type) {
	case int:
		d.integer(n, target, pointer)
	case float64:
		if whole {
			d.report(pointer, fmt.Sprintf("%v where a whole number is needed", n), "")
		} else {
			target.SetFloat(n)
		}
	case string:
		fix := ""
		if _, err := everhook.ParseNumber(n); err == nil {
			fix = "remove the quotes"
		}
		d.mismatch(v, pointer, "a number", fix)
	default:
		d.mismatch(v, pointer, "a number", "")
	}
}

func (d decoder) integer(n int, target reflect.Value, pointer string) {
	bits := target.Type().Bits()
	switch {
	case target.CanFloat():
		target.SetFloat(float64(n))
	case target.CanInt() && !target.OverflowInt(int64(n)):
		target.SetInt(int64(n))
	case target.CanInt():
		d.report(pointer, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("write %d to %d", math.MinInt64>>(64-bits),
			math.MaxInt64>>(64-bits)))
	case n >= 0 && !target.OverflowUint(uint64(n)):
		target.SetUint(uint64(n))
	default:
		d.report(pointer, fmt.Sprintf("%d is out of range", n),
			fmt.Sprintf("write 0 to %d", min(math.MaxInt64, uint64(math.MaxUint64)>>(64-bits))))
	}
}
