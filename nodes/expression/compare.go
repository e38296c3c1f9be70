package expression

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

func equals(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return x == y, nil
		}
	}
	if ka, kb := kindOf(a), kindOf(b); ka != kb {
		for _, pair := range [][2]kind{{ka, kb}, {kb, ka}} {
			if read := readers[pair[0]]; pair[1] == kindText && read != "" {
				return nil, fmt.Errorf("%s is %s and %s is %s, which are never equal; read the text with `%s(…)`",
					quoted(n.Left), ka, quoted(n.Right), kb, read)
			}
		}
	}
	return anyBool(m.equal(a, b, 0))
}

// readers are the functions that make values of a kind from text.
var readers = map[kind]string{kindTime: "date", kindDuration: "duration", kindDecimal: "decimal"}

func differs(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	same, err := equals(m, n, a, b)
	return same != true, err
}

// equal compares contents: numbers by value, times by instant.
func (m *machine) equal(a, b any, depth int) (bool, error) {
	switch x := a.(type) {
	case nil:
		return b == nil, nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y, nil
	case int, float64, *apd.Decimal:
		order, ok := compare(a, b)
		return ok && order == 0, nil
	case string:
		y, ok := b.(string)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return x == y, m.read(len(x))
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y), nil
	case time.Duration:
		y, ok := b.(time.Duration)
		return ok && x == y, nil
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return m.equalLists(x, y, depth)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return m.equalMappings(x, y, depth)
	default:
		return false, fmt.Errorf("%s cannot be compared", typeName(a))
	}
}

func (m *machine) equalLists(a, b []any, depth int) (bool, error) {
	if err := m.descend(depth, len(a)); err != nil {
		return false, err
	}
	for i := range a {
		if same, err := m.equal(a[i], b[i], depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equalMappings visits the keys in order: the units that are spent until a difference is found must be the same on
// every replay.
func (m *machine) equalMappings(a, b map[string]any, depth int) (bool, error) {
	if err := m.descend(depth, 4+4*len(a)); err != nil {
		return false, err
	}
	for _, key := range everhook.SortedKeys(a) {
		other, ok := b[key]
		if !ok {
			return false, nil
		}
		if same, err := m.equal(a[key], other, depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) descend(depth, units int) error {
	if depth >= everhook.MaxDepth {
		return everhook.Errorf(everhook.TypeLimit, "a value is nested deeper than %d", everhook.MaxDepth)
	}
	return m.spend(1 + units)
}

// compareNumbers orders by value. A canonical float64 is either no whole number, and then small enough for the
// conversion of an int next to it to be exact, or beyond every int.
func compareNumbers(a, b any) int {
	x, isInt := a.(int)
	y, otherInt := b.(int)
	if isInt && otherInt {
		return cmp.Compare(x, y)
	}
	f, _ := float(a)
	g, _ := float(b)
	switch {
	case isInt && g >= 1<<63:
		return -1
	case otherInt && f >= 1<<63:
		return 1
	default:
		return cmp.Compare(f, g)
	}
}

// compare orders two values of one orderable type: numbers and decimals, texts (by code points), times or durations. It
// gives false for all others.
func compare(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case int:
		if y, ok := b.(int); ok {
			return cmp.Compare(x, y), true
		}
		if _, ok := b.(float64); ok {
			return compareNumbers(a, b), true
		}
	case float64:
		if _, ok := float(b); ok {
			return compareNumbers(a, b), true
		}
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return cmp.Compare(x, y), true
		}
	}
	if x, y, ok := decimals(a, b); ok {
		return x.Cmp(y), true
	}
	return 0, false
}

func ordered(holds func(order int) bool) func(*machine, *ast.BinaryNode, any, any) (any, error) {
	return func(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
		if err := m.spend(min(weightOf(a), weightOf(b))); err != nil {
			return nil, err
		}
		order, ok := compare(a, b)
		if !ok {
			return nil, mismatched(n, a, b, "two numbers, two texts, two times or two durations; `date(…)` and "+
				"`duration(…)` read text")
		}
		return holds(order), nil
	}
}

func in(m *machine, n *ast.BinaryNode, a, b any) (any, error) {
	switch b := b.(type) {
	case []any:
		for _, item := range b {
			if err := m.spend(1); err != nil {
				return nil, err
			}
			if same, err := m.equal(a, item, 0); same || err != nil {
				return same, err
			}
		}
		return false, nil
	case map[string]any:
		key, ok := a.(string)
		if !ok {
			return nil, fmt.Errorf("%s is %s; the keys of a mapping are text", quoted(n.Left), typeName(a))
		}
		_, found := b[key]
		return found, nil
	case nil:
		return nil, fmt.Errorf("%s is nil; use `?? []`", quoted(n.Right))
	case string:
		return nil, fmt.Errorf("%s is text; use `contains`", quoted(n.Right))
	default:
		return nil, fmt.Errorf("%s is %s where a list or mapping is needed", quoted(n.Right), typeName(b))
	}
}
