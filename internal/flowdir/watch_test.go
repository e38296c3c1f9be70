package flowdir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"
)

// soon bounds what takes a fraction of a second on an idle machine.
const soon = 20 * time.Second

// watched is a directory with the flow a that is watched until the test ends.
type watched struct {
	dir    string
	events chan string
	failed chan error
}

func watch(t *testing.T) watched {
	t.Helper()
	w := watched{filepath.Join(t.TempDir(), "flows"), make(chan string, 1000), make(chan error, 1000)}
	write(t, w.dir, "a.yaml", flow("a", "A"))
	f := newFlows()
	f.event = w.events
	d := open(t, w.dir, f)
	require.NoError(t, d.Sync(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Watch(ctx, func(err error) { w.failed <- err }) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	w.expect(t, `a.yaml applied as a "A", 0 warnings`)
	return w
}

// expect waits for an event and refuses any other before it.
func (w watched) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case event := <-w.events:
		require.Contains(t, event, want)
	case err := <-w.failed:
		require.NoError(t, err)
	case <-time.After(soon):
		require.Fail(t, "nothing happened", "want %q", want)
	}
}

// await waits for an event and ignores others.
func (w watched) await(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(soon)
	for {
		select {
		case event := <-w.events:
			if strings.Contains(event, want) {
				return
			}
		case <-deadline:
			require.Fail(t, "it did not happen", "want %q", want)
		}
	}
}

func TestAWatchedDirectorySeesHowEditorsSave(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(t *testing.T, path, content string){
		"written in place": func(t *testing.T, path, content string) {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		},
		"replaced by another file": func(t *testing.T, path, content string) {
			require.NoError(t, os.WriteFile(path+".tmp", []byte(content), 0o644))
			require.NoError(t, os.Rename(path+".tmp", path))
		},
		"moved away and written anew": func(t *testing.T, path, content string) {
			require.NoError(t, os.Rename(path, path+"~"))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
			require.NoError(t, os.Remove(path+"~"))
		},
		"emptied and written in parts": func(t *testing.T, path, content string) {
			file, err := os.Create(path)
			require.NoError(t, err)
			for part := range strings.SplitAfterSeq(content, "\n") {
				_, err := file.WriteString(part)
				require.NoError(t, err)
			}
			require.NoError(t, file.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t)
			for i := range 3 {
				title := fmt.Sprint("A", i)
				save(t, filepath.Join(w.dir, "a.yaml"), flow("a", title))
				w.await(t, fmt.Sprintf(`a.yaml applied as a %q`, title))
			}
		})
	}
}

func TestAWatchedDirectoryIsReadOnceForManySaves(t *testing.T) {
	t.Parallel()
	w := watch(t)
	for i := range 50 {
		write(t, w.dir, "a.yaml", flow("a", fmt.Sprint("A", i)))
	}
	w.await(t, `"A49"`)
	require.Less(t, len(w.events), 10)
}

func TestAHalfWrittenFileIsAppliedWhenItIsWhole(t *testing.T) {
	t.Parallel()
	w := watch(t)
	whole := flow("a", "A2", "nodes:", "  - key: wait", "    type: delay", "    config: { duration: 1s }")
	write(t, w.dir, "a.yaml", whole[:len(whole)-8])
	w.expect(t, "a.yaml:")
	write(t, w.dir, "a.yaml", whole)
	w.expect(t, `a.yaml applied as a "A2"`)
}

func TestAWatchedDirectorySeesFoldersThatComeAndGo(t *testing.T) {
	t.Parallel()
	w := watch(t)
	write(t, w.dir, "new/er/b.yaml", flow("b", "B"))
	w.expect(t, `new/er/b.yaml applied as b "B"`)
	write(t, w.dir, "new/er/b.yaml", flow("b", "B2"))
	w.expect(t, `new/er/b.yaml applied as b "B2"`)
	require.NoError(t, os.Rename(filepath.Join(w.dir, "new"), filepath.Join(w.dir, "moved")))
	w.expect(t, `moved/er/b.yaml applied as b "B2"`)
	require.NoError(t, os.RemoveAll(filepath.Join(w.dir, "moved")))
	w.expect(t, `moved/er/b.yaml removed b`)
}

func TestAWatchedDirectoryThatIsNeverQuietIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	w := watch(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	noise := time.NewTicker(settle / 10)
	defer noise.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil; n++ {
			_ = os.WriteFile(filepath.Join(w.dir, "noise.json"), fmt.Append(nil, n), 0o644)
			<-noise.C
		}
	}()
	write(t, w.dir, "a.yaml", flow("a", "A2"))
	w.expect(t, `a.yaml applied as a "A2"`)
	cancel()
	<-ended
}

func TestAWatchedDirectoryThatGoesAwayIsToldOnceAndComesBack(t *testing.T) {
	t.Parallel()
	w := watch(t)
	require.NoError(t, os.Rename(w.dir, w.dir+"-away"))
	select {
	case err := <-w.failed:
		require.ErrorContains(t, err, "the directory of flows: ")
	case <-time.After(soon):
		require.Fail(t, "nothing was told")
	}
	write(t, w.dir+"-away", "a.yaml", flow("a", "A2"))
	require.NoError(t, os.Rename(w.dir+"-away", w.dir))
	w.expect(t, `a.yaml applied as a "A2"`)
	require.Empty(t, w.failed)
}

func TestOnlyWhatCanChangeFlowsWakesTheWatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event fsnotify.Event
		want  bool
	}{
		"a flow file that is written":    {fsnotify.Event{Name: "/d/a.yaml", Op: fsnotify.Write}, true},
		"a database that is written":     {fsnotify.Event{Name: "/d/x.db-wal", Op: fsnotify.Write}, false},
		"a hidden file that is written":  {fsnotify.Event{Name: "/d/.a.yaml", Op: fsnotify.Write}, false},
		"a link of a mounted volume":     {fsnotify.Event{Name: "/d/..data", Op: fsnotify.Create}, true},
		"a folder that goes":             {fsnotify.Event{Name: "/d/folder", Op: fsnotify.Remove}, true},
		"a folder that is moved away":    {fsnotify.Event{Name: "/d/folder", Op: fsnotify.Rename}, true},
		"another mode of some text file": {fsnotify.Event{Name: "/d/a.txt", Op: fsnotify.Chmod}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, matters(c.event))
		})
	}
}
