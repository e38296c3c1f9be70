package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
)

// Flow is the data of a flow that is common to all its versions.
type Flow struct {
	Key string
	// Token is the secret part of the webhook URL. It is unique.
	Token string
	// Secret is 32 random bytes from which run IDs are derived.
	Secret []byte
	// Enabled is the number of the enabled version, or 0.
	Enabled int
	// Latest is the number of the newest version.
	Latest int
	// Title and Mode are those of the enabled version, or of the latest if none is enabled. The title may be empty.
	Title string
	Mode  everhook.Mode
	// Source says where the flow was last applied from, as given to Apply.
	Source string
	// UpdatedAt is the time of the last change to the flow.
	UpdatedAt time.Time
}

// EnabledVersion is a flow with its enabled version.
type EnabledVersion struct {
	Flow    Flow
	Version everhook.Version
}

// VersionInfo is a version without its content.
type VersionInfo struct {
	Number    int
	Hash      string
	Title     string
	Mode      everhook.Mode
	Source    string
	CreatedAt time.Time
}

// Revision returns a number that grows with every change. While it is the same, all flows are the same.
func (s *Store) Revision(ctx context.Context) (revision int64, err error) {
	err = s.db.row(ctx, selectRevision).Scan(&revision)
	return revision, err
}

// Flows gives all flows by key.
func (s *Store) Flows(ctx context.Context) ([]Flow, error) {
	return collect(ctx, s.db, scanFlow, selectAllFlows)
}

// Flow gives one flow, or ErrNotFound.
func (s *Store) Flow(ctx context.Context, key string) (Flow, error) { return flowOf(ctx, s.db, key) }

// EnabledVersions returns the flows that have an enabled version, by key, with that version. All are of one state of
// the database.
func (s *Store) EnabledVersions(ctx context.Context) ([]EnabledVersion, error) {
	return collect(ctx, s.db, scanEnabled, selectEnabled)
}

// Version gives one version, or ErrNotFound.
func (s *Store) Version(ctx context.Context, key string, number int) (everhook.Version, error) {
	return versionOf(ctx, s.db, key, number)
}

// Versions gives the versions of a flow, the newest first, or ErrNotFound.
func (s *Store) Versions(ctx context.Context, key string) ([]VersionInfo, error) {
	versions, err := collect(ctx, s.db, scanVersionInfo, selectVersions, key)
	if err == nil && len(versions) == 0 {
		return nil, noFlow(key)
	}
	return versions, err
}

func flowOf(ctx context.Context, db conn, key string) (Flow, error) {
	flow, err := scanFlow(db.row(ctx, selectFlow, key))
	if errors.Is(err, sql.ErrNoRows) {
		return Flow{}, noFlow(key)
	}
	return flow, err
}

func versionOf(ctx context.Context, db conn, key string, number int) (everhook.Version, error) {
	version, err := scanVersion(db.row(ctx, selectVersion, key, number))
	if errors.Is(err, sql.ErrNoRows) {
		return everhook.Version{}, fmt.Errorf("version %d of flow %q: %w", number, key, ErrNotFound)
	}
	return version, err
}

func noFlow(key string) error { return fmt.Errorf("flow %q: %w", key, ErrNotFound) }

func scanFlow(row scanner) (flow Flow, err error) {
	err = row.Scan(flow.columns()...)
	return flow, err
}

// columns are where selectFlows writes its columns.
func (f *Flow) columns() []any {
	return []any{&f.Key, &f.Token, &f.Secret, &f.Enabled, &f.Latest, &f.Source, (*moment)(&f.UpdatedAt), &f.Title,
		&f.Mode}
}

func scanVersion(row scanner) (version everhook.Version, err error) {
	version.Definition = &everhook.Definition{}
	err = row.Scan(&version.Number, &version.Hash, content{version.Definition})
	return version, err
}

func scanEnabled(row scanner) (enabled EnabledVersion, err error) {
	version := &enabled.Version
	version.Definition = &everhook.Definition{}
	err = row.Scan(append(enabled.Flow.columns(), &version.Number, &version.Hash, content{version.Definition})...)
	return enabled, err
}

func scanVersionInfo(row scanner) (info VersionInfo, err error) {
	err = row.Scan(&info.Number, &info.Hash, &info.Title, &info.Mode, &info.Source, (*moment)(&info.CreatedAt))
	return info, err
}
