package deliverylog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Filter selects records. The zero value selects all.
type Filter struct {
	// Flows are the keys of flows; nil: all. An empty list selects nothing.
	Flows []string
	// Outcomes are the outcomes; nil: all.
	Outcomes []string
	// After and Before bound when deliveries were received.
	After, Before time.Time
	// ID is the ID of one record, Run that of a run.
	ID, Run string
	// Field is the name of a field and Value its value. A value that ends with "*" stands for all that begin so, at
	// most MaxBegun, else the search is ErrBroad. Without Field, every field may have the value.
	Field, Value string
	// Exact takes a "*" at the end of Value for a part of it.
	Exact bool
	// Below selects records whose IDs are less: those of the next page. Empty: from the newest on.
	Below string
	// Limit bounds the records. Default 100.
	Limit int
}

// highest is greater than every ID and than every text that begins with the one before it.
const highest = "\U0010FFFF"

// bounds are the IDs between which the filter selects, the lower one included.
func (f *Filter) bounds() (from, below string) {
	below = highest
	if !f.After.IsZero() {
		from = everhook.FirstDeliveryID(f.After)
	}
	if !f.Before.IsZero() {
		below = everhook.FirstDeliveryID(f.Before)
	}
	if f.Below != "" {
		below = min(below, f.Below)
	}
	return from, below
}

// List returns the records that a filter selects, the newest first, without their requests.
func (l *Log) List(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	ids, err := l.find(ctx, f)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var all []Record
	for part := range slices.Chunk(ids, 1000) {
		records, err := collect(ctx, l, l.db, scanRecord, "SELECT "+columns+" FROM deliveries WHERE id IN ("+
			places(len(part))+") ORDER BY id DESC", anys(part)...)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// Get returns a record with its request. ErrNoRecord: there is none with that ID.
func (l *Log) Get(ctx context.Context, id string) (*Record, error) {
	found, err := collect(ctx, l, l.db, scanRecord, "SELECT "+columns+" FROM deliveries WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoRecord
	}
	r := &found[0]
	if !r.HasRequest {
		return r, nil
	}
	var data []byte
	err = l.db.QueryRowContext(ctx, l.bind(`SELECT request FROM delivery_requests WHERE id = ?`), id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) { // deleted meanwhile
		return nil, ErrNoRecord
	}
	if err == nil {
		r.Request, err = decode(data)
	}
	return r, err
}

// Fields returns the names of the fields that records of a flow have, sorted; of all flows if it is empty.
func (l *Log) Fields(ctx context.Context, flow string) ([]string, error) {
	var flows []string
	if flow != "" {
		flows = []string{flow}
	}
	pairs, err := l.fields(ctx, &Filter{Flows: flows})
	var names []string
	for _, pair := range pairs {
		names = append(names, pair.name)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

func scanRecord(row *sql.Rows) (r Record, err error) {
	var duration int64
	var duplicate, kept int
	var fields string
	if err := row.Scan(&r.ID, &r.Flow, &r.Version, &r.Node, &r.Outcome, &r.Cause, &r.Status, &r.Bytes, &duration,
		&r.Run, &duplicate, &r.ReplayOf, &r.Client, &r.Caller, &r.Signature, &fields, &r.Omitted, &kept); err != nil {
		return r, err
	}
	r.Duration, r.Duplicate, r.HasRequest = time.Duration(duration)*time.Microsecond, duplicate == 1, kept == 1
	if fields != "" {
		if err := json.Unmarshal([]byte(fields), &r.Fields); err != nil {
			return r, fmt.Errorf("the fields of the delivery %s: %w", r.ID, err)
		}
	}
	return r, nil
}

// find returns the IDs that a filter selects, the newest first.
func (l *Log) find(ctx context.Context, f Filter) ([]string, error) {
	switch {
	case f.Flows != nil && len(f.Flows) == 0:
		return nil, nil
	case f.ID != "":
		condition, args := f.conditions()
		from, below := f.bounds()
		return collect(ctx, l, l.db, text, `SELECT id FROM deliveries WHERE id = ? AND id >= ? AND id < ?`+condition,
			slices.Concat([]any{f.ID, from, below}, args)...)
	case f.Run != "":
		condition, args := f.conditions()
		from, below := f.bounds()
		return collect(ctx, l, l.db, text, `SELECT id FROM deliveries WHERE run = ? AND run <> '' AND id >= ? AND
			id < ?`+condition+` ORDER BY id DESC LIMIT ?`,
			slices.Concat([]any{f.Run, from, below}, args, []any{f.Limit})...)
	case f.Value != "":
		return l.findValue(ctx, f)
	}
	ranges, err := l.ranges(ctx, &f)
	if err != nil {
		return nil, err
	}
	return l.newest(ctx, f, `deliveries`, ranges)
}

// span is a range of an index that is sorted by ID: a condition with its arguments.
type span struct {
	condition string
	args      []any
}

// newest returns the newest IDs of ranges of a table, the newest first.
func (l *Log) newest(ctx context.Context, f Filter, table string, spans []span) ([]string, error) {
	from, below := f.bounds()
	var ids []string
	for _, s := range spans {
		// Of each further range only what is newer than the last of the page is needed.
		least := from
		if len(ids) >= f.Limit {
			least = max(from, ids[f.Limit-1])
		}
		found, err := collect(ctx, l, l.db, text, `SELECT id FROM `+table+` WHERE `+s.condition+
			` AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?`, slices.Concat(s.args, []any{least, below, f.Limit})...)
		if err != nil {
			return nil, err
		}
		ids = append(ids, found...)
		slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(b, a) })
		ids = slices.Compact(ids)
		ids = ids[:min(len(ids), f.Limit)]
	}
	return ids, nil
}

// ranges are those of the flows and outcomes of a filter.
func (l *Log) ranges(ctx context.Context, f *Filter) (spans []span, err error) {
	switch {
	case f.Flows == nil && f.Outcomes == nil:
		return []span{{"1 = 1", nil}}, nil
	case f.Flows == nil:
		for _, outcome := range f.Outcomes {
			spans = append(spans, span{"outcome = ?", []any{outcome}})
		}
		return spans, nil
	}
	for _, flow := range f.Flows {
		outcomes := f.Outcomes
		if outcomes == nil {
			if outcomes, err = l.distinct(ctx, "deliveries", "outcome", "flow = ?", flow); err != nil {
				return nil, err
			}
		}
		for _, outcome := range outcomes {
			spans = append(spans, span{"flow = ? AND outcome = ?", []any{flow, outcome}})
		}
	}
	return spans, nil
}

// conditions are the flows and outcomes of a filter as a condition of records.
func (f *Filter) conditions() (text string, args []any) {
	for _, part := range []struct {
		column string
		values []string
	}{{"flow", f.Flows}, {"outcome", f.Outcomes}} {
		if part.values != nil {
			text += " AND " + part.column + " IN (" + places(len(part.values)) + ")"
			args = append(args, anys(part.values)...)
		}
	}
	return text, args
}

// findValue returns the IDs of records with a value.
func (l *Log) findValue(ctx context.Context, f Filter) ([]string, error) {
	pairs, err := l.fields(ctx, &f)
	if err != nil {
		return nil, err
	}
	of := "value = ?"
	args := []any{cut(f.Value)}
	if start, ok := strings.CutSuffix(f.Value, "*"); ok && !f.Exact {
		of, args = "value >= ? AND value < ?", []any{start, start + highest}
		if err := l.notBroad(ctx, pairs, of, args); err != nil {
			return nil, err
		}
	} else if f.Outcomes != nil {
		rare, spans, err := l.rareWith(ctx, &f, pairs)
		if err != nil {
			return nil, err
		}
		if rare {
			return l.newest(ctx, f, "deliveries", spans)
		}
	}
	condition, more := "", []any(nil)
	if f.Outcomes != nil {
		condition = ` AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.id = delivery_fields.id AND outcome IN (` +
			places(len(f.Outcomes)) + `))`
		more = anys(f.Outcomes)
	}
	var spans []span
	for _, pair := range pairs {
		spans = append(spans, span{"flow = ? AND name = ? AND " + of + condition,
			slices.Concat([]any{pair.flow, pair.name}, args, more)})
	}
	return l.newest(ctx, f, "delivery_fields", spans)
}

// MaxBegun is how many values of records a search by their beginning may have.
const MaxBegun = 20_000

// ErrBroad: more than MaxBegun values begin with a text.
var ErrBroad = fmt.Errorf("more than %d values begin so; write more of the value", MaxBegun)

// notBroad returns ErrBroad if too many values are in a range. They are sorted by value, so all are read.
func (l *Log) notBroad(ctx context.Context, pairs []pair, of string, args []any) error {
	left := MaxBegun
	for _, pair := range pairs {
		n, err := l.countTo(ctx, left+1, "delivery_fields", "flow = ? AND name = ? AND "+of,
			slices.Concat([]any{pair.flow, pair.name}, args)...)
		if err != nil {
			return err
		}
		if left -= n; left < 0 {
			return ErrBroad
		}
	}
	return nil
}

// countTo counts the entries that a condition selects, up to a number.
func (l *Log) countTo(ctx context.Context, most int, table, condition string, args ...any) (n int, err error) {
	err = l.db.QueryRowContext(ctx, l.bind(`SELECT count(*) FROM (SELECT 1 FROM `+table+` WHERE `+condition+
		` LIMIT ?) AS counted`), slices.Concat(args, []any{most})...).Scan(&n)
	return n, err
}

// maxRare is how many records with an outcome are looked up one by one.
const maxRare = 20_000

// rareWith returns ranges of records with the outcomes of a filter, each with the condition that it has the value, if
// there are few of these records: many others may have the value.
func (l *Log) rareWith(ctx context.Context, f *Filter, pairs []pair) (rare bool, spans []span, err error) {
	left := maxRare
	for _, pair := range pairs {
		for _, outcome := range f.Outcomes {
			n, err := l.countTo(ctx, left+1, "deliveries", "flow = ? AND outcome = ?", pair.flow, outcome)
			if err != nil {
				return false, nil, err
			}
			if left -= n; left < 0 {
				return false, nil, nil
			}
			spans = append(spans, span{`flow = ? AND outcome = ? AND EXISTS (SELECT 1 FROM delivery_fields AS f WHERE
				f.flow = ? AND f.name = ? AND f.value = ? AND f.id = deliveries.id)`,
				[]any{pair.flow, outcome, pair.flow, pair.name, cut(f.Value)}})
		}
	}
	return true, spans, nil
}

// pair is a field of a flow.
type pair struct{ flow, name string }

// fields are those that the filter looks at.
func (l *Log) fields(ctx context.Context, f *Filter) (pairs []pair, err error) {
	flows := f.Flows
	if flows == nil {
		if flows, err = l.distinct(ctx, "delivery_fields", "flow", "1 = 1"); err != nil {
			return nil, err
		}
	}
	for _, flow := range flows {
		names := []string{f.Field}
		if f.Field == "" {
			if names, err = l.distinct(ctx, "delivery_fields", "name", "flow = ?", flow); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			pairs = append(pairs, pair{flow, name})
		}
	}
	return pairs, nil
}

// distinct returns the different values of a column of which an index is sorted by the condition and the column. It
// reads one entry of the index for each.
func (l *Log) distinct(ctx context.Context, table, column, condition string, args ...any) ([]string, error) {
	least := `SELECT min(` + column + `) FROM ` + table + ` WHERE ` + condition
	return collect(ctx, l, l.db, text, `WITH RECURSIVE found (v) AS (`+least+` UNION ALL SELECT (`+least+` AND `+column+
		` > found.v) FROM found WHERE found.v IS NOT NULL) SELECT v FROM found WHERE v IS NOT NULL`,
		slices.Concat(args, args)...)
}
