package inbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/everhook/everhook"
)

// Shared is a Box in a PostgreSQL database, for any number of processes. Rows that a process has taken are leased to
// it: if the process ends, others take them once the lease has expired.
type Shared struct {
	db      *sql.DB
	options SharedOptions
	holder  string
	leases  leases
	*loads
	// notes are the changes that no caller waits for.
	notes chan note

	end context.CancelFunc
	// ending is closed when end is called.
	ending <-chan struct{}
	done   sync.WaitGroup
	// killed is set by tests: what no caller waits for is not written any longer.
	killed atomic.Bool
}

// SharedOptions configure a Shared.
type SharedOptions struct {
	// Window is how long a claim counts after its run is durable.
	Window time.Duration
	// Lease is how long a row stays with a process that has ended. Default DefaultLease.
	Lease time.Duration
	// Failed is called with errors of writes that no caller waits for. Nil: it is not called.
	Failed func(error)
}

// DefaultLease is the default of SharedOptions.Lease. Leases are renewed three times as often.
const DefaultLease = 30 * time.Second

// Bounds of a Shared.
const (
	// countEvery is how often what waits is counted, also the rows of other processes. A count that takes long is made
	// less often, so that counting takes at most a twentieth of the time.
	countEvery, countShare = 500 * time.Millisecond, 20
	// noteEvery is how long a change that no caller waits for may take.
	noteEvery = 50 * time.Millisecond
	maxNotes  = 500
	// noteTimeout bounds one write of such changes.
	noteTimeout = 10 * time.Second
)

// note is the removal of a row, or a claim that is settled.
type note struct {
	row   *Row
	entry *Entry
}

var _ Box = (*Shared)(nil)

// Statements of PostgreSQL. Times are those of the database.
const (
	now        = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	takeShared = `UPDATE inbox SET holder = $1, leased_until = ` + now + ` + $2 WHERE id IN (
		SELECT id FROM inbox WHERE flow = $3 AND leased_until < ` + now + ` AND NOT id = ANY($5)
		ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING ` + rowColumns + `, 0, ''`
	renewShared   = `UPDATE inbox SET leased_until = ` + now + ` + $2 WHERE holder = $1 AND id = ANY($3)`
	releaseShared = `UPDATE inbox SET holder = '', leased_until = 0 WHERE id = ANY($1) AND holder = $2`
	deleteShared  = `DELETE FROM inbox WHERE id = ANY($1)`
	finishShared  = `UPDATE claims SET state = 3, expires = $1
		FROM unnest($2::text[], $3::text[]) AS done (run, delivery)
		WHERE claims.run = done.run AND claims.delivery = done.delivery`
)

// OpenShared opens the box in a database with the tables of an inbox. The caller closes the database after the box.
func OpenShared(ctx context.Context, db *sql.DB, o SharedOptions) (*Shared, error) {
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	s := &Shared{db: db, options: o, holder: rand.Text(), loads: newLoads(),
		notes: make(chan note, maxNotes)}
	if err := s.count(ctx, db); err != nil {
		return nil, fmt.Errorf("the inbox: %w", err)
	}
	background, end := context.WithCancel(context.Background())
	s.end, s.ending = end, background.Done()
	s.done.Go(func() { s.watch(background) })
	s.done.Go(func() { s.renew(background) })
	s.done.Go(s.write)
	return s, nil
}

// numbered gives a statement of both engines the parameters of PostgreSQL.
func numbered(query string) string {
	var bound strings.Builder
	for n, part := range slices.Collect(strings.SplitSeq(query, "?")) {
		if n > 0 {
			fmt.Fprintf(&bound, "$%d", n)
		}
		bound.WriteString(part)
	}
	return bound.String()
}

// shared are the statements of both engines with the parameters of PostgreSQL.
var shared = func() map[string]string {
	all := map[string]string{}
	for _, query := range []string{insertRow, deleteRow, selectInput, selectDeadInput, selectRun, selectDeadRun,
		selectRows, selectRowsOf, selectRowByID, selectDead, selectDeadOf, selectDeadByID, buryRow, reviveRow,
		deleteDead, selectClaim, insertClaim, updateClaim, settleClaim, forgetClaim, expireClaims} {
		all[query] = numbered(query)
	}
	return all
}()

// expires is when a claim that is made or settled now counts no longer.
func (s *Shared) expires() time.Time { return time.Now().Add(s.options.Window) }

// change runs one transaction.
func (s *Shared) change(ctx context.Context, change func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Claim implements Box.
func (s *Shared) Claim(ctx context.Context, e *Entry) (verdict Verdict, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		verdict, err = s.claim(ctx, tx, e, true)
		return err
	})
	return verdict, err
}

// claim decides about an entry with a claim, and writes the claim.
func (s *Shared) claim(ctx context.Context, tx *sql.Tx, e *Entry, direct bool) (Verdict, error) {
	now, expires := time.Now(), s.expires()
	verdict, first := decide(nil, e, direct, now, expires)
	// Another transaction with the same run is waited for.
	result, err := tx.ExecContext(ctx, shared[insertClaim], string(e.Run), first.Delivery, first.Digest,
		int(first.State), expires.UnixMicro())
	if err != nil {
		return 0, err
	}
	if added, err := result.RowsAffected(); err != nil || added == 1 {
		return verdict, err
	}
	var earlier Claim
	var until int64
	err = tx.QueryRowContext(ctx, shared[selectClaim]+" FOR UPDATE", string(e.Run)).Scan(&earlier.Delivery,
		&earlier.Digest, &earlier.State, &until)
	if errors.Is(err, sql.ErrNoRows) { // it has expired just now
		return s.claim(ctx, tx, e, direct)
	}
	if err != nil {
		return 0, err
	}
	earlier.Expires = time.UnixMicro(until)
	verdict, claim := decide(&earlier, e, direct, now, expires)
	if claim == nil {
		return verdict, nil
	}
	_, err = tx.ExecContext(ctx, shared[updateClaim], claim.Delivery, claim.Digest, int(claim.State),
		claim.Expires.UnixMicro(), string(e.Run))
	return verdict, err
}

// Put implements Box.
func (s *Shared) Put(ctx context.Context, e *Entry) (verdict Verdict, err error) {
	row := []any{e.Flow, e.Version, e.Hash, string(e.Run), e.Delivery, boolean(e.Duplicates != nil),
		e.ReceivedAt.UnixMicro(), e.Trace, e.Size(), e.Input}
	if e.Duplicates == nil {
		verdict = Stored
		_, err = s.db.ExecContext(ctx, shared[insertRow], row...)
	} else {
		err = s.change(ctx, func(tx *sql.Tx) error {
			if verdict, err = s.claim(ctx, tx, e, false); err != nil ||
				verdict != Stored && verdict != StoredDuplicate {
				return err
			}
			_, err := tx.ExecContext(ctx, shared[insertRow], row...)
			return err
		})
	}
	if err != nil {
		return 0, err
	}
	if verdict == Stored || verdict == StoredDuplicate {
		s.add(e.Flow, 1, e.Size())
	}
	return verdict, nil
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Settle implements Box. It is lost if many changes wait to be written.
func (s *Shared) Settle(e *Entry) {
	select {
	case s.notes <- note{entry: e}:
	default:
	}
}

// Done implements Box.
func (s *Shared) Done(row Row) {
	s.remove(row)
	select {
	case s.notes <- note{row: &row}:
	case <-s.ending: // the row is started again, which finds its run
	}
}

// Take implements Box.
func (s *Shared) Take(ctx context.Context, flow string, limit int) ([]Row, error) {
	rows, err := s.rows(ctx, takeShared, s.holder, s.options.Lease.Microseconds(), flow, limit, s.leases.all())
	if err != nil {
		return nil, err
	}
	s.leases.add(rows)
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return rows, nil
}

// Input implements Box.
func (s *Shared) Input(ctx context.Context, row Row) (input []byte, err error) {
	err = s.db.QueryRowContext(ctx, shared[inputQuery(row)], row.ID).Scan(&input)
	if err = missing(err); errors.Is(err, ErrNoRow) {
		s.leases.remove(row)
	}
	return input, err
}

// Bury implements Box.
func (s *Shared) Bury(ctx context.Context, row Row, reason string) error {
	reason = strings.ReplaceAll(strings.ToValidUTF8(reason, "\uFFFD"), "\x00", "\uFFFD")
	err := s.change(ctx, func(tx *sql.Tx) error {
		buried, err := tx.ExecContext(ctx, shared[buryRow], time.Now().UnixMicro(), reason, row.ID)
		if err != nil {
			return err
		}
		if moved, err := buried.RowsAffected(); err != nil || moved == 0 {
			return err // another process has started it: its claim stays
		}
		_, deleted := tx.ExecContext(ctx, shared[deleteRow], row.ID)
		_, forgotten := tx.ExecContext(ctx, shared[forgetClaim], string(row.Run), row.Delivery)
		return errors.Join(deleted, forgotten)
	})
	if err == nil {
		s.leases.remove(row)
		s.add(row.Flow, -1, -row.Bytes)
	}
	return err
}

// Release implements Box.
func (s *Shared) Release(ctx context.Context, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	s.leases.remove(rows...)
	_, err := s.db.ExecContext(ctx, releaseShared, ids(rows), s.holder)
	s.tell()
	return err
}

func ids(rows []Row) []int64 {
	all := make([]int64, len(rows))
	for i, row := range rows {
		all[i] = row.ID
	}
	return all
}

// Waits implements Box.
func (s *Shared) Waits(ctx context.Context, flow string, run everhook.RunID) (Row, error) {
	for _, query := range []string{selectRun, selectDeadRun} {
		rows, err := s.rows(ctx, shared[query], string(run))
		if err != nil {
			return Row{}, err
		}
		for _, row := range rows {
			if row.isOf(flow) && !s.isGone(row) {
				return row, nil
			}
		}
	}
	return Row{}, ErrNoRow
}

// Totals implements Box.
func (s *Shared) Totals(ctx context.Context) (Totals, error) {
	_, total := s.Load("")
	totals := Totals{Waiting: total.Rows, Bytes: total.Bytes}
	var oldest int64
	switch err := s.db.QueryRowContext(ctx, selectOldest).Scan(&oldest); {
	case err == nil:
		totals.Oldest = time.UnixMicro(oldest)
	case !errors.Is(err, sql.ErrNoRows):
		return Totals{}, err
	}
	return totals, s.db.QueryRowContext(ctx, countDead).Scan(&totals.Dead)
}

// List implements Box.
func (s *Shared) List(ctx context.Context, filter Filter) ([]Row, error) {
	query, args := listing(filter)
	rows, err := s.rows(ctx, shared[query], args...)
	return slices.DeleteFunc(rows, s.isGone), err
}

// Row implements Box.
func (s *Shared) Row(ctx context.Context, id int64) (Row, error) {
	for _, query := range []string{selectRowByID, selectDeadByID} {
		rows, err := s.rows(ctx, shared[query], id)
		if err != nil {
			return Row{}, err
		}
		if rows = slices.DeleteFunc(rows, s.isGone); len(rows) > 0 {
			return rows[0], nil
		}
	}
	return Row{}, ErrNoRow
}

// Revive implements Box.
func (s *Shared) Revive(ctx context.Context, id int64) (row Row, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		if row, err = scanRow(tx.QueryRowContext(ctx, shared[reviveRow], id)); err != nil {
			return missing(err)
		}
		_, err := tx.ExecContext(ctx, shared[deleteDead], id)
		return err
	})
	if err == nil {
		s.add(row.Flow, 1, row.Bytes)
	}
	return row, err
}

// Drop implements Box.
func (s *Shared) Drop(ctx context.Context, id int64) (row Row, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		if row, err = scanRow(tx.QueryRowContext(ctx, shared[selectDeadByID]+" FOR UPDATE", id)); err != nil {
			return missing(err)
		}
		_, err := tx.ExecContext(ctx, shared[deleteDead], id)
		return err
	})
	return row, err
}

// Close implements Box. It gives back all rows.
func (s *Shared) Close() error {
	s.end()
	s.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	_, err := s.db.ExecContext(ctx, `UPDATE inbox SET holder = '', leased_until = 0 WHERE holder = $1`, s.holder)
	return err
}

// watch counts what waits, also the rows of other processes, and deletes claims that count no longer.
func (s *Shared) watch(ctx context.Context) {
	swept, pause := time.Now(), countEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := s.count(ctx, s.db); err != nil && ctx.Err() == nil {
			s.options.Failed(fmt.Errorf("count what waits: %w", err))
		}
		if pause = max(countEvery, countShare*time.Since(began)); time.Since(swept) < sweepEvery {
			continue
		}
		swept = time.Now()
		if _, err := s.db.ExecContext(ctx, shared[expireClaims], time.Now().UnixMicro(), 100*sweepRows); err != nil &&
			ctx.Err() == nil {
			s.options.Failed(fmt.Errorf("delete claims that have expired: %w", err))
		}
	}
}

// renew renews the leases of the rows of this process.
func (s *Shared) renew(ctx context.Context) {
	ticker := time.NewTicker(s.options.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := s.db.ExecContext(ctx, renewShared, s.holder, s.options.Lease.Microseconds(),
			s.leases.all()); err != nil &&
			ctx.Err() == nil {
			s.options.Failed(fmt.Errorf("renew leases: %w", err))
		}
	}
}

// write writes the changes that no caller waits for, in groups. At the end it writes what is left.
func (s *Shared) write() {
	for {
		group, ending := s.collect()
		for err := s.writeGroup(group); err != nil; err = s.writeGroup(group) {
			s.options.Failed(fmt.Errorf("%d changes of the inbox are not written yet: %w", len(group), err))
			select {
			case <-s.ending:
				return // the rows are started again, which finds their runs
			case <-time.After(retryAfter):
			}
		}
		if ending {
			return
		}
	}
}

// collect returns the next group; ending is set after the last one.
func (s *Shared) collect() (group []note, ending bool) {
	var wait <-chan time.Time
	for len(group) < maxNotes {
		select {
		case next := <-s.notes:
			group = append(group, next)
			if wait == nil {
				wait = time.After(noteEvery)
			}
		case <-wait:
			return group, false
		case <-s.ending:
			for {
				select {
				case next := <-s.notes:
					group = append(group, next)
				default:
					return group, true
				}
			}
		}
	}
	return group, false
}

func (s *Shared) writeGroup(group []note) error {
	if s.killed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	var rows []Row
	var runs, deliveries []string
	for _, n := range group {
		if n.row != nil {
			rows, runs, deliveries = append(rows, *n.row), append(runs, string(n.row.Run)),
				append(deliveries, n.row.Delivery)
			continue
		}
		if _, err := s.db.ExecContext(ctx, shared[settleClaim], n.entry.Delivery, n.entry.Digest,
			s.expires().UnixMicro(), string(n.entry.Run)); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, deleteShared, ids(rows)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, finishShared, s.expires().UnixMicro(), runs, deliveries)
		return err
	}); err != nil {
		return err
	}
	s.leases.remove(rows...)
	s.removed(rows...)
	return nil
}

func (s *Shared) rows(ctx context.Context, query string, args ...any) ([]Row, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanRows(rows)
}
