// Package flowtest runs contract tests of flows. A file gives requests and the outcomes of effects; the test compares
// the answer of the flow, its steps and its requests to other systems.
//
// A test takes the way of a delivery: through a receiver that listens in memory, with the flow's own route, into the
// interpreter in Temporal's test environment, whose clock jumps to the next timer. Effects are never performed. Nothing
// leaves the process, and no secret is read.
package flowtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

// Suite is one file of tests with its flow. It is immutable.
type Suite struct {
	// File is the name of the test file.
	File string
	// Flow is the flow's key.
	Flow string
	// Tests are in the order of the file.
	Tests []Test

	text        []byte
	definition  []byte
	version     everhook.Version
	flow        *compile.Flow
	interpreter *workflows.Interpreter
}

// Test is one test of a suite.
type Test struct {
	// Name is a sentence. It is unique in the suite.
	Name string
	// Position is the test's position in the file.
	flowfile.Position

	index    int
	env      map[string]string
	fields   testFields
	outcomes map[string][]outcome
}

// Load reads a file of tests, and the flow file beside it: order-intake.yaml, .yml or .json for order-intake.test.yaml.
// The suite is nil if a problem of one of the two is an error. Warnings about the flow are omitted; validating the flow
// reports them. The error is about reading the files.
func Load(file string, registry *kind.Registry) (*Suite, flowfile.Problems, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	flowName, flowText, err := readFlow(file)
	if err != nil {
		return nil, nil, err
	}
	flow, problems := flowfile.Load(flowName, flowText, registry)
	if flow == nil {
		return nil, problems.Errors(), nil
	}
	suite, problems := New(file, text, flow, registry)
	return suite, problems, nil
}

// flowEndings are the endings of flow files, in the order of the search.
var flowEndings = []string{".yaml", ".yml", ".json"}

func readFlow(file string) (name string, text []byte, err error) {
	base, ok := flowfile.TestedBy(file)
	if !ok {
		return "", nil, fmt.Errorf("%s is no file of contract tests; those are named after their flow, as "+
			"order-intake.test.yaml", file)
	}
	for _, ending := range flowEndings {
		text, err := os.ReadFile(base + ending)
		if !errors.Is(err, fs.ErrNotExist) {
			return base + ending, text, err
		}
	}
	return "", nil, fmt.Errorf("%s has no flow beside it: there is no %s", file, filepath.Base(base)+flowEndings[0])
}

// New makes a suite from the text of a test file, for a flow that was compiled with the registry. The suite is nil if a
// problem is an error.
func New(file string, text []byte, flow *compile.Flow, registry *kind.Registry) (*Suite, flowfile.Problems) {
	s := &Suite{File: file, Flow: flow.Definition.Key, text: text, flow: flow,
		interpreter: workflows.NewInterpreter(compile.NewVersions(registry))}
	var problems flowfile.Problems
	if s.Tests, problems = parse(file, text, flow); len(problems.Errors()) > 0 {
		return nil, problems
	}
	hash, err := flow.Definition.Hash()
	if err == nil {
		s.definition, err = everhook.EncodeJSON(flow.Definition)
	}
	if err != nil {
		return nil, append(problems, flowfile.Problem{File: file, Message: fmt.Sprintf("the flow cannot be encoded: %v",
			err)})
	}
	s.version = everhook.Version{Number: testedVersion, Hash: hash, Definition: flow.Definition}
	return s, problems
}

// testedVersion is the version number of the tested flow, whatever versions a server has.
const testedVersion = 1

// Find returns the test files for the given names, sorted: a file itself, and all test files in a directory and below
// it. It leaves out directories whose name begins with a dot, node_modules, everhook-data and directories with a file
// .everhookignore. A name without a test is an error.
func Find(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		found, err := find(name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no file of contract tests, as order-intake.test.yaml beside "+
				"order-intake.yaml", name)
		}
		files = append(files, found...)
	}
	return files, nil
}

func find(name string) (files []string, err error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != name && flowfile.Skips(path):
			return fs.SkipDir
		case !entry.IsDir() && flowfile.IsTest(path):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// isBlank reports whether a file has only comments: the reader of flow files would report a missing flow.
func isBlank(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
