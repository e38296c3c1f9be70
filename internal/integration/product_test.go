package integration

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

// patience bounds every wait for an expected event.
const patience = 60 * time.Second

// product is a running Everhook.
type product struct {
	*server.Server
	logs *logbook
	// dir is its data directory.
	dir string

	mutex sync.Mutex
	// runs are the workflow IDs of the runs that replies named.
	runs map[string]bool
}

// config has the differences of a product from the default: everything in one process, with the embedded Temporal
// server.
type config struct {
	dir     string
	environ []string
	roles   []string
	spans   sdktrace.SpanExporter
	change  func(*server.Options)
	// registry has the kinds; nil: the standard ones.
	registry *kind.Registry
	// wallClock is the time of day; nil: the machine's.
	wallClock func() time.Time
	prepare   func(ctx context.Context, s *server.Server) error
	// deleteAfter is how long runs are kept that options.deleteOn deletes; zero: an hour.
	deleteAfter time.Duration
}

// launch starts a product.
func launch(ctx context.Context, c config) (*product, error) {
	logs := &logbook{}
	options := server.Options{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: c.dir, EgressAllow: []string{"127.0.0.1"}, MaxHeld: 1000,
		Retention: everhook.Duration(7 * 24 * time.Hour), Synchronous: "full", TemporalNamespace: "default",
	}
	if c.change != nil {
		c.change(&options)
	}
	if c.registry == nil {
		c.registry = nodes.Standard()
	}
	started, err := server.Start(ctx, &options, server.Surroundings{
		Registry: c.registry, Logger: slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Environ: c.environ, SelfCalls: true, MayOpen: true, Version: "test", Roles: c.roles, Spans: c.spans,
		Prepare: c.prepare, WallClock: c.wallClock, DeleteAfter: c.deleteAfter,
		// A busy machine alone must not send deliveries to the inbox: many tests look at a run just after its answer.
		StartBudget: time.Second,
	})
	if err != nil {
		return nil, err
	}
	return &product{Server: started, logs: logs, dir: c.dir, runs: map[string]bool{}}, nil
}

// start starts a product for one test, which is stopped with it.
func start(t *testing.T, c config) *product {
	t.Helper()
	if c.dir == "" {
		c.dir = filepath.Join(t.TempDir(), "data")
	}
	p, err := launch(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

// flow is a served flow.
type flow struct {
	product *product
	key     string
	token   string
	url     string
	version int
}

// apply makes a flow file the enabled version of its key.
func (p *product) apply(t *testing.T, file string) flow {
	t.Helper()
	definition := load(t, file)
	version, err := p.Catalog().Apply(t.Context(), definition, "test")
	require.NoError(t, err)
	for _, known := range p.Catalog().Flows() {
		if known.Key == definition.Key {
			require.True(t, known.Served, known.Note)
			return flow{product: p, key: known.Key, token: known.Token, url: p.HookURL(known.Token),
				version: version.Number}
		}
	}
	t.Fatalf("flow %s is applied and unknown", definition.Key)
	return flow{}
}

// load reads a flow file.
func load(t *testing.T, file string) *everhook.Definition {
	t.Helper()
	compiled, problems := flowfile.Load("flow.yaml", []byte(file), nodes.Standard())
	require.NotNil(t, compiled, "%v", problems)
	return compiled.Definition
}

// sync applies a sync flow whose nodes are written in YAML.
func (p *product) sync(t *testing.T, key, nodes string) flow {
	t.Helper()
	return p.apply(t, fmt.Sprintf("key: %s\nmode: sync\ntrigger: { type: webhook }\n%s", key, nodes))
}

// async applies an async flow whose nodes are written in YAML.
func (p *product) async(t *testing.T, key, nodes string) flow {
	t.Helper()
	return p.apply(t, fmt.Sprintf("key: %s\nmode: async\ntrigger: { type: webhook }\n%s", key, nodes))
}

// remembered returns the runs that replies named.
func (p *product) remembered() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return everhook.SortedKeys(p.runs)
}

// logbook records the log.
type logbook struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logbook) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logbook) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// lines returns the lines of the levels.
func (l *logbook) lines(levels ...string) []string {
	var found []string
	for line := range bytes.Lines([]byte(l.String())) {
		if slices.ContainsFunc(levels,
			func(level string) bool { return bytes.Contains(line, []byte(`"level":"`+level+`"`)) }) {
			found = append(found, string(line))
		}
	}
	return found
}
