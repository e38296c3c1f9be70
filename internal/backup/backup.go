// Package backup copies the data directory of a running server.
package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"modernc.org/sqlite"
)

// Databases are the files of a data directory that can be in a backup, in the order in which they are locked.
var Databases = []string{"everhook.db", "temporal.db", "visibility.db", "inbox.db", "deliveries.db"}

// payloadsFolder is the folder of large values in a backup; asideFolder has files that are being written.
const (
	payloadsFolder = "payloads"
	asideFolder    = "tmp"
)

// Result is what a backup has.
type Result struct {
	// Databases are the files that were there.
	Databases []string
	// Payloads is the number of files with large values.
	Payloads int
	// Bytes is the size of all.
	Bytes int64
}

// Make copies the databases of a data directory, all as they were at one moment, and then the directory of large values
// into a new folder. Writers of the databases wait for some milliseconds. A value is stored before a history refers to
// it, so the values that are copied later include all that the histories need. The folder appears when it is complete
// and on disk.
func Make(ctx context.Context, data, payloads, destination string) (result Result, err error) {
	if _, err := os.Lstat(destination); err == nil {
		return Result{}, fmt.Errorf("%s exists; name a new folder", destination)
	}
	making := destination + ".part"
	if err := os.Mkdir(making, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there: another backup is being made, or was cut off; delete it in that case",
				making)
		}
		return Result{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(making))
		}
	}()
	if err := copyDatabases(ctx, data, making, &result); err != nil {
		return Result{}, err
	}
	if len(result.Databases) == 0 {
		return Result{}, fmt.Errorf("%s has no data of Everhook; name the data directory with --data", data)
	}
	if err := copyPayloads(ctx, payloads, filepath.Join(making, payloadsFolder), &result); err != nil {
		return Result{}, err
	}
	if err := flush(making); err != nil {
		return Result{}, err
	}
	if err := os.Rename(making, destination); err != nil {
		return Result{}, err
	}
	return result, flush(filepath.Dir(destination))
}

// source is a database with a read transaction.
type source struct {
	name   string
	db     *sql.DB
	reader *sql.Conn
}

func (s *source) close() { _ = errors.Join(s.reader.Close(), s.db.Close()) }

func copyDatabases(ctx context.Context, data, destination string, result *Result) error {
	sources, err := snapshot(ctx, data)
	defer func() {
		for _, s := range sources {
			s.close()
		}
	}()
	if err != nil {
		return err
	}
	for _, s := range sources {
		path := filepath.Join(destination, s.name)
		if err := s.copyTo(path); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		result.Databases = append(result.Databases, s.name)
		result.Bytes += info.Size()
	}
	return nil
}

// snapshot opens a read transaction on each database while all writers are kept out, so that all are of one moment.
func snapshot(ctx context.Context, data string) (sources []*source, err error) {
	var locks []*sql.Conn
	defer func() {
		for _, lock := range slices.Backward(locks) {
			_, rollback := lock.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, rollback, lock.Close())
		}
	}()
	for _, name := range Databases {
		path := filepath.Join(data, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return sources, err
		}
		s, err := openSource(ctx, name, path)
		if err != nil {
			return sources, fmt.Errorf("%s: %w", path, err)
		}
		sources = append(sources, s)
		lock, err := s.db.Conn(ctx)
		if err != nil {
			return sources, err
		}
		if _, err := lock.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return sources, fmt.Errorf("%s: %w", path, errors.Join(err, lock.Close()))
		}
		locks = append(locks, lock)
	}
	for _, s := range sources {
		var tables int
		if _, err := s.reader.ExecContext(ctx, "BEGIN"); err != nil {
			return sources, err
		}
		if err := s.reader.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return sources, err
		}
	}
	return sources, nil
}

func openSource(ctx context.Context, name, path string) (*source, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: absolute,
		RawQuery: url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)"}}.Encode()}
	db, err := sql.Open("sqlite", uri.String())
	if err != nil {
		return nil, err
	}
	reader, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &source{name: name, db: db, reader: reader}, nil
}

// copyTo writes the pages that the read transaction sees to a new file.
func (s *source) copyTo(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: path}
	err = s.reader.Raw(func(driver any) error {
		from, ok := driver.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver of SQLite makes no backups")
		}
		pages, err := from.NewBackup(uri.String())
		if err != nil {
			return err
		}
		_, err = pages.Step(-1)
		return errors.Join(err, pages.Finish())
	})
	if err != nil {
		return err
	}
	return flush(path)
}

// copyPayloads copies the files of large values. One that is deleted meanwhile was needed by no run.
func copyPayloads(ctx context.Context, from, to string, result *Result) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var folders []string
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && entry.Name() == asideFolder:
			return fs.SkipDir
		case entry.IsDir():
			folders = append(folders, filepath.Join(to, below))
			return os.MkdirAll(filepath.Join(to, below), 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		size, err := copyFile(path, filepath.Join(to, below))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		result.Payloads++
		result.Bytes += size
		return err
	})
	if err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		if err := flush(folder); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (size int64, err error) {
	source, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(target, source)
	return size, errors.Join(err, target.Sync(), target.Close())
}

// flush brings a file or a folder to the disk.
func flush(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
