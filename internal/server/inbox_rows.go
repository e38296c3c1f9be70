package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/workflows"
)

// rowStarter starts the runs of deliveries that waited.
type rowStarter struct {
	store  *store.Store
	starts *runs.Starter
	// differs is called for a run with another answer than its caller has.
	differs func()
	// versions are those of recent rows.
	versions *lru.Cache[versionKey, readVersion]
}

type versionKey struct {
	flow   string
	number int
}

// readVersion is a version as it was read at a time.
type readVersion struct {
	version everhook.Version
	at      time.Time
}

const (
	// maxReadVersions is how many versions are kept.
	maxReadVersions = 200
	// rereadAfter is how long a version is kept: it may be deleted together with its flow.
	rereadAfter = time.Second
)

func newRowStarter(store *store.Store, starts *runs.Starter, differs func()) *rowStarter {
	versions, _ := lru.New[versionKey, readVersion](maxReadVersions) // the size is valid
	return &rowStarter{store, starts, differs, versions}
}

// start starts the run of a row.
func (r *rowStarter) start(ctx context.Context, row inbox.Row, input []byte) error {
	version, err := r.version(ctx, versionKey{row.Flow, row.Version})
	if errors.Is(err, store.ErrNotFound) || err == nil && version.Hash != row.Hash {
		return fmt.Errorf("%w: version %d of flow %q does not exist any longer", inbox.ErrNever, row.Version, row.Flow)
	}
	if err != nil {
		return err
	}
	prepared, err := r.starts.Restore(&version, input)
	if err != nil {
		return fmt.Errorf("%w: %w", inbox.ErrNever, err)
	}
	if prepared.Early() != nil {
		return r.answered(ctx, prepared)
	}
	_, err = startOf(ctx, prepared)
	return err
}

// answerTimeout bounds the wait for the answer of a run whose caller has it already: the row stays until Temporal has
// the answer too.
const answerTimeout = 5 * time.Second

// answered starts a run whose caller has its answer.
func (r *rowStarter) answered(ctx context.Context, prepared *runs.Prepared) error {
	started, err := prepared.Run(ctx, answerTimeout)
	switch {
	case err != nil:
		return never(err)
	case started.Answer == nil:
		return inbox.ErrLater
	case started.Duplicate:
		return fmt.Errorf("%w: another delivery with its key was first, and its caller has another answer",
			inbox.ErrNever)
	case !workflows.SameAnswer(*started.Answer, *prepared.Early()):
		r.differs()
	}
	return nil
}

func (r *rowStarter) version(ctx context.Context, key versionKey) (everhook.Version, error) {
	if known, ok := r.versions.Get(key); ok && time.Since(known.at) < rereadAfter {
		return known.version, nil
	}
	version, err := r.store.Version(ctx, key.flow, key.number)
	if err == nil {
		r.versions.Add(key, readVersion{version, time.Now()})
	}
	return version, err
}
