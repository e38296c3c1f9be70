package trigger

import (
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookRecord says what the delivery log has of a delivery, besides its time, its outcome and its run.
type WebhookRecord struct {
	// Record says what is kept of a delivery: `summary`, nothing that the caller sent, or `body`, the headers, the
	// query and up to 256 KiB of the body. Credentials are never kept, and known secrets and values with names such as
	// `password` are replaced. A delivery with its body can be replayed although it was refused or skipped.
	Record string `json:"record,omitempty" enum:"summary,body" default:"summary"`
	// Index are the paths of values by which deliveries are found in the log, such as `order.id`: at most 10. A path
	// leads into the body, or begins with `headers` or `query`. Of each value 200 bytes are kept, of a list 10 values,
	// also where `record` keeps no body.
	Index []everhook.Path `json:"index,omitempty"`
}

// maxIndex bounds the paths of an index.
const maxIndex = 10

func (w *WebhookRecord) validateRecord(v *kind.Validation) {
	if len(w.Index) > maxIndex {
		v.Error("/index", fmt.Sprintf("%d paths are more than the %d by which deliveries can be found", len(w.Index),
			maxIndex), "keep those that people search for")
	}
	seen := map[string]bool{}
	for i, path := range w.Index {
		if text := path.String(); seen[text] {
			v.Error(fmt.Sprintf("/index/%d", i), text+" is there twice", "remove one")
		} else {
			seen[text] = true
		}
	}
}

// KeepsRequests reports whether the delivery log has what callers send.
func (w *WebhookRecord) KeepsRequests() bool { return w.Record == "body" }

// Indexed are the paths of values by which deliveries are found.
func (w *WebhookRecord) Indexed() []everhook.Path { return w.Index }

// Recording is a trigger that says what the delivery log has of its deliveries.
type Recording interface {
	// KeepsRequests reports whether it has what callers send.
	KeepsRequests() bool
	// Indexed are the paths of values by which deliveries are found.
	Indexed() []everhook.Path
}
