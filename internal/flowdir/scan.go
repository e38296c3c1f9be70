package flowdir

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
)

// maxFiles bounds the YAML and JSON files of a directory.
const maxFiles = 5000

// file is the last known state of a YAML or JSON file.
type file struct {
	hash [sha256.Size]byte
	// ignored is set for a file that is not a flow.
	ignored bool
	flow    *compile.Flow
	// text is the content.
	text     string
	problems flowfile.Problems
	// key is the key that the file applied last, whatever it contains now.
	key string
	// applied is set if the flow was applied in this form; refused is the reason why it was not.
	applied bool
	refused string
	// broken are the errors for which it was refused.
	broken flowfile.Problems
}

// files maps paths in the directory to files.
type files map[string]*file

// flows returns the files with a flow, also those with errors.
func (f files) flows() files {
	flows := files{}
	for name, one := range f {
		if !one.ignored {
			flows[name] = one
		}
	}
	return flows
}

// have reports whether a file has that key.
func (f files) have(key string) bool {
	for _, one := range f {
		if one.flow != nil && one.flow.Definition.Key == key {
			return true
		}
	}
	return false
}

// scan reads the directory. Files that did not change keep their known state.
func (d *Dir) scan() (files, error) {
	found := files{}
	err := d.walk(func(name string) {
		if f := d.read(name); f != nil {
			found[name] = f
		}
	})
	return found, err
}

// walk visits the YAML and JSON files that could be flows, by their paths in the directory.
func (d *Dir) walk(visit func(name string)) error {
	count := 0
	return fs.WalkDir(os.DirFS(d.path), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name != "." && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("the directory of flows: %w", err)
		case entry.IsDir() && d.skips(name):
			return fs.SkipDir
		case entry.IsDir() || !couldBeFlow(name):
			return nil
		}
		if count++; count > maxFiles {
			return fmt.Errorf("%s has more than %d YAML and JSON files; give the directory that holds only your flows",
				d.given, maxFiles)
		}
		visit(filepath.FromSlash(name))
		return nil
	})
}

// skips reports whether a directory, by its path in this one, is left out.
func (d *Dir) skips(path string) bool {
	return path != "." && flowfile.Skips(filepath.Join(d.path, filepath.FromSlash(path)))
}

func couldBeFlow(name string) bool {
	return (isYAML(name) || filepath.Ext(name) == ".json") && !strings.HasPrefix(filepath.Base(name), ".") &&
		!flowfile.IsTest(name)
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// read returns the current state of a file, or nil if it is gone.
func (d *Dir) read(name string) *file {
	known := d.files[name]
	data, err := readBounded(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return d.unreadable(name, known, err)
	}
	hash := sha256.Sum256(data)
	if known != nil && known.hash == hash {
		return known
	}
	wasFlow := known != nil && !known.ignored
	if !wasFlow && !isFlow(name, data) {
		return &file{hash: hash, ignored: true}
	}
	flow, problems := flowfile.Load(d.shown(name), data, d.registry)
	f := &file{hash: hash, flow: flow, text: string(data), problems: problems}
	if known != nil {
		f.key = known.key
	}
	return f
}

// unreadable returns the state of a file that cannot be read. A file that was not a flow, or has the name of a data
// file, is not reported.
func (d *Dir) unreadable(name string, known *file, err error) *file {
	hash := sha256.Sum256([]byte(err.Error()))
	switch {
	case known != nil && (known.ignored || known.hash == hash):
		return known
	case known == nil && !isYAML(name):
		return &file{hash: hash, ignored: true}
	}
	f := &file{hash: hash, problems: d.problem(name, "", err.Error(), "")}
	if known != nil {
		f.key = known.key
	}
	return f
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is not a regular file")
	}
	if info.Size() > flowfile.MaxFileSize {
		return nil, fmt.Errorf("the file has %d bytes; a flow has at most %d", info.Size(), flowfile.MaxFileSize)
	}
	return os.ReadFile(path)
}

var (
	keyLine     = regexp.MustCompile(`(?m)^["']?key["']?\s*:`)
	triggerLine = regexp.MustCompile(`(?m)^["']?trigger["']?\s*:`)
)

// isFlow reports whether a file has key and trigger at its top level, or probably would have if it were valid.
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
