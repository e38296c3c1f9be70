package deliverylog

import (
	"context"
	"database/sql"

	"github.com/everhook/everhook"
)

// erasePage is how many requests one call of Erase reads.
const erasePage = 500

// Erased is what one call of Erase did.
type Erased struct {
	// Found are the records that match.
	Found []Record
	// Examined is how many requests were read.
	Examined int
	// Next is where the next call goes on; empty: all were examined.
	Next string
}

// Erase deletes the records with a field of that name and value, and those whose requests match. It examines a page of
// requests, those after an ID. Dry only finds them.
func (l *Log) Erase(ctx context.Context, field Field, matches func(*Request) bool, dry bool,
	after string) (erased Erased, err error) {
	if after == "" {
		if erased.Found, err = l.withField(ctx, field); err != nil {
			return Erased{}, err
		}
	}
	known := map[string]bool{}
	for _, r := range erased.Found {
		known[r.ID] = true
	}
	type kept struct {
		id   string
		data []byte
	}
	page, err := collect(ctx, l, l.db, func(row *sql.Rows) (k kept, err error) {
		err = row.Scan(&k.id, &k.data)
		return k, err
	}, `SELECT id, request FROM delivery_requests WHERE id > ? ORDER BY id LIMIT ?`, after, erasePage)
	if err != nil {
		return Erased{}, err
	}
	for _, k := range page {
		erased.Examined++
		request, err := decode(k.data)
		if err != nil {
			return Erased{}, err
		}
		if known[k.id] || !matches(request) {
			continue
		}
		found, err := l.List(ctx, Filter{ID: k.id})
		if err != nil {
			return Erased{}, err
		}
		erased.Found = append(erased.Found, found...)
	}
	if len(page) == erasePage {
		erased.Next = page[len(page)-1].id
	}
	if dry {
		return erased, nil
	}
	for _, r := range erased.Found {
		if _, err := l.Delete(ctx, []string{r.ID}); err != nil {
			return Erased{}, err
		}
	}
	return erased, nil
}

// withField returns all records with a value of a field.
func (l *Log) withField(ctx context.Context, field Field) (all []Record, err error) {
	f := Filter{Field: field.Name, Value: field.Value, Exact: true, Limit: 1000}
	for {
		page, err := l.List(ctx, f)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < f.Limit {
			return all, nil
		}
		f.Below = page[len(page)-1].ID
	}
}

// DeleteRuns deletes the records of runs.
func (l *Log) DeleteRuns(ctx context.Context, runs []everhook.RunID) error {
	for _, run := range runs {
		records, err := l.List(ctx, Filter{Run: string(run), Limit: 1000})
		if err != nil {
			return err
		}
		ids := make([]string, len(records))
		for i, r := range records {
			ids[i] = r.ID
		}
		if _, err := l.Delete(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// Copy copies all records of a log into this one, the oldest first, and returns how many there were.
func (l *Log) Copy(ctx context.Context, from *Log) (copied int64, err error) {
	after := ""
	for {
		page, err := collect(ctx, from, from.db, scanRecord, `SELECT `+columns+` FROM deliveries WHERE id > ?
			ORDER BY id LIMIT ?`, after, rowsAtOnce)
		if err != nil || len(page) == 0 {
			return copied, err
		}
		g := group{}
		for i := range page {
			r := &page[i]
			if r.HasRequest {
				if r, err = from.Get(ctx, r.ID); err != nil {
					return copied, err
				}
			}
			g.records = append(g.records, r)
		}
		if err := l.insert(ctx, g); err != nil {
			return copied, err
		}
		copied += int64(len(page))
		after = page[len(page)-1].ID
	}
}
