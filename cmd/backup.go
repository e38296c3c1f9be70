package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/backup"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/store"
)

// placeFlags say where the data of a server is. They have the names of the server's own flags.
type placeFlags struct {
	configFlag
	Data  string `default:"./everhook-data" placeholder:"DIR" help:"Data directory of the server. Default ./everhook-data."`
	Store string `placeholder:"URL" help:"PostgreSQL database of the server, as for serve. Default: SQLite in the data directory."`
}

// open opens the store of a server.
func (p placeFlags) open(ctx context.Context) (*store.Store, error) {
	if p.Store != "" {
		if !store.IsPostgres(p.Store) {
			return nil, errors.New("--store is not the URL of a PostgreSQL database; write " +
				"postgres://USER@HOST:5432/DATABASE")
		}
		return store.Open(ctx, p.Store)
	}
	path := filepath.Join(p.Data, storeFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s; name the data directory with --data, or a PostgreSQL database with "+
			"--store", path)
	}
	return store.Open(ctx, path)
}

// storeFile is the store in a data directory.
const storeFile = "everhook.db"

type backupCommand struct {
	Folder string `arg:"" help:"New folder for the backup."`
	placeFlags
	PayloadDir string `placeholder:"DIR" help:"Directory of large values, if the server has another than payloads in its data directory."`
}

func (c *backupCommand) Help() string {
	return "Copies the data directory of a server while it runs: the databases as they are at one moment, and the " +
		"large values. To restore it, start a server with the folder as --data. Secrets are not in it."
}

func (c *backupCommand) Run(ctx context.Context, s streams) error {
	result, err := backup.Make(ctx, c.Data, cmp.Or(c.PayloadDir, filepath.Join(c.Data, "payloads")), c.Folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s has %s and %d large values, %s\n", c.Folder, strings.Join(result.Databases, ", "),
		result.Payloads, everhook.Size(result.Bytes))
	if c.Store != "" {
		fmt.Fprintf(s.out, "The store is in PostgreSQL and not in this backup: run `pg_dump --schema everhook` now.\n")
	}
	return nil
}

type storeCommands struct {
	Copy storeCopyCommand `cmd:"" help:"Copy a SQLite store to PostgreSQL."`
}

type storeCopyCommand struct {
	Data  string `default:"./everhook-data" placeholder:"DIR" help:"Data directory with the store to copy. Default ./everhook-data."`
	Store string `required:"" placeholder:"URL" help:"Empty PostgreSQL database to copy to, postgres://USER@HOST/DATABASE."`
	configFlag
}

func (c *storeCopyCommand) Help() string {
	return "Copies flows with their versions, tokens and secrets of run IDs, drafts, people, the audit trail, the " +
		"records of deliveries, and all else that the store has. Stop the server before, and start it with --store " +
		"afterwards."
}

func (c *storeCopyCommand) Run(ctx context.Context, s streams) error {
	if err := stopped(c.Data); err != nil {
		return err
	}
	from, err := placeFlags{Data: c.Data}.open(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := placeFlags{Store: c.Store}.open(ctx)
	if err != nil {
		return err
	}
	defer to.Close()
	rows, err := store.Copy(ctx, from, to)
	if err != nil {
		return err
	}
	if rows["deliveries"], err = copyLog(ctx, c.Data, to); err != nil {
		return fmt.Errorf("the store is copied, but not all records of deliveries: %w", err)
	}
	for _, table := range everhook.SortedKeys(rows) {
		if rows[table] > 0 {
			fmt.Fprintf(s.out, "%8d  %s\n", rows[table], table)
		}
	}
	fmt.Fprintf(s.out, "Copied. Start the server with --store now, and without a directory of flows.\n")
	return nil
}

// copyLog copies the delivery log of a data directory to a store, and returns how many records it has.
func copyLog(ctx context.Context, data string, to *store.Store) (records int64, err error) {
	path := filepath.Join(data, logFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	// The server that has the store deletes what it does not keep.
	keep := deliverylog.Options{Keep: math.MaxInt64, MaxBytes: math.MaxInt64}
	source, err := deliverylog.OpenFile(ctx, path, keep)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	target := deliverylog.OpenShared(to.Postgres(), keep)
	defer target.Close()
	return target.Copy(ctx, source)
}

// logFile is the delivery log in a data directory.
const logFile = "deliveries.db"

// stopped returns an error if a server with an embedded Temporal server uses the data directory.
func stopped(data string) error {
	path := filepath.Join(data, "temporal.lock")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDWR))
	free, err := lock.TryLock()
	if err != nil {
		return err
	}
	if !free {
		return fmt.Errorf("a server is running with the data directory %s; stop it first, because its changes after "+
			"the copy would be lost", data)
	}
	return lock.Close()
}
