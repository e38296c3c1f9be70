package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// counts are those of one flow.
type counts struct {
	// calls were made; refused were told to come again, and unanswered got no reply.
	calls, refused, unanswered int
	// acknowledged counts the runs that callers were told of with a 2xx, run those of them that ended resolved.
	acknowledged, run int
	// doubled counts orders and effects that happened twice, answered the sync callers that got their answer, at once
	// or later, different the duplicates with another answer than the first, and lateCalls those that were answered
	// late.
	doubled, answered, different, lateCalls int
	slowest                                 time.Duration
}

// check compares what callers were told with the runs and effects that there are, and prints one table.
func (w *world) check() {
	w.t.Helper()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, strings.Join([]string{"flow", "calls", "refused", "no reply", "acknowledged", "run",
		"doubled", "answered", "different", "late", "slowest", ""}, "\t"))
	for _, k := range w.kinds {
		c := w.count(k)
		if c.calls == 0 {
			continue
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", k.key, c.calls, c.refused,
			c.unanswered,
			c.acknowledged, c.run, c.doubled, c.answered, c.different, c.lateCalls, c.slowest.Round(time.Millisecond))
	}
	_ = table.Flush()
	w.t.Logf("\n%s", &text)
}

// fault reports a broken promise.
func (w *world) fault(k kind, format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s: "+format, append([]any{k.key}, args...)...)
}

func (w *world) count(k kind) (c counts) {
	runs, err := w.runs(k.key)
	if err != nil {
		w.fault(k, "its runs cannot be listed: %v", err)
		return c
	}
	acknowledged, orders := map[string]string{}, map[string]map[string]bool{}
	answers, waiting := map[string]map[string]bool{}, map[string]*process{}
	unknown := 0
	for _, r := range w.ledger {
		if r.kind.key != k.key {
			continue
		}
		c.calls++
		switch {
		case r.status == 0:
			c.unanswered++
			unknown++
			if !r.receiver.excused(r.began, r.began.Add(r.took)) {
				w.fault(k, "%s got no reply from a process that lived: %s", r.order, r.failure)
			}
		case r.status == http.StatusServiceUnavailable:
			c.refused++
			unknown++
		case r.status/100 == 2:
			acknowledged[r.run] = r.order
			note(orders, r.order, r.run)
			if k.sync && r.status == http.StatusAccepted {
				waiting[r.run] = r.receiver
			} else if k.sync {
				c.answered++
				note(answers, r.order, r.body)
			}
		default:
			w.fault(k, "%s got %d: %s", r.order, r.status, r.body)
		}
		if r.status != 0 && !r.receiver.excused(r.began, r.began.Add(r.took)) {
			c.slowest = max(c.slowest, r.took)
			if r.took > late() {
				c.lateCalls++
				w.fault(k, "%s got %d after %v", r.order, r.status, r.took)
			}
		}
	}
	for run, receiver := range waiting {
		status, body := get("http://" + receiver.settings.Listen + "/api/webhook:answer/" + k.token() + "/" + run +
			"?wait=5s")
		if status != http.StatusOK {
			w.fault(k, "the answer of %s is not there later: %d %s", run, status, body)
			continue
		}
		c.answered++
		note(answers, acknowledged[run], string(body))
	}
	c.acknowledged = len(acknowledged)
	for run, order := range acknowledged {
		if runs[run] == "resolved" {
			c.run++
		} else {
			w.fault(k, "%s was acknowledged as %s, which is %q", order, run, runs[run])
		}
	}
	if more := len(runs) - len(acknowledged); more > unknown {
		w.fault(k, "%d more runs than acknowledged, and only %d calls whose fate is unknown", more, unknown)
		c.doubled += more - unknown
	}
	for order, of := range orders {
		if len(of) > 1 {
			c.doubled++
			w.fault(k, "%s has %d runs", order, len(of))
		}
	}
	for order, of := range answers {
		if k.dedupe && len(of) > 1 {
			c.different++
			w.fault(k, "%s got different answers: %v", order, of)
		}
	}
	c.doubled += w.effects(k, acknowledged)
	return c
}

// effects checks that the partner did everything once for each acknowledged run, and returns what was doubled.
func (w *world) effects(k kind, acknowledged map[string]string) (doubled int) {
	w.partner.mutex.Lock()
	defer w.partner.mutex.Unlock()
	for run, order := range acknowledged {
		for _, node := range k.effects {
			if !w.partner.runs[node+" "+order][run] {
				w.fault(k, "the partner was not called by %s of %s", node, run)
			}
		}
	}
	for effect, keys := range w.partner.keys {
		node, _, _ := strings.Cut(effect, " ")
		if slices.Contains(k.effects, node) && (len(keys) > 1 || len(w.partner.runs[effect]) > 1) {
			doubled++
			w.fault(k, "%s was done for %d keys and %d runs", effect, len(keys), len(w.partner.runs[effect]))
		}
	}
	return doubled
}
