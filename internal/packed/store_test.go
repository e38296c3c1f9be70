package packed

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// never is an idle time that no test waits for.
const never = time.Hour

func newStore(t testing.TB, budget int64, idle time.Duration) *Store {
	s, err := NewStore(Options{Budget: budget, Idle: idle})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func order(items int) map[string]any {
	list := make([]any, items)
	for i := range list {
		list[i] = map[string]any{"sku": strings.Repeat("x", i%7), "price": 1.5, "quantity": i, "gift": i%2 == 0,
			"note": nil}
	}
	return map[string]any{"id": "order-7", "items": list, "none": []any(nil), "empty": map[string]any{}}
}

func TestPackingKeepsValuesExactly(t *testing.T) {
	values := map[string]any{
		"int beside a float of the same number": []any{2, 2.0, -1, math.MaxInt64, math.MinInt64},
		"floats": []any{math.Copysign(0, -1), 1e300, math.SmallestNonzeroFloat64,
			math.Inf(1)},
		"nil beside empty lists": []any{nil, []any(nil), []any{}, map[string]any(nil), map[string]any{}, ""},
		"text": map[string]any{"": "\x00\xff", "ключ": "значение", "long": strings.Repeat("long ",
			100)},
		"an order": order(1000),
	}
	s := newStore(t, 1<<30, never)
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			kept := &Value{run: s.Run()}
			kept.tree.Store(&v)
			for range 2 {
				kept.pack()
				require.Nil(t, kept.tree.Load())
				require.Equal(t, v, kept.Load())
			}
		})
	}
}

func FuzzPacking(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x",null,true,{}],"b":{"a":[]}}`))
	f.Add([]byte(`[[[[-1]]],{"":{"":{}}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := everhook.ParseJSON(text)
		if err != nil {
			return
		}
		w := writer{keys: map[string]uint64{}}
		w.write(v)
		r := reader{data: w.data}
		require.Equal(t, v, r.read())
		require.Empty(t, r.data)
	})
}

func TestLightValuesAreNotKept(t *testing.T) {
	run := newStore(t, 1<<30, never).Run()
	for _, v := range []any{nil, true, 7, "text", []any{1}, map[string]any{"a": "b"}, struct{ Big [20_000]byte }{}} {
		require.Equal(t, v, run.Keep(v))
	}
	heavy := run.Keep(order(1000))
	require.IsType(t, &Value{}, heavy)
	require.Same(t, heavy, run.Keep(heavy))
	require.IsType(t, []everhook.Duration{}, run.Keep(make([]everhook.Duration, 10_000)), "not canonical")
	require.IsType(t, []any{}, run.Keep([]any{strings.Repeat("x", 10_000), uint8(1)}), "not canonical")
}

func TestWeightIsThatOfTheMemoryItTakes(t *testing.T) {
	shapes := map[string]string{
		"empty keys":  `[` + strings.TrimSuffix(strings.Repeat(`{"":0},`, 100_000), ",") + `]`,
		"empty lists": `[` + strings.TrimSuffix(strings.Repeat(`[],`, 100_000), ",") + `]`,
		"numbers":     `[` + strings.TrimSuffix(strings.Repeat(`1000,`, 100_000), ",") + `]`,
		"orders": `[` + strings.TrimSuffix(strings.Repeat(
			`{"sku":"ABC-1","name":"a thing","price":12.5,"tags":["x","y"]},`, 10_000), ",") + `]`,
	}
	for name, text := range shapes {
		t.Run(name, func(t *testing.T) {
			before := alive()
			v, err := everhook.ParseJSON([]byte(text))
			require.NoError(t, err)
			took := alive() - before
			counted, canonical := weight(v, maxWeight)
			require.True(t, canonical)
			require.InDelta(t, 1, float64(counted)/float64(took), 0.5, "counted %d, took %d", counted, took)
			runtime.KeepAlive(v)
		})
	}
}

func alive() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestValuesArePackedWhenNotUsed(t *testing.T) {
	run := newStore(t, 1<<30, 10*time.Millisecond).Run()
	v := run.Keep(order(1000)).(*Value)
	for range 3 {
		require.Eventually(t, func() bool { return v.tree.Load() == nil }, 10*time.Second, time.Millisecond)
		require.Equal(t, order(1000), v.Load())
	}
}

func TestAUsedValueStaysUnpacked(t *testing.T) {
	s := newStore(t, 1<<30, never)
	v := s.Run().Keep(order(1000)).(*Value)
	s.pass(false)
	require.NotNil(t, v.tree.Load(), "it was just made")
	v.Load()
	s.pass(false)
	require.NotNil(t, v.tree.Load())
	s.pass(false)
	require.Nil(t, v.tree.Load())
}

func TestValuesArePackedAtOnceAboveTheBudget(t *testing.T) {
	s := newStore(t, 10<<20, never)
	run := s.Run()
	var values []*Value
	for range 100 {
		values = append(values, run.Keep(order(2000)).(*Value))
	}
	require.Greater(t, 100*values[0].weight, int64(10<<20))
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.weight <= s.options.Budget
	}, 10*time.Second, time.Millisecond)
	require.Nil(t, values[0].tree.Load(), "the oldest is packed first")
	for _, v := range values {
		require.Equal(t, order(2000), v.Load())
	}
}

func TestValuesOfAnEndedRunAreLeftAlone(t *testing.T) {
	s := newStore(t, 0, never)
	run := s.Run()
	run.End()
	v := run.Keep(order(1000)).(*Value)
	s.pass(true)
	require.NotNil(t, v.tree.Load())
	s.mu.Lock() // the store makes passes too
	defer s.mu.Unlock()
	require.Zero(t, s.weight)
	require.Empty(t, s.unpacked)
}

func TestForgottenValuesAreDropped(t *testing.T) {
	s := newStore(t, 1<<30, never)
	run := s.Run()
	for range 10 {
		run.Keep(order(1000))
	}
	require.NotZero(t, s.weight)
	require.Eventually(t, func() bool {
		runtime.GC()
		s.pass(false)
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.unpacked) == 0
	}, 10*time.Second, time.Millisecond)
	require.Zero(t, s.weight)
}

func TestPackingAndUsingAtTheSameTime(t *testing.T) {
	s := newStore(t, 0, time.Millisecond)
	v := s.Run().Keep(order(300))
	want := order(300)
	done := make(chan bool)
	for range 4 {
		go func() {
			same := true
			for range 200 {
				same = same && everhook.Equal(want, v.(*Value).Load())
			}
			done <- same
		}()
	}
	for range 4 {
		require.True(t, <-done)
	}
}

func BenchmarkPacking(b *testing.B) {
	s := newStore(b, 1<<40, never)
	var tree any = order(10_000)
	text, err := everhook.EncodeJSON(tree)
	require.NoError(b, err)
	b.Run("pack", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			v := &Value{run: s.Run()}
			v.tree.Store(&tree)
			v.pack()
			b.ReportMetric(float64(len(v.data)), "bytes")
		}
	})
	b.Run("load", func(b *testing.B) {
		v := &Value{run: s.Run()}
		v.tree.Store(&tree)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			v.pack()
			v.Load()
		}
	})
	b.Run("parse JSON", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			_, _ = everhook.ParseJSON(text)
		}
	})
	b.Run("keep light", func(b *testing.B) {
		run := s.Run()
		light := order(10)
		for b.Loop() {
			run.Keep(light)
		}
	})
}
