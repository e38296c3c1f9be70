package kinds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// FileDrop starts a run for each JSON file in a folder.
type FileDrop struct {
	// Folder is the watched folder, on the machine of each receiver. A relative path begins at the working directory of
	// the server. A missing folder is created. A file moves to `done` below the folder once its run is durable, or to
	// `refused` if it cannot start a run. Write a file beside the folder, or under a name that does not end in .json,
	// and then rename it.
	Folder string `json:"folder" required:"true"`
	// Every is the time between two scans of the folder.
	Every everhook.Duration `json:"every,omitempty" default:"1s"`
}

var (
	_ kind.Trigger = (*FileDrop)(nil)
	_ kind.Source  = (*FileDrop)(nil)
)

// Spec describes the kind.
func (*FileDrop) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{
		Kind:    "file-drop",
		Summary: "Starts a run for each JSON file in a folder.",
		Data:    "`name` (of the file) and `content` (its JSON).",
		Example: "type: file-drop\nfolder: /srv/payouts\n",
	}
}

// Limits of the trigger.
const (
	defaultEvery = everhook.Duration(time.Second)
	minEvery     = everhook.Duration(100 * time.Millisecond)
	maxFile      = 1 << 20
)

// Validate checks the limits. It does no I/O: the folder may be on another machine.
func (f *FileDrop) Validate(v *kind.Validation) {
	if strings.TrimSpace(f.Folder) == "" {
		v.Error("/folder", "the folder has no name", "write a path, for example /srv/payouts")
	}
	if f.Every != 0 && f.Every < minEvery {
		v.Error("/every", fmt.Sprintf("the folder cannot be looked at every %s", f.Every), "write at least 100ms")
	}
}

// Shape describes the value of trigger in expressions.
func (*FileDrop) Shape() *expression.Shape {
	return &expression.Shape{Fields: map[string]*expression.Shape{"name": {}, "content": {}}}
}

// FieldRoots is empty: the trigger block has no expressions.
func (*FileDrop) FieldRoots(string) map[string]*expression.Shape { return nil }

// Serve scans the folder until ctx ends. After an error it is called again after a pause. Nothing is lost, because a
// file is moved only when its run is durable.
func (f *FileDrop) Serve(ctx context.Context, flow kind.SourceFlow) error {
	for _, folder := range []string{f.Folder, f.done(), f.refused()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	every := f.Every
	if every == 0 {
		every = defaultEvery
	}
	ticker := time.NewTicker(every.Std())
	defer ticker.Stop()
	for {
		if err := f.sweep(ctx, flow); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (f *FileDrop) done() string    { return filepath.Join(f.Folder, "done") }
func (f *FileDrop) refused() string { return filepath.Join(f.Folder, "refused") }

// sweep starts a run for each file in the folder.
func (f *FileDrop) sweep(ctx context.Context, flow kind.SourceFlow) error {
	entries, err := os.ReadDir(f.Folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || filepath.Ext(entry.Name()) != ".json" || ctx.Err() != nil {
			continue
		}
		if err := f.take(ctx, flow, entry.Name()); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}

// take starts the run of one file and moves the file. Another receiver may do so at the same time.
func (f *FileDrop) take(ctx context.Context, flow kind.SourceFlow, name string) error {
	data, content, err := read(filepath.Join(f.Folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if unfit, ok := errors.AsType[*everhook.Error](err); ok {
		return f.refuse(flow, name, unfit)
	}
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	started, err := flow.Start(ctx, kind.Event{
		// The same name with other content is another event. The same content again may rerun a run that failed.
		Key: name + " " + hex.EncodeToString(digest[:]), Rerun: true,
		Data: map[string]any{"name": name, "content": content},
	})
	if tooLarge, ok := errors.AsType[*everhook.Error](err); ok && tooLarge.Type == everhook.TypeLimit {
		return f.refuse(flow, name, tooLarge)
	}
	if err != nil {
		return err
	}
	return move(filepath.Join(f.Folder, name), filepath.Join(f.done(), string(started.RunID)+" "+name))
}

// read returns a file and its JSON. If the file cannot start a run, the error is an *everhook.Error.
func read(path string) (data []byte, content any, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxFile {
		return nil, nil, everhook.Errorf(everhook.TypeLimit, "the file is larger than 1 MiB")
	}
	if data, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	if content, err = everhook.ParseJSON(data); err != nil {
		return nil, nil, everhook.Errorf(everhook.TypeInput, "the file is not JSON: %v", err)
	}
	return data, content, nil
}

func (f *FileDrop) refuse(flow kind.SourceFlow, name string, why *everhook.Error) error {
	flow.Logger.Warn("a file starts no run", "file", name, "reason", why.Message, "moved", f.refused())
	return move(filepath.Join(f.Folder, name), filepath.Join(f.refused(), name))
}

// move ignores a missing file: another receiver has moved it.
func move(from, to string) error {
	if err := os.Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
