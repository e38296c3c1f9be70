// Package embedded runs a Temporal server and its web UI inside this process, on SQLite files in one data directory.
//
// The server listens on loopback only, and every port demands a client certificate that only this process has: other
// users of the machine and other containers of a pod cannot use it. One process at a time owns a data directory. What
// was acknowledged survives a killed process and, with SynchronousFull, a power cut.
//
// With the build tag noembedded the package keeps its API but leaves the server, some 1,800 packages, out of the
// binary.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// Values of Options.Synchronous. A killed process loses nothing with either.
const (
	// SynchronousFull flushes every write to disk before it is acknowledged: a power cut loses nothing that was
	// acknowledged.
	SynchronousFull = "full"
	// SynchronousNormal leaves flushing to SQLite's checkpoints: a power cut can undo the last seconds.
	SynchronousNormal = "normal"
)

const (
	// DefaultNamespace is the Temporal namespace that is used unless Options.Namespace names another.
	DefaultNamespace = "default"
	// DefaultRetention is how long closed runs are kept unless Options.Retention says otherwise.
	DefaultRetention = 7 * 24 * time.Hour
	// DefaultUIPublicPath is the path below which the UI is served unless Options.UIPublicPath names another.
	DefaultUIPublicPath = "/temporal"

	// minRetention is the minimum that the server requires of a namespace.
	minRetention = time.Hour
)

// Options configure the embedded server. Only Directory is required.
type Options struct {
	// Directory holds the databases and the lock file. It is created if it is missing, readable by this user only.
	Directory string
	// Synchronous is SynchronousFull (the default) or SynchronousNormal.
	Synchronous string
	// Retention is how long closed runs are kept, at least an hour; 7 days by default.
	// Another value for an existing directory counts for the runs that close from then on.
	Retention time.Duration
	// Namespace is created if it is missing; "default" by default.
	Namespace string
	// SearchAttributes are registered in the namespace if they are missing. None is ever removed.
	SearchAttributes map[string]enumspb.IndexedValueType
	// UI switches the web UI on.
	UI bool
	// UIPublicPath is the path below which the handler of the UI is mounted; "/temporal" by default.
	UIPublicPath string
	// UICodec is the path at which the UI decodes payloads and fetches large ones, on the address of its own pages:
	// "/temporal-codec". Empty: the UI does neither.
	UICodec string
	// Open leaves the ports open to all users of this machine, without certificates. It is for tests in which the
	// server represents a Temporal cluster.
	Open bool
	// Logger receives the server's messages at warn and above; slog.Default() by default.
	Logger *slog.Logger
}

// withDefaults sets defaults and rejects invalid options.
func (o Options) withDefaults() (Options, error) {
	if o.Directory == "" {
		return o, errors.New("the embedded server needs a data directory: name one")
	}
	if o.Synchronous == "" {
		o.Synchronous = SynchronousFull
	}
	if o.Synchronous != SynchronousFull && o.Synchronous != SynchronousNormal {
		return o, fmt.Errorf("synchronous is %q: use %q or %q", o.Synchronous, SynchronousFull, SynchronousNormal)
	}
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.Retention < minRetention {
		return o, fmt.Errorf("retention is %v: use %v or more", o.Retention, minRetention)
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.UIPublicPath == "" {
		o.UIPublicPath = DefaultUIPublicPath
	}
	if !strings.HasPrefix(o.UIPublicPath, "/") || strings.HasSuffix(o.UIPublicPath, "/") {
		return o, fmt.Errorf("the path of the UI is %q: it begins with a slash and does not end with one",
			o.UIPublicPath)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}
