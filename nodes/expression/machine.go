package expression

import (
	"sync"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/everhook/everhook"
)

// Budget of one evaluation; all expressions of a Template share one. A unit is work of about ten nanoseconds: an
// operation, a visited element, sixteen bytes of text that are read. Breaches are errors of everhook.TypeLimit.
const (
	MaxUnits = 1_000_000
	MaxBytes = 8 << 20
)

// Sizes of data, in bytes of the budget.
const (
	elementWeight = 24
	entryWeight   = 64
)

// code is a translated piece of an expression.
type code func(m *machine) (any, error)

// machine is the state of one evaluation.
type machine struct {
	scope *Scope
	// slots hold the values of let and of #, #index and #acc; each has its own slot.
	slots []any
	// stack holds the arguments of the calls that are being prepared.
	stack []any

	units, bytes       int
	maxUnits, maxBytes int
	// built is set once a list or mapping was made: it may contain times, or one value many times.
	built bool
}

var machines = sync.Pool{New: func() any { return new(machine) }}

func start(scope *Scope) *machine {
	m := machines.Get().(*machine)
	m.scope, m.units, m.bytes, m.built = scope, 0, 0, false
	m.maxUnits, m.maxBytes = MaxUnits, MaxBytes
	return m
}

// maxKept bounds the memory of a machine that is kept for reuse.
const maxKept = 1024

// stop releases the machine for reuse, without the data.
func (m *machine) stop() {
	m.scope.Spent += m.units
	m.scope = nil
	if len(m.slots) > maxKept || cap(m.stack) > maxKept {
		return
	}
	clear(m.slots)
	clear(m.stack[:cap(m.stack)])
	m.stack = m.stack[:0]
	machines.Put(m)
}

// run evaluates a program to a canonical value.
func (m *machine) run(p *Program) (any, error) {
	if len(m.slots) < p.slots {
		m.slots = make([]any, p.slots)
	}
	m.stack = m.stack[:0]
	v, err := p.code(m)
	if err == nil {
		v, err = m.canonical(v)
	}
	if err == nil && m.units > m.maxUnits {
		err = m.spend(0)
	}
	if err != nil {
		return nil, expressionError(err)
	}
	return v, nil
}

// spend charges units of work. Call it before work on data of any size.
func (m *machine) spend(units int) error {
	if m.units += units; m.units > m.maxUnits || units < 0 {
		m.units = m.maxUnits + 1
		return everhook.Errorf(everhook.TypeLimit, "evaluating takes more than %d units of work; work on less data, "+
			"or spread it over several nodes", m.maxUnits)
	}
	return nil
}

// read charges reading text.
func (m *machine) read(bytes int) error { return m.spend(1 + bytes/16) }

// produce charges data before it is made.
func (m *machine) produce(bytes int) error {
	if bytes < 0 || bytes > m.maxBytes-m.bytes {
		m.bytes = m.maxBytes
		return everhook.Errorf(everhook.TypeLimit, "evaluating makes more than %s of data; work on less data",
			everhook.Size(m.maxBytes))
	}
	m.bytes += bytes
	return m.spend(1 + bytes/64)
}

// list charges and allocates a list of that many elements.
func (m *machine) list(length int) ([]any, error) {
	if length > MaxBytes {
		length = MaxBytes
	}
	if err := m.produce(length * elementWeight); err != nil {
		return nil, err
	}
	m.built = true
	return make([]any, 0, length), nil
}

// mapping charges and allocates a mapping of that many entries. The caller charges new keys.
func (m *machine) mapping(length int) (map[string]any, error) {
	if err := m.produce(length * entryWeight); err != nil {
		return nil, err
	}
	m.built = true
	return make(map[string]any, length), nil
}

// canonical returns the value as the result of the expression: times, durations and decimals become text. It walks new
// lists and mappings in full, because a list that contains another one many times is small in memory but huge when it
// is encoded.
func (m *machine) canonical(v any) (any, error) {
	switch v := v.(type) {
	case []any, map[string]any:
		if !m.built {
			return v, nil
		}
	case time.Time, time.Duration, *time.Location, *apd.Decimal:
	default:
		return v, nil
	}
	w := walker{m: m}
	walked, _, err := w.walk(v, 0)
	return walked, err
}
