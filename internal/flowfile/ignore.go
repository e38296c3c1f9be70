package flowfile

import (
	"os"
	"path/filepath"
	"strings"
)

// IgnoreFile marks a directory whose flows are not for whoever reads one above it: another program's, for example.
// Named itself, it is read.
const IgnoreFile = ".everhookignore"

// Skips reports whether what is below a directory is left out by all that look for files of flows in one above it:
// those that begin with a dot, node_modules, everhook-data, and those with an IgnoreFile.
func Skips(directory string) bool {
	name := filepath.Base(directory)
	if strings.HasPrefix(name, ".") || name == "node_modules" || name == "everhook-data" {
		return true
	}
	_, err := os.Lstat(filepath.Join(directory, IgnoreFile))
	return err == nil
}
