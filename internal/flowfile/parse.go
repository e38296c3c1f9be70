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
	// MaxFileSize is the size of the largest file, in bytes: 1 MiB.
	MaxFileSize = 1 << 20
	// MaxValues bounds the lists, mappings and scalars of a file.
	MaxValues = 100_000
	// maxProblems bounds one report.
	maxProblems = 100
)

// ParseDocument parses a file: JSON (RFC 8259) if its name ends in .json, else YAML with JSON's types. In YAML, plain
// null, true, false and JSON's numbers are typed, an empty value is null, and everything else is text. The document is
// nil only if nothing can be read. If the report has errors, the document has the values that were probably meant; use
// it only to find more problems.
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

// shown returns a piece of the file for messages: one line, not too long.
func shown(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return everhook.Shorten(strings.TrimSpace(line), 60)
}

// inQuotes writes text as YAML with the quotes that need the least escaping.
func inQuotes(text string) string {
	text = shown(text)
	if strings.Contains(text, "'") && !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
