package flowfile

import (
	"os"
	"path/filepath"
	"strings"
)

// IgnoreFile marks a directory whose flows are left out when a directory above it is read, for example because another
// program uses them. If the directory itself is named, it is read.
const IgnoreFile = ".everhookignore"

// Skips reports whether a search for flow files leaves a directory out: directories whose name begins with a dot,
// node_modules, everhook-data, and those with an IgnoreFile.
func Skips(directory string) bool {
	name := filepath.Base(directory)
	if strings.HasPrefix(name, ".") || name == "node_modules" || name == "everhook-data" {
		return true
	}
	_, err := os.Lstat(filepath.Join(directory, IgnoreFile))
	return err == nil
}
