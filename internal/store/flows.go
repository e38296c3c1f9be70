package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	// Labels are words to group flows by, sorted.
	Labels []string
	// Managed says where the flow is changed.
	Managed Managed
	// Paused is set if deliveries are kept and not run.
	Paused bool
	// Revision is that of the store after the last change to the flow: it grows, also when a flow is deleted and made
	// again.
	Revision int64
	// OldToken is the token before the last rotation; callers may use it until OldTokenUntil.
	OldToken      string
	OldTokenUntil time.Time
}

// Shown is the number of the enabled version, or of the latest if none is enabled; 0 without versions.
func (f *Flow) Shown() int { return cmp.Or(f.Enabled, f.Latest) }

// Managed says where a flow is changed.
type Managed string

// Where flows are changed.
const (
	// ManagedByStore is a flow that is changed through the API.
	ManagedByStore Managed = "store"
	// ManagedByFiles is a flow that a server applies from a directory; a change elsewhere would be undone.
	ManagedByFiles Managed = "files"
)

func (m Managed) orStore() Managed { return cmp.Or(m, ManagedByStore) }

// Precondition is checked within a change, before it. Its error ends the change. The flow is the zero Flow if there is
// none.
type Precondition func(Flow) error

// ErrStale is wrapped by the error for a change to something that has changed since the caller read it.
var ErrStale = errors.New("changed since it was read")

// AtRevision is the precondition that a flow is as the caller has read it. Revision 0 stands for no flow.
func AtRevision(revision int64) Precondition {
	return func(flow Flow) error {
		switch {
		case flow.Revision == revision:
			return nil
		case flow.Key == "":
			return fmt.Errorf("there is no such flow: %w", ErrStale)
		case revision == 0:
			return fmt.Errorf("flow %q exists: %w", flow.Key, ErrStale)
		default:
			return fmt.Errorf("flow %q is at revision %d, not %d: %w", flow.Key, flow.Revision, revision, ErrStale)
		}
	}
}

// ErrManagedByFiles is wrapped by the error of NotManagedByFiles.
var ErrManagedByFiles = errors.New("managed by files")

// NotManagedByFiles is the precondition that no directory of files would undo the change.
func NotManagedByFiles(flow Flow) error {
	if flow.Managed == ManagedByFiles {
		return fmt.Errorf("flow %q is %w: change %s", flow.Key, ErrManagedByFiles, flow.Source)
	}
	return nil
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
	// Author is the ID of the actor who applied it first; empty for versions of old builds. Note is theirs.
	Author, Note string
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

// Text returns a version as it was written, or ErrNotFound. It is empty if it is not known.
func (s *Store) Text(ctx context.Context, key string, number int) (string, error) {
	text, found, err := one(ctx, s.db, value[string], selectText, key, number)
	if err == nil && !found {
		err = noVersion(key, number)
	}
	return text, err
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
		return everhook.Version{}, noVersion(key, number)
	}
	return version, err
}

func noFlow(key string) error { return fmt.Errorf("flow %q: %w", key, ErrNotFound) }

func noVersion(key string, number int) error {
	return fmt.Errorf("version %d of flow %q: %w", number, key, ErrNotFound)
}

// differs compares the mutable fields of a flow.
func (f *Flow) differs(other *Flow) bool {
	return f.Key != other.Key || f.Token != other.Token || f.Enabled != other.Enabled || f.Latest != other.Latest ||
		f.Source != other.Source || f.Managed != other.Managed || f.OldToken != other.OldToken ||
		f.Paused != other.Paused ||
		!f.OldTokenUntil.Equal(other.OldTokenUntil) || !slices.Equal(f.Labels, other.Labels)
}

// Bounds of the labels of a flow.
const (
	maxLabels = 20
	// maxLabel is in characters.
	maxLabel = 40
)

// cleanLabels sorts labels and checks them.
func cleanLabels(labels []string) ([]string, error) {
	labels = slices.Compact(slices.Sorted(slices.Values(labels)))
	if len(labels) > maxLabels {
		return nil, fmt.Errorf("%d labels are too many; a flow can have %d", len(labels), maxLabels)
	}
	for _, label := range labels {
		if n := utf8.RuneCountInString(label); n == 0 || n > maxLabel || strings.TrimSpace(label) != label ||
			!utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
			return nil, fmt.Errorf("%q cannot be a label; write 1 to %d characters without a space at the ends",
				everhook.Shorten(label, 64), maxLabel)
		}
	}
	return labels, nil
}

func scanFlow(row scanner) (flow Flow, err error) {
	err = row.Scan(flow.columns()...)
	return flow, err
}

// columns are where selectFlows writes its columns.
func (f *Flow) columns() []any {
	return []any{&f.Key, &f.Token, &f.Secret, &f.Enabled, &f.Latest, &f.Source, (*moment)(&f.UpdatedAt),
		(*list)(&f.Labels), &f.Managed, &f.Revision, &f.OldToken, (*moment)(&f.OldTokenUntil), (*flag)(&f.Paused),
		&f.Title, &f.Mode}
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
	err = row.Scan(&info.Number, &info.Hash, &info.Title, &info.Mode, &info.Source, (*moment)(&info.CreatedAt),
		&info.Author, &info.Note)
	return info, err
}
