// Package flowdir keeps the flows of a directory applied: it finds the flow files, applies what is new, and disables what is gone.
package flowdir

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

// Target is where flows are applied to.
type Target interface {
	// Apply makes the definition the enabled version of its key; source is where it came from. Applying what is enabled already changes nothing.
	Apply(ctx context.Context, definition *everhook.Definition, source string) (everhook.Version, error)
	// Disable ends the serving of a flow; unknown keys are no error.
	Disable(ctx context.Context, key string) error
	// Sources gives the sources of the enabled flows by key.
	Sources(ctx context.Context) (map[string]string, error)
}

// Listener is told what happens, for people to see.
type Listener interface {
	// Applied: the flow is enabled with this content. Problems are warnings.
	Applied(file string, version everhook.Version, problems flowfile.Problems)
	// Refused: the file has errors; what was enabled before stays.
	Refused(file string, problems flowfile.Problems)
	// Removed: the file is gone and its flow disabled.
	Removed(file, key string)
	// Ignored are files that could be flows but are not.
	Ignored(files []string)
}

// Dir is a directory of flow files.
type Dir struct {
	path     string
	registry *nodes.Registry
	target   Target
	listener Listener
	files    map[string]*file
	started  bool
}

// file is a flow file as it was seen last.
type file struct {
	hash     [sha256.Size]byte
	flow     *nodes.Flow
	problems flowfile.Problems
	// key is what the file applied last, or tried to; applied is set when it did, refused when it was told that it cannot.
	key     string
	applied bool
	refused string
}

// maxFiles bounds how many files a directory may have.
const maxFiles = 5000

// New makes a Dir. Nothing is read before Sync.
func New(path string, registry *nodes.Registry, target Target, listener Listener) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(absolute)
	if err != nil {
		return nil, fmt.Errorf("the directory of flows: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory; give the directory that holds your flow files", path)
	}
	return &Dir{path: absolute, registry: registry, target: target, listener: listener, files: map[string]*file{}}, nil
}

// Sync looks at every file and applies what changed since the last time. Its error is about the directory or the target; what is wrong with
// files goes to the listener.
func (d *Dir) Sync(ctx context.Context) error {
	found, ignored, err := d.scan()
	if err != nil {
		return err
	}
	if !d.started {
		if len(ignored) > 0 {
			d.listener.Ignored(ignored)
		}
		if err := d.disableGone(ctx, found); err != nil {
			return err
		}
		d.started = true
	}
	for _, name := range everhook.SortedKeys(d.files) {
		if found[name] == nil {
			if err := d.remove(ctx, name, found); err != nil {
				return err
			}
		}
	}
	clashes := clashesOf(found)
	for _, name := range everhook.SortedKeys(found) {
		if err := d.apply(ctx, name, found[name], clashes[name]); err != nil {
			return err
		}
	}
	d.files = found
	return nil
}

// scan reads the directory. Files that did not change keep what is known of them.
func (d *Dir) scan() (found map[string]*file, ignored []string, err error) {
	found = map[string]*file{}
	count := 0
	err = filepath.WalkDir(d.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) && path != d.path {
				return nil
			}
			return err
		}
		if entry.IsDir() {
			if path != d.path && skipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		if count++; count > maxFiles {
			return fmt.Errorf("%s has more than %d YAML and JSON files; give the directory that holds only your flows", d.path, maxFiles)
		}
		name, err := filepath.Rel(d.path, path)
		if err != nil {
			return err
		}
		f := d.read(path, name)
		if f == nil {
			ignored = append(ignored, name)
		} else {
			found[name] = f
		}
		return nil
	})
	return found, ignored, err
}

// skipped are directories that hold no flows of the user's.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "everhook-data"
}

// read gives a flow file, or nil for a file that is none.
func (d *Dir) read(path, name string) *file {
	data, err := readBounded(path)
	if err != nil {
		known := d.files[name]
		if known == nil {
			return nil
		}
		return known
	}
	hash := sha256.Sum256(data)
	if known := d.files[name]; known != nil && known.hash == hash {
		return known
	}
	if !isFlow(name, data) && d.files[name] == nil {
		return nil
	}
	flow, problems := flowfile.Load(filepath.Join(filepath.Base(d.path), name), data, d.registry)
	return &file{hash: hash, flow: flow, problems: problems}
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > flowfile.MaxFileSize {
		return nil, fmt.Errorf("not a regular file of at most %d bytes", flowfile.MaxFileSize)
	}
	return os.ReadFile(path)
}

var (
	keyLine     = regexp.MustCompile(`(?m)^["']?key["']?\s*:`)
	triggerLine = regexp.MustCompile(`(?m)^["']?trigger["']?\s*:`)
)

// isFlow reports whether a file has key and trigger at its top level, or would have if it could be read.
func isFlow(name string, data []byte) bool {
	document, problems := flowfile.ParseDocument(name, data)
	if document != nil {
		if root, ok := document.Value.(map[string]any); ok {
			_, hasKey := root["key"]
			_, hasTrigger := root["trigger"]
			if hasKey && hasTrigger {
				return true
			}
		}
	}
	return len(problems.Errors()) > 0 && keyLine.Match(data) && triggerLine.Match(data)
}

// clashesOf says for each file whose key or token another file has too with which.
func clashesOf(files map[string]*file) map[string]string {
	clashes := map[string]string{}
	keys, tokens := map[string][]string{}, map[string][]string{}
	for _, name := range everhook.SortedKeys(files) {
		if flow := files[name].flow; flow != nil {
			keys[flow.Definition.Key] = append(keys[flow.Definition.Key], name)
			if token, ok := flow.Definition.Trigger.Config["token"].(string); ok {
				tokens[token] = append(tokens[token], name)
			}
		}
	}
	note := func(groups map[string][]string, format string) {
		for value, names := range groups {
			for i, name := range names {
				if len(names) > 1 {
					clashes[name] = fmt.Sprintf(format, value, names[(i+1)%len(names)])
				}
			}
		}
	}
	note(tokens, "the token %.4s… is also that of %s")
	note(keys, "the key %q is also that of %s")
	return clashes
}

// apply makes a file's flow the enabled one, once, and tells the listener.
func (d *Dir) apply(ctx context.Context, name string, f *file, clash string) error {
	switch {
	case f.flow == nil:
		if f.refused == "" {
			f.refused = "errors"
			if known := d.files[name]; known != nil {
				f.key = known.key
			}
			d.listener.Refused(name, f.problems)
		}
		return nil
	case clash != "":
		if f.refused != clash {
			f.refused, f.applied = clash, false
			d.listener.Refused(name, flowfile.Problems{{File: name, Position: flowfile.Position{Line: 1, Column: 1}, Pointer: "/key", Message: clash, Fix: "give each flow its own; neither file is applied"}})
		}
		return nil
	case f.applied:
		return nil
	}
	if known := d.files[name]; known != nil && known.key != "" && known.key != f.flow.Definition.Key {
		if err := d.target.Disable(ctx, known.key); err != nil {
			return err
		}
		d.listener.Removed(name, known.key)
	}
	version, err := d.target.Apply(ctx, f.flow.Definition, filepath.Join(d.path, name))
	if err != nil {
		f.refused = err.Error()
		d.listener.Refused(name, flowfile.Problems{{File: name, Position: flowfile.Position{Line: 1, Column: 1}, Message: err.Error()}})
		return nil
	}
	f.applied, f.refused, f.key = true, "", f.flow.Definition.Key
	d.listener.Applied(name, version, f.problems)
	return nil
}

// remove disables the flow of a file that is gone, unless another file has its key now.
func (d *Dir) remove(ctx context.Context, name string, found map[string]*file) error {
	key := d.files[name].key
	if key == "" {
		return nil
	}
	for _, f := range found {
		if f.flow != nil && f.flow.Definition.Key == key {
			return nil
		}
	}
	if err := d.target.Disable(ctx, key); err != nil {
		return err
	}
	d.listener.Removed(name, key)
	return nil
}

// disableGone disables flows that were applied from this directory before the program started, and whose files are gone.
func (d *Dir) disableGone(ctx context.Context, found map[string]*file) error {
	sources, err := d.target.Sources(ctx)
	if err != nil {
		return err
	}
	for _, key := range everhook.SortedKeys(sources) {
		name, err := filepath.Rel(d.path, sources[key])
		if err != nil || strings.HasPrefix(name, "..") || !filepath.IsAbs(sources[key]) || found[name] != nil {
			continue
		}
		if err := d.target.Disable(ctx, key); err != nil {
			return err
		}
		d.listener.Removed(name, key)
	}
	return nil
}
