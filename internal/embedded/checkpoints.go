//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"
)

// checkpointer moves the write-ahead logs of databases into their files, each on a connection of its own. SQLite would
// do it within a commit: the connection that writes, and every call that needs it, would then wait until some
// thousand pages are written and flushed, for seconds on a busy disk. A passive checkpoint runs beside commits.
type checkpointer struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

const (
	// checkpointEvery is the pause between two checkpoints of a database that is written to.
	checkpointEvery = 5 * time.Second
	// longLog is how many pages a log has before it is to begin anew: 64 MiB. Without, a log that is always written to
	// would only grow. Commits wait while the rest of it is moved and flushed.
	longLog = 16_000
	// shortRest is how many pages commits may wait for. On a disk that is busy, more are written during each
	// checkpoint; then the log may grow to longestLog, 256 MiB, before commits wait for more.
	shortRest, longestLog = 200, 64_000
	// passes bounds the checkpoints until only a short rest is left.
	passes = 10
	// briefly is how long a checkpoint waits for another connection: commits wait with it. It is tried again later.
	briefly = "PRAGMA busy_timeout=1000"
)

// startCheckpoints begins to move logs. Failures are left to the next attempt: SQLite's own checkpoints within commits
// are the last resort, see pragmas, and a disk that fails is found by others.
func startCheckpoints(stores ...store) (*checkpointer, error) {
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{stop: stop}
	var opened []*sql.DB
	for _, s := range stores {
		db, err := s.open()
		if err == nil {
			_, err = db.ExecContext(ctx, briefly)
			opened = append(opened, db)
		}
		if err != nil {
			stop()
			for _, db := range opened {
				err = errors.Join(err, db.Close())
			}
			return nil, s.explain(err)
		}
	}
	for i, s := range stores {
		c.done.Go(func() {
			defer func() { _ = opened[i].Close() }()
			keepShort(ctx, opened[i], s.path+"-wal")
		})
	}
	return c, nil
}

// end returns when the connections are closed.
func (c *checkpointer) end() {
	if c != nil {
		c.stop()
		c.done.Wait()
	}
}

// keepShort moves a log whenever it was written to.
func keepShort(ctx context.Context, db *sql.DB, wal string) {
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	var seen time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		info, err := os.Stat(wal)
		if err != nil || info.ModTime().Equal(seen) {
			continue
		}
		if moveLog(ctx, db, longLog, longestLog) == nil {
			seen = info.ModTime()
		}
	}
}

// moveLog moves a log beside commits. If it is longer than a number of pages, it also lets it begin anew, for which
// commits wait while the rest is moved. If the rest does not become short, it leaves that to a later call, unless the
// log has more than another number of pages.
func moveLog(ctx context.Context, db *sql.DB, long, longest int) error {
	for pass := 1; ; pass++ {
		pages, moved, err := checkpoint(ctx, db, "PASSIVE")
		if err != nil || pages < long {
			return err
		}
		if pages-moved < shortRest || pages > longest {
			break
		}
		if pass == passes {
			return nil
		}
	}
	_, _, err := checkpoint(ctx, db, "RESTART")
	return err
}

// checkpoint returns how many pages the log has, and how many of them are in the database file.
func checkpoint(ctx context.Context, db *sql.DB, mode string) (pages, moved int, err error) {
	var busy int
	err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
	return pages, moved, err
}
