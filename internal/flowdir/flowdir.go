// Package flowdir keeps the flows of a directory applied: it finds the flow files, applies new content, and disables
// the flows of removed files.
package flowdir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes/kind"
)

// Target is the store of applied flows.
type Target interface {
	// ApplyFile makes the definition the enabled version of its flow; source is its origin, text the content of the
	// file. It changes nothing if that version is enabled already. The flow may not be served before Await returns.
	ApplyFile(ctx context.Context, definition *everhook.Definition, source, text string) (everhook.Version, error)
	// Await returns when all flows that were applied are served.
	Await(ctx context.Context) error
	// Disable disables a flow; unknown keys are no error.
	Disable(ctx context.Context, key string) error
	// Sources returns the sources of the enabled flows by key.
	Sources(ctx context.Context) (map[string]string, error)
}

// Listener is told of changes, to show them to users. Files are named relative to the directory as it was given, so
// that they can be opened from the working directory.
type Listener interface {
	// Applied: the flow is enabled with this content. Problems are warnings.
	Applied(file string, version everhook.Version, problems flowfile.Problems)
	// Refused: the file has errors; the version that was enabled before stays. It is called once for each reason.
	Refused(file string, problems flowfile.Problems)
	// Removed: the flow is disabled, because its file is gone or has another key now.
	Removed(file, key string)
	// Ignored: the YAML files are not flows. Each is reported once. JSON files are data.
	Ignored(files []string)
}

// Dir is a directory of flow files. It is for one goroutine.
type Dir struct {
	// given is the path of the directory in messages, path the path for access.
	given, path string
	registry    *kind.Registry
	target      Target
	listener    Listener
	files       map[string]*file
	started     bool
	// broken are the errors of all files that are not applied, as of the last Sync.
	broken atomic.Pointer[flowfile.Problems]
}

// Broken gives the errors of the files that are not applied as they are: of each, the flow that was enabled before
// stays. It may be called at any time.
func (d *Dir) Broken() flowfile.Problems {
	if broken := d.broken.Load(); broken != nil {
		return *broken
	}
	return nil
}

// New makes a Dir. Nothing is read before Sync.
func New(path string, registry *kind.Registry, target Target, listener Listener) (*Dir, error) {
	if err := Check(path); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &Dir{given: path, path: absolute, registry: registry, target: target, listener: listener,
		files: map[string]*file{}}, nil
}

// Check returns an error that says why a path is not a usable directory.
func Check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the directory of flows: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory; give the directory that holds your flow files", path)
	}
	return nil
}

// Sync applies all changes since the last call. Its error concerns the directory or the target; the next call continues
// from there. Problems of files go to the listener.
func (d *Dir) Sync(ctx context.Context) error {
	found, err := d.scan()
	if err != nil {
		return err
	}
	flows := found.flows()
	if !d.started {
		if err := d.disableGone(ctx, flows); err != nil {
			return err
		}
		d.started = true
	}
	for _, name := range everhook.SortedKeys(d.files) {
		if found[name] == nil {
			if err := d.retire(ctx, name, d.files[name].key, flows); err != nil {
				return err
			}
			delete(d.files, name)
		}
	}
	d.tellIgnored(found)
	clashes := d.clashesOf(flows)
	applied, err := d.apply(ctx, flows, clashes)
	if err != nil {
		return err
	}
	for _, name := range everhook.SortedKeys(flows) {
		if err := d.settle(ctx, name, flows, clashes[name], applied[name]); err != nil {
			return err
		}
		d.files[name] = flows[name]
	}
	d.files = found
	var broken flowfile.Problems
	for _, name := range everhook.SortedKeys(flows) {
		if f := flows[name]; f.refused != "" {
			broken = append(broken, f.broken...)
		}
	}
	d.broken.Store(&broken)
	return nil
}

// shown returns the path of a file for messages.
func (d *Dir) shown(name string) string { return filepath.Join(d.given, name) }

func (d *Dir) tellIgnored(found files) {
	var names []string
	for _, name := range everhook.SortedKeys(found) {
		if !found[name].ignored {
			continue
		}
		if d.files[name] == nil && isYAML(name) {
			names = append(names, d.shown(name))
		}
		d.files[name] = found[name]
	}
	if len(names) > 0 {
		d.listener.Ignored(names)
	}
}

// clash is the reason why two files cannot both be applied.
type clash struct{ pointer, message string }

// clashesOf returns the files whose key or token is in another file too.
func (d *Dir) clashesOf(flows files) map[string]clash {
	clashes := map[string]clash{}
	keys, tokens := map[string][]string{}, map[string][]string{}
	for _, name := range everhook.SortedKeys(flows) {
		if flow := flows[name].flow; flow != nil {
			keys[flow.Definition.Key] = append(keys[flow.Definition.Key], name)
			if token, ok := flow.Definition.Trigger.Config["token"].(string); ok {
				tokens[token] = append(tokens[token], name)
			}
		}
	}
	note := func(groups map[string][]string, pointer, format string) {
		for value, names := range groups {
			for i, name := range names {
				if len(names) > 1 {
					clashes[name] = clash{pointer, fmt.Sprintf(format, value, d.shown(names[(i+1)%len(names)]))}
				}
			}
		}
	}
	note(tokens, "/trigger/token", "the token %.4s… is also that of %s")
	note(keys, "/key", "the key %q is also that of %s")
	return clashes
}

// applied is how the target took the flow of a file.
type applied struct {
	version everhook.Version
	err     error
}

// apply makes the flows of new and changed files the enabled ones, and returns when they are served.
func (d *Dir) apply(ctx context.Context, flows files, clashes map[string]clash) (map[string]applied, error) {
	all := map[string]applied{}
	for _, name := range everhook.SortedKeys(flows) {
		f := flows[name]
		if f.flow == nil || f.applied || clashes[name].message != "" {
			continue
		}
		version, err := d.target.ApplyFile(ctx, f.flow.Definition, filepath.Join(d.path, name), f.text)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all[name] = applied{version, err}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, d.target.Await(ctx)
}

// settle notes what has become of a file, and informs the listener of what is new.
func (d *Dir) settle(ctx context.Context, name string, flows files, clash clash, done applied) error {
	f := flows[name]
	switch {
	case f.flow == nil:
		d.refuse(name, f, "errors", f.problems)
		return nil
	case clash.message != "":
		f.applied = false
		d.refuse(name, f, clash.message, d.problem(name, clash.pointer, clash.message,
			"give each flow its own; neither file is applied"))
		return nil
	case f.applied:
		return nil
	case done.err != nil:
		d.refuse(name, f, done.err.Error(), d.problem(name, "", done.err.Error(), ""))
		return nil
	}
	if key := f.flow.Definition.Key; f.key != key {
		if err := d.retire(ctx, name, f.key, flows); err != nil {
			return err
		}
		f.key = key
	}
	f.applied, f.refused = true, ""
	d.listener.Applied(d.shown(name), done.version, f.problems)
	return nil
}

// refuse reports that a file is not applied, once for each reason.
func (d *Dir) refuse(name string, f *file, reason string, problems flowfile.Problems) {
	f.broken = problems.Errors()
	if f.refused != reason {
		f.refused = reason
		d.listener.Refused(d.shown(name), problems)
	}
}

// problem makes a problem that appears only beside other files or when the flow is applied.
func (d *Dir) problem(name, pointer, message, fix string) flowfile.Problems {
	position := flowfile.Position{Line: 1, Column: 1}
	if data, err := readBounded(filepath.Join(d.path, name)); err == nil {
		if document, _ := flowfile.ParseDocument(name, data); document != nil {
			position = document.Position(pointer)
		}
	}
	return flowfile.Problems{{File: d.shown(name), Position: position, Pointer: pointer, Message: message, Fix: fix}}
}

// retire disables the flow that a file had, unless a file has its key now.
func (d *Dir) retire(ctx context.Context, name, key string, flows files) error {
	if key == "" || flows.have(key) {
		return nil
	}
	if err := d.target.Disable(ctx, key); err != nil {
		return err
	}
	d.listener.Removed(d.shown(name), key)
	return nil
}

// disableGone disables flows that were applied from this directory before the program started, and whose files are gone
// or have another key now. A file with errors keeps its flow until it is corrected.
func (d *Dir) disableGone(ctx context.Context, flows files) error {
	sources, err := d.target.Sources(ctx)
	if err != nil {
		return err
	}
	for _, key := range everhook.SortedKeys(sources) {
		name, err := filepath.Rel(d.path, sources[key])
		if err != nil || !filepath.IsLocal(name) || !filepath.IsAbs(sources[key]) {
			continue
		}
		if f := flows[name]; f != nil && f.flow == nil {
			f.key = key
		} else if err := d.retire(ctx, name, key, flows); err != nil {
			return err
		}
	}
	return nil
}
