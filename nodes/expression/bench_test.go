package expression

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkCondition(b *testing.B) {
	p, err := Compile(`trigger.body.order.status == "paid"`, testEnvironment())
	require.NoError(b, err)
	scope := testScope(b)
	b.ReportAllocs()
	for b.Loop() {
		if v, err := p.Eval(scope); v != true || err != nil {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkTemplateMapping(b *testing.B) {
	f := field(b, &Template[any]{}, map[string]any{"id": "{{ trigger.body.order.id }}",
		"text": "Order {{ trigger.body.order.id }} is {{ trigger.body.order.status }}", "literal": true})
	scope := testScope(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Eval(scope); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPredicate(b *testing.B) {
	p, err := Compile(`sum(filter(trigger.body.order.items, .price > 3), .price)`, testEnvironment())
	require.NoError(b, err)
	scope := testScope(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Eval(scope); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnits measures the time of a full budget.
func BenchmarkUnits(b *testing.B) {
	for name, source := range map[string]string{
		"predicates": `count(1..1000, count(1..1000, # % 2 == 0) > 0)`,
		"text":       `let s = repeat("ä", 100000); count(1..10000, s contains "b")`,
		"regex":      `repeat("a", 1000000) matches "^(a|b|ab)*c$"`,
		"mappings":   `count(1..100000, ({a: 1, b: #} == {a: 1, b: 0}))`,
	} {
		b.Run(name, func(b *testing.B) {
			p, err := Compile(source, testEnvironment())
			require.NoError(b, err)
			scope := testScope(b)
			for b.Loop() {
				_, _ = p.Eval(scope)
			}
			b.ReportMetric(float64(scope.Spent)/float64(b.N), "units/op")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	env := testEnvironment()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(`trigger.body.order.status == "paid" and any(trigger.body.order.items, .price > 3)`,
			env); err != nil {
			b.Fatal(err)
		}
	}
}
