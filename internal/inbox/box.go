package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/everhook/everhook"
)

// Entry is an accepted delivery with all that its start needs.
type Entry struct {
	Flow string
	// Version and Hash name the content that the run will have.
	Version int
	Hash    string
	Run     everhook.RunID
	// Delivery is the ID of the delivery.
	Delivery string
	// Digest is that of the body.
	Digest     string
	ReceivedAt time.Time
	// Duplicates says what becomes of others with the same run ID; nil: there are none.
	Duplicates *everhook.DuplicatePolicy
	// OnlyFirst stores the entry only if no other delivery has its run.
	OnlyFirst bool
	// Trace is the traceparent of the delivery; may be empty.
	Trace string
	// Input is the start as its starter reads it again.
	Input []byte
}

// Size is what an entry counts for in bytes.
func (e *Entry) Size() int { return len(e.Input) + entryOverhead }

// entryOverhead is about what a row takes besides its input.
const entryOverhead = 256

// Row is an entry that waits, without its input.
type Row struct {
	// ID orders rows by their acceptance.
	ID         int64
	Flow       string
	Version    int
	Hash       string
	Run        everhook.RunID
	Delivery   string
	ReceivedAt time.Time
	Trace      string
	// Bytes is the entry's Size.
	Bytes int
	// DeadAt is the time at which the row went to the dead letters, and Reason says why; zero for a row that waits.
	DeadAt time.Time
	Reason string
}

// isOf reports whether a row is of a flow; the empty flow is any.
func (r *Row) isOf(flow string) bool { return flow == "" || r.Flow == flow }

// Load is what waits of one flow.
type Load struct {
	Rows  int
	Bytes int64
}

func (l Load) plus(rows int, bytes int64) Load { return Load{l.Rows + rows, l.Bytes + bytes} }

// Totals describe a box.
type Totals struct {
	// Waiting counts the rows whose runs are not started, Bytes their sizes.
	Waiting int
	Bytes   int64
	// Oldest is the time at which the oldest of them was received; zero if there is none.
	Oldest time.Time
	// Dead counts the dead letters.
	Dead int
}

// Filter selects rows.
type Filter struct {
	// Flow selects one flow; empty: all.
	Flow string
	// Dead selects dead letters instead of rows that wait.
	Dead bool
	// After is the ID of the last row of the page before; 0: the first page.
	After int64
	// Limit is the size of a page.
	Limit int
}

// ErrNoRow is returned for a row that does not exist (any longer).
var ErrNoRow = errors.New("the inbox has no such delivery")

// Box keeps entries and claims durably. It is safe for concurrent use.
type Box interface {
	// Claim notes an entry that is about to be started directly. It is durable when Claim returns, if the verdict is
	// Proceed.
	Claim(ctx context.Context, e *Entry) (Verdict, error)
	// Put stores an entry. It is durable when Put returns, if the verdict is Stored or StoredDuplicate.
	Put(ctx context.Context, e *Entry) (Verdict, error)
	// Settle notes that the run of a claim is durable. It may be lost.
	Settle(e *Entry)
	// Take returns the oldest rows of a flow that wait and were not taken, at most limit, and takes them.
	Take(ctx context.Context, flow string, limit int) ([]Row, error)
	// Input returns the input of a row.
	Input(ctx context.Context, row Row) ([]byte, error)
	// Done removes a row whose run is durable. The removal may be lost.
	Done(row Row)
	// Bury moves a row to the dead letters.
	Bury(ctx context.Context, row Row, reason string) error
	// Release gives back rows that were taken, so that they can be taken again.
	Release(ctx context.Context, rows []Row) error
	// Load returns what waits of a flow, and in all.
	Load(flow string) (of, total Load)
	// Flows returns what waits, by flow.
	Flows() map[string]Load
	// Waits returns the row of a run of a flow, or of any flow if that is empty. It returns ErrNoRow if the run does
	// not wait, and is no dead letter either.
	Waits(ctx context.Context, flow string, run everhook.RunID) (Row, error)
	// Totals describes the box.
	Totals(ctx context.Context) (Totals, error)
	// List returns a page of rows, the oldest first.
	List(ctx context.Context, f Filter) ([]Row, error)
	// Row returns a row that waits, or a dead letter.
	Row(ctx context.Context, id int64) (Row, error)
	// Revive moves a dead letter back to the rows that wait, as the last.
	Revive(ctx context.Context, id int64) (Row, error)
	// Drop deletes a dead letter.
	Drop(ctx context.Context, id int64) (Row, error)
	// Changed has a message after rows came that can be taken.
	Changed() <-chan struct{}
	// Close writes what is left.
	Close() error
}
