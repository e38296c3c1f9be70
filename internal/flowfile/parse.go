package flowfile

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Limits of a file. Depth is bounded by everhook.MaxDepth.
const (
	// MaxFileSize is the longest file that is read, in bytes: 1 MiB.
	MaxFileSize = 1 << 20
	// MaxValues is how many lists, mappings and scalars a file may hold.
	MaxValues = 100_000
	// maxProblems bounds one report.
	maxProblems = 100
)

// ParseDocument reads a file's text: JSON (RFC 8259) when the file's name ends in .json, else YAML with JSON's types.
// There plain null, true, false and JSON's numbers are typed, an empty value is null, and everything else is text. The
// document is nil only if nothing can be read at all; with errors in the report it holds what its author probably
// meant, good for finding more problems, not for use.
func ParseDocument(file string, data []byte) (*Document, Problems) {
	r := &report{file: file, source: newSource("")}
	if len(data) > MaxFileSize {
		r.add(0, nil, fmt.Sprintf("the file has %d bytes; a flow file has at most %d", len(data), MaxFileSize),
			"move large data out of the flow")
		return nil, r.problems
	}
	r.source = newSource(strings.TrimPrefix(string(data), "\ufeff"))
	var root *place
	var v any
	if strings.EqualFold(filepath.Ext(file), ".json") {
		root, v = parseJSON(r)
	} else {
		root, v = parseYAML(r)
	}
	if root == nil {
		return nil, r.problems
	}
	document := &Document{File: file, Value: v, source: r.source, root: root}
	for i, problem := range r.problems {
		r.problems[i].Node = document.NodeKey(problem.Pointer)
	}
	r.problems.Sort()
	return document, r.problems
}

// report collects the problems of one file.
type report struct {
	file     string
	source   *source
	problems Problems
}

func (r *report) add(offset int, path []string, message, fix string) {
	if len(r.problems) >= maxProblems {
		return
	}
	r.problems = append(r.problems, Problem{
		File: r.file, Position: r.source.position(offset), Pointer: strict.Pointer("", path...), Message: message,
		Fix: fix,
	})
}

// shown is a piece of the file as messages show it: one line, not too long.
func shown(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return everhook.Shorten(strings.TrimSpace(line), 60)
}

// inQuotes writes text as YAML in the quotes that need the least escaping.
func inQuotes(text string) string {
	text = shown(text)
	if strings.Contains(text, "'") && !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
