package kinds

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// engine starts runs in memory, one for each key.
type engine struct {
	mutex  sync.Mutex
	events []kind.Event
	fails  error
}

func (e *engine) start(_ context.Context, event kind.Event) (kind.Started, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.fails != nil {
		return kind.Started{}, e.fails
	}
	e.events = append(e.events, event)
	return kind.Started{RunID: everhook.DerivedRunID([]byte("flow"), event.Key)}, nil
}

func (e *engine) given() []kind.Event {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return append([]kind.Event{}, e.events...)
}

func (e *engine) flow() kind.SourceFlow {
	return kind.SourceFlow{Key: "f", Start: e.start, Logger: slog.New(slog.DiscardHandler)}
}

func drop(t *testing.T, folder, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".part"), []byte(text), 0o600))
	require.NoError(t, os.Rename(filepath.Join(folder, name+".part"), filepath.Join(folder, name)))
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	return found
}

func TestEachFileStartsARunAndIsMovedAway(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "in")
	drop(t, folder, "a.json", `{"amount": 1}`)
	e := &engine{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	trigger := &FileDrop{Folder: folder, Every: everhook.Duration(10 * time.Millisecond)}
	go func() { ended <- trigger.Serve(ctx, e.flow()) }()
	require.Eventually(t, func() bool { return len(e.given()) == 1 }, time.Minute, time.Millisecond)
	drop(t, folder, "b.json", `[2]`)
	require.Eventually(t, func() bool { return len(names(t, trigger.done())) == 2 }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, names(t, folder))
	require.Equal(t, map[string]any{"name": "a.json", "content": map[string]any{"amount": 1}}, e.given()[0].Data)
	require.Equal(t, map[string]any{"name": "b.json", "content": []any{2}}, e.given()[1].Data)
}

func TestAFileStaysUntilItsRunIsDurable(t *testing.T) {
	t.Parallel()
	trigger, e := &FileDrop{Folder: t.TempDir()}, &engine{fails: errors.New("Temporal is away")}
	drop(t, trigger.Folder, "a.json", `{}`)
	require.ErrorContains(t, trigger.Serve(t.Context(), e.flow()), "a.json: Temporal is away")
	require.Len(t, names(t, trigger.Folder), 1)
	e.fails = nil
	require.NoError(t, trigger.sweep(t.Context(), e.flow()))
	require.Empty(t, names(t, trigger.Folder))
}

func TestTheKeyIsOfTheNameAndTheContent(t *testing.T) {
	t.Parallel()
	trigger, e := &FileDrop{Folder: t.TempDir()}, &engine{}
	require.NoError(t, os.MkdirAll(trigger.done(), 0o755))
	for _, text := range []string{`{"a":1}`, `{"a":2}`, `{"a":1}`} {
		drop(t, trigger.Folder, "a.json", text)
		require.NoError(t, trigger.sweep(t.Context(), e.flow()))
	}
	given := e.given()
	require.NotEqual(t, given[0].Key, given[1].Key)
	require.Equal(t, given[0].Key, given[2].Key)
	require.True(t, given[2].Rerun)
}

func TestWhatCanStartNoRunIsPutAside(t *testing.T) {
	t.Parallel()
	trigger, e := &FileDrop{Folder: t.TempDir()}, &engine{}
	require.NoError(t, os.MkdirAll(trigger.refused(), 0o755))
	drop(t, trigger.Folder, "broken.json", `{"a":`)
	drop(t, trigger.Folder, "large.json", string(make([]byte, maxFile+1)))
	drop(t, trigger.Folder, "notes.txt", `hello`)
	require.NoError(t, trigger.sweep(t.Context(), e.flow()))
	require.Empty(t, e.given())
	require.Len(t, names(t, trigger.refused()), 2)
	e.fails = everhook.Errorf(everhook.TypeLimit, "larger than a run can be started with")
	drop(t, trigger.Folder, "heavy.json", `{}`)
	require.NoError(t, trigger.sweep(t.Context(), e.flow()))
	require.Len(t, names(t, trigger.refused()), 3)
	_, err := os.Stat(filepath.Join(trigger.Folder, "notes.txt"))
	require.NoError(t, err)
}
