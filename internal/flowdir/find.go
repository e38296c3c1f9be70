package flowdir

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Files returns the paths of the flow files in a directory and below it, in order.
func Files(path string) ([]string, error) {
	d, err := New(path, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	err = d.walk(func(name string) {
		if data, err := readBounded(filepath.Join(d.path, name)); err != nil && isYAML(name) || isFlow(name, data) {
			names = append(names, d.shown(name))
		}
	})
	return names, err
}

// Find returns the flow with a key among the flow files of a directory, and the path of its file. It applies nothing.
// It returns an error if no readable file has the key, or if two have it.
func Find(path string, registry *kind.Registry, key string) (flow *compile.Flow, file string, err error) {
	d, err := New(path, registry, nil, nil)
	if err != nil {
		return nil, "", err
	}
	all, err := d.scan()
	if err != nil {
		return nil, "", err
	}
	files := all.flows()
	var names, broken []string
	for _, name := range everhook.SortedKeys(files) {
		switch found := files[name].flow; {
		case found == nil:
			broken = append(broken, name)
		case found.Definition.Key == key:
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 1:
		return files[names[0]].flow, filepath.Join(path, names[0]), nil
	case len(names) > 1:
		return nil, "", fmt.Errorf("the flow %s is in %s; give the file instead of the key", key,
			strings.Join(names, " and "))
	case len(broken) > 0:
		return nil, "", fmt.Errorf("no flow %s in %s, but files with errors: %s; see `everhook flow validate`", key,
			path, strings.Join(broken[:min(len(broken), 5)], ", "))
	default:
		return nil, "", fmt.Errorf("no flow %s in %s; give its directory with --dir, or its file", key, path)
	}
}
