package integration

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// orderText is an order of some 0.95 MB as a shop sends it.
func orderText(number int) string {
	var text strings.Builder
	fmt.Fprintf(&text, `{"id":"order-%d","customer":{"name":"Ada","email":"ada@example.com"},"lines":[`, number)
	for i := 0; text.Len() < 950_000; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"sku":"SKU-%06d","name":"thing %d","quantity":%d,"price":%d.%02d,"currency":"EUR",`+
			`"attributes":{"color":"blue","size":"XL"},"tags":["new","sale"]}`, (i+number)*7919%1_000_003, i, i%9+1,
			i%500,
			i%100)
	}
	text.WriteString("]}")
	return text.String()
}

// hostileText takes the most memory for the values that a delivery may have.
func hostileText(int) string {
	return `{"lines":[` + strings.TrimSuffix(strings.Repeat(`{"":0},`, 49_000), ",") + `]}`
}

// TestWaitingRunsTakeLittleMemory measures the heap of the process, so it does not run beside other tests.
func TestWaitingRunsTakeLittleMemory(t *testing.T) {
	for name, test := range map[string]struct {
		body func(number int) string
		runs int
		// most is what one waiting run may take, in MB. Unpacked values of one take far more: 6 and 20.
		most float64
	}{
		"orders":         {orderText, 20, 0.5},
		"hostile shapes": {hostileText, 8, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, config{})
			f := p.async(t, "sleeper", `nodes:
  - { key: lines, type: calculation, config: { expression: trigger.body.lines } }
  - key: each
    type: loop
    config: { over: nodes.lines, when: loop.index < 1, collect: 'loop.item == trigger.body.lines[loop.index]' }
    branches: { do: [ { key: gate, type: wait-for-call } ] }
  - { key: out, type: output, config: { value: { same: '{{ nodes.each.items }}', lines: '{{ len(nodes.lines) }}' } } }
`)
			before := heapMB()
			var runs []everhook.RunID
			for i := range test.runs {
				runs = append(runs, f.post(t, test.body(i)).run)
				f.running(t, runs[i], "gate")
			}
			allowed, took := float64(test.runs)*test.most+10, 0.0
			require.Eventually(t, func() bool {
				took = heapMB() - before
				return took < allowed
			}, patience, 50*time.Millisecond, "they take more than %.1f MB", allowed)
			t.Logf("%d runs take %.1f MB", test.runs, took)
			for i, run := range runs {
				callBack(t, f.resumeURL(t, run, "gate", "each[0]"), "{}")
				lines := strings.Count(test.body(i), "},{") + 1
				require.Equal(t, map[string]any{"same": []any{true}, "lines": lines}, f.ended(t, run).Output.V)
				replay(t, f, run)
			}
		})
	}
}

// heapMB is what is alive on the heap.
func heapMB() float64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return float64(memory.HeapAlloc) / 1e6
}
