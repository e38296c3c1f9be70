package inbox

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver

	"github.com/everhook/everhook"
)

//go:embed schema.sqlite.sql
var sqliteSchema string

// applicationID marks the file as Everhook's inbox: "ehib".
const (
	applicationID = 0x65686962
	schemaVersion = 1
)

// File is a Box in a SQLite file of its own, for one process.
type File struct {
	options FileOptions
	lock    *flock.Flock
	reads   *sql.DB
	writer  *writer
	*loads

	mutex sync.Mutex
	// taken is the ID of the last row of each flow that was taken. Rows are taken in order. It outlives the rows,
	// because a removal is not written at once.
	taken map[string]int64
	// released are rows that can be taken again.
	released map[string][]Row

	end  context.CancelFunc
	done sync.WaitGroup
}

// FileOptions configure a File.
type FileOptions struct {
	// Path is that of the file. Its folder must exist.
	Path string
	// Synchronous is how commits are written: full survives a power cut, normal survives a killed process. Default:
	// full.
	Synchronous string
	// Window is how long a claim counts after its run is durable.
	Window time.Duration
	// Failed is called with errors of writes that no caller waits for. Nil: it is not called.
	Failed func(error)
}

var _ Box = (*File)(nil)

// maxReaders bounds the connections that read.
const maxReaders = 4

// ErrInUse is wrapped by the error for a file that another process has open.
var ErrInUse = errors.New("it is in use by another process")

// OpenFile opens the file, or creates it. Another process that has it open is ErrInUse.
func OpenFile(ctx context.Context, o FileOptions) (_ *File, err error) {
	if o.Synchronous == "" {
		o.Synchronous = "full"
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	f := &File{options: o, lock: flock.New(o.Path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR),
		flock.SetPermissions(0o600)), loads: newLoads(), taken: map[string]int64{}, released: map[string][]Row{}}
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("the inbox: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("the inbox %s: %w", o.Path, ErrInUse)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the inbox %s: %w", o.Path, errors.Join(err, f.Close()))
		}
	}()
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	if err := f.count(ctx, f.reads); err != nil {
		return nil, err
	}
	background, end := context.WithCancel(context.Background())
	f.end = end
	f.done.Go(func() { f.sweep(background) })
	return f, nil
}

func (f *File) open(ctx context.Context) error {
	path, err := filepath.Abs(f.options.Path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)",
		"synchronous(" + f.options.Synchronous + ")", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"},
		"_txlock": {"immediate"}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: pragmas.Encode()}
	if f.reads, err = sql.Open("sqlite", name.String()); err != nil {
		return err
	}
	f.reads.SetMaxOpenConns(maxReaders + 1)
	f.reads.SetMaxIdleConns(maxReaders + 1)
	if err := migrate(ctx, f.reads); err != nil {
		return err
	}
	f.writer, err = newWriter(ctx, f.reads, f.options.Failed)
	return err
}

func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var application, version, tables int
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&application,
		&version, &tables); err != nil {
		return err
	}
	switch {
	case application != applicationID && (tables > 0 || application != 0):
		return errors.New("the database is not an inbox of Everhook; use another data directory")
	case version > schemaVersion:
		return fmt.Errorf("it was written by a newer Everhook (schema %d, this one knows %d); use that one", version,
			schemaVersion)
	case version == schemaVersion:
		return nil
	}
	if _, err := tx.ExecContext(ctx, sqliteSchema+fmt.Sprintf(
		"PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// expires is when a claim that is made or settled now counts no longer.
func (f *File) expires() time.Time { return time.Now().Add(f.options.Window) }

// Claim implements Box.
func (f *File) Claim(ctx context.Context, e *Entry) (Verdict, error) {
	return written(ctx, f.writer, func(tx *transaction) (Verdict, error) { return f.claim(tx, e, true) })
}

// claim decides about an entry with a claim, and writes the claim.
func (f *File) claim(tx *transaction, e *Entry, direct bool) (Verdict, error) {
	now, expires := time.Now(), f.expires()
	verdict, first := decide(nil, e, direct, now, expires)
	added, err := tx.count(insertClaim, string(e.Run), first.Delivery, first.Digest, int(first.State),
		expires.UnixMicro())
	if err != nil || added == 1 {
		return verdict, err
	}
	var earlier Claim
	var until int64
	if err := tx.row(selectClaim, string(e.Run)).Scan(&earlier.Delivery, &earlier.Digest, &earlier.State,
		&until); err != nil {
		return 0, err
	}
	earlier.Expires = time.UnixMicro(until)
	verdict, claim := decide(&earlier, e, direct, now, expires)
	if claim == nil {
		return verdict, nil
	}
	return verdict, tx.exec(updateClaim, claim.Delivery, claim.Digest, int(claim.State), claim.Expires.UnixMicro(),
		string(e.Run))
}

// Put implements Box.
func (f *File) Put(ctx context.Context, e *Entry) (Verdict, error) {
	return written(ctx, f.writer, func(tx *transaction) (verdict Verdict, err error) {
		verdict = Stored
		if e.Duplicates != nil {
			if verdict, err = f.claim(tx, e, false); err != nil {
				return 0, err
			}
		}
		if verdict != Stored && verdict != StoredDuplicate {
			return verdict, nil
		}
		if err := tx.exec(insertRow, e.Flow, e.Version, e.Hash, string(e.Run), e.Delivery, e.Duplicates != nil,
			e.ReceivedAt.UnixMicro(), e.Trace, e.Size(), e.Input); err != nil {
			return 0, err
		}
		// The row can be read once the group is committed.
		tx.then(func() { f.add(e.Flow, 1, e.Size()) })
		return verdict, nil
	})
}

// Settle implements Box.
func (f *File) Settle(e *Entry) {
	f.writer.later(func(tx *transaction) error {
		return tx.exec(settleClaim, e.Delivery, e.Digest, f.expires().UnixMicro(), string(e.Run))
	})
}

// Take implements Box. Only one goroutine takes.
func (f *File) Take(ctx context.Context, flow string, limit int) ([]Row, error) {
	f.mutex.Lock()
	after, rows := f.taken[flow], f.released[flow]
	if len(rows) > 0 {
		n := min(limit, len(rows))
		if f.released[flow] = rows[n:]; n == len(rows) {
			delete(f.released, flow)
		}
		f.mutex.Unlock()
		return rows[:n:n], nil
	}
	f.mutex.Unlock()
	rows, err := f.rows(ctx, selectRowsOf, flow, after, limit)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.taken[flow] = rows[len(rows)-1].ID
	return rows, nil
}

// Input implements Box.
func (f *File) Input(ctx context.Context, row Row) (input []byte, err error) {
	err = f.reads.QueryRowContext(ctx, inputQuery(row), row.ID).Scan(&input)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoRow
	}
	return input, err
}

// Done implements Box.
func (f *File) Done(row Row) {
	f.remove(row)
	f.writer.later(func(tx *transaction) error {
		tx.then(func() { f.removed(row) })
		if err := tx.exec(deleteRow, row.ID); err != nil {
			return err
		}
		return tx.exec(finishClaim, f.expires().UnixMicro(), string(row.Run), row.Delivery)
	})
}

// Bury implements Box.
func (f *File) Bury(ctx context.Context, row Row, reason string) error {
	_, err := written(ctx, f.writer, func(tx *transaction) (Row, error) {
		if err := tx.exec(buryRow, time.Now().UnixMicro(), reason, row.ID); err != nil {
			return Row{}, err
		}
		if err := tx.exec(deleteRow, row.ID); err != nil {
			return Row{}, err
		}
		return row, tx.exec(forgetClaim, string(row.Run), row.Delivery)
	})
	if err == nil {
		f.add(row.Flow, -1, -row.Bytes)
	}
	return err
}

// Release implements Box.
func (f *File) Release(_ context.Context, rows []Row) error {
	f.mutex.Lock()
	for _, row := range rows {
		f.released[row.Flow] = append(f.released[row.Flow], row)
	}
	f.mutex.Unlock()
	f.tell()
	return nil
}

// Waits implements Box.
func (f *File) Waits(ctx context.Context, flow string, run everhook.RunID) (Row, error) {
	for _, query := range []string{selectRun, selectDeadRun} {
		rows, err := f.rows(ctx, query, string(run))
		if err != nil {
			return Row{}, err
		}
		for _, row := range rows {
			if row.isOf(flow) && !f.isGone(row) {
				return row, nil
			}
		}
	}
	return Row{}, ErrNoRow
}

// Totals implements Box.
func (f *File) Totals(ctx context.Context) (Totals, error) {
	_, total := f.Load("")
	totals := Totals{Waiting: total.Rows, Bytes: total.Bytes}
	var oldest int64
	switch err := f.reads.QueryRowContext(ctx, selectOldest).Scan(&oldest); {
	case err == nil:
		totals.Oldest = time.UnixMicro(oldest)
	case !errors.Is(err, sql.ErrNoRows):
		return Totals{}, err
	}
	return totals, f.reads.QueryRowContext(ctx, countDead).Scan(&totals.Dead)
}

// List implements Box.
func (f *File) List(ctx context.Context, filter Filter) ([]Row, error) {
	query, args := listing(filter)
	rows, err := f.rows(ctx, query, args...)
	return slices.DeleteFunc(rows, f.isGone), err
}

// Row implements Box.
func (f *File) Row(ctx context.Context, id int64) (Row, error) {
	for _, query := range []string{selectRowByID, selectDeadByID} {
		rows, err := f.rows(ctx, query, id)
		if err != nil {
			return Row{}, err
		}
		if rows = slices.DeleteFunc(rows, f.isGone); len(rows) > 0 {
			return rows[0], nil
		}
	}
	return Row{}, ErrNoRow
}

// listing returns the statement of a filter with its arguments.
func listing(filter Filter) (query string, args []any) {
	switch {
	case filter.Dead && filter.Flow != "":
		return selectDeadOf, []any{filter.Flow, filter.After, filter.Limit}
	case filter.Dead:
		return selectDead, []any{filter.After, filter.Limit}
	case filter.Flow != "":
		return selectRowsOf, []any{filter.Flow, filter.After, filter.Limit}
	default:
		return selectRows, []any{filter.After, filter.Limit}
	}
}

// Revive implements Box.
func (f *File) Revive(ctx context.Context, id int64) (Row, error) {
	return written(ctx, f.writer, func(tx *transaction) (Row, error) {
		row, err := scanRow(tx.row(reviveRow, id))
		if err != nil {
			return Row{}, missing(err)
		}
		tx.then(func() { f.add(row.Flow, 1, row.Bytes) })
		return row, tx.exec(deleteDead, id)
	})
}

// Drop implements Box.
func (f *File) Drop(ctx context.Context, id int64) (Row, error) {
	return written(ctx, f.writer, func(tx *transaction) (Row, error) {
		row, err := scanRow(tx.row(selectDeadByID, id))
		if err != nil {
			return Row{}, missing(err)
		}
		return row, tx.exec(deleteDead, id)
	})
}

func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRow
	}
	return err
}

// Close implements Box.
func (f *File) Close() error {
	if f.end != nil {
		f.end()
		f.done.Wait()
	}
	var err error
	if f.writer != nil {
		err = f.writer.close()
	}
	if f.reads != nil {
		err = errors.Join(err, f.reads.Close())
	}
	return errors.Join(err, f.lock.Unlock())
}

// Bounds of the sweep of claims.
const (
	sweepEvery = time.Minute
	sweepRows  = 1000
)

// sweep deletes claims that count no longer.
func (f *File) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for expired := int64(sweepRows); expired == sweepRows && ctx.Err() == nil; {
			var err error
			if expired, err = written(ctx, f.writer, func(tx *transaction) (int64, error) {
				return tx.count(expireClaims, time.Now().UnixMicro(), sweepRows)
			}); err != nil {
				break // the next sweep tries again
			}
		}
	}
}

func (f *File) rows(ctx context.Context, query string, args ...any) ([]Row, error) {
	rows, err := f.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanRows(rows)
}

func scanRows(rows *sql.Rows) (all []Row, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// scanRow reads rowColumns, the time of death and the reason.
func scanRow(from interface{ Scan(into ...any) error }) (row Row, err error) {
	var received, dead int64
	if err := from.Scan(&row.ID, &row.Flow, &row.Version, &row.Hash, &row.Run, &row.Delivery, &received, &row.Trace,
		&row.Bytes, &dead, &row.Reason); err != nil {
		return Row{}, err
	}
	row.ReceivedAt = time.UnixMicro(received)
	if dead > 0 {
		row.DeadAt = time.UnixMicro(dead)
	}
	return row, nil
}
