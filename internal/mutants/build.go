package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

const (
	// chosenVariable names the mutant to switch on.
	chosenVariable = "EVERHOOK_MUTANT"
	// reachedVariable names the file to which the number of each mutant is written when it is reached.
	reachedVariable = "EVERHOOK_MUTANTS_REACHED"
)

// switches is the file that a changed package gets. It works from the first initialisation of a variable on.
const switches = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var everhookMutants = func() (s struct {
	chosen  int
	record  *os.File
	reached [%d]atomic.Bool
}) {
	s.chosen, _ = strconv.Atoi(os.Getenv("` + chosenVariable + `"))
	if name := os.Getenv("` + reachedVariable + `"); name != "" {
		s.record, _ = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	}
	return
}()

func everhookMutant(number int) bool {
	if everhookMutants.record != nil && !everhookMutants.reached[number].Swap(true) {
		_, _ = everhookMutants.record.WriteString(strconv.Itoa(number) + "\n")
	}
	return everhookMutants.chosen == number
}
`

// errNotCompiled is the error of a build whose code is wrong, as opposed to one that could not run.
var errNotCompiled = errors.New("does not compile")

// place finds file and line of an error of the compiler.
var place = regexp.MustCompile(`(?m)^(.*\.go):(\d+):`)

// compileAll compiles the tests with many mutants, numbered from 1 in their order. It returns those that cannot be
// compiled beside others: some lie within others, and some compile only alone, or not at all.
func compileAll(dir string, tests []string, scratch string,
	all []mutant) (together, apart []mutant, err error) {
	for _, m := range all {
		within := func(other mutant) bool {
			return other.file == m.file && other.start < m.end && m.start < other.end
		}
		if m.form == "" || slices.ContainsFunc(together, within) {
			apart = append(apart, m)
		} else {
			together = append(together, m)
		}
	}
	for len(together) > 0 {
		files, err := instrumented(dir, together)
		if err != nil {
			return nil, nil, err
		}
		output, err := compile(tests, scratch, files)
		if err == nil {
			return together, apart, nil
		}
		if !errors.Is(err, errNotCompiled) {
			return nil, nil, err
		}
		wrong := map[string]bool{}
		for _, match := range place.FindAllStringSubmatch(output, -1) {
			wrong[filepath.Base(match[1])+":"+match[2]] = true
		}
		before := len(together)
		together = slices.DeleteFunc(together, func(m mutant) bool {
			isWrong := wrong[filepath.Base(m.file)+":"+strconv.Itoa(m.line)]
			if isWrong {
				apart = append(apart, m)
			}
			return isWrong
		})
		if len(together) == before {
			return nil, nil, fmt.Errorf("%s with mutants: %w:\n%s", dir, err, output)
		}
	}
	return together, apart, nil
}

// instrumented returns the files of a package with all mutants in them, by name.
func instrumented(dir string, all []mutant) (files map[string][]byte, err error) {
	byFile := map[string][]int{}
	for i, m := range all {
		byFile[m.file] = append(byFile[m.file], i)
	}
	files = map[string][]byte{}
	for file, numbers := range byFile {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(numbers, func(a, b int) int { return all[b].start - all[a].start })
		changed := text
		for _, i := range numbers {
			m := all[i]
			code := fmt.Sprintf(m.form, i+1, m.changed(text), m.original(text))
			changed = slices.Concat(changed[:m.start], []byte(code), changed[m.end:])
		}
		files[file] = changed
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	clause := regexp.MustCompile(`(?m)^package (\w+)`).FindSubmatch(files[all[0].file])
	files[filepath.Join(absolute, "everhook_mutants.go")] = fmt.Appendf(nil, switches, clause[1], len(all)+1)
	return files, nil
}

// binary is the file with the tests of a package, by its place in the list of packages.
func binary(scratch string, number int) string {
	return filepath.Join(scratch, fmt.Sprintf("tests-%d", number))
}

// compile compiles the tests of packages with some files replaced.
func compile(tests []string, scratch string, files map[string][]byte) (output string, err error) {
	replace := map[string]string{}
	for i, file := range slices.Sorted(maps.Keys(files)) {
		// The compiler names this file in its errors.
		name := filepath.Join(scratch, strconv.Itoa(i), filepath.Base(file))
		err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, files[file], 0o600))
		if err != nil {
			return "", err
		}
		replace[file] = name
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	for i, dir := range tests {
		command := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", list, "-o",
			binary(scratch, i), ".")
		command.Dir = dir
		said, err := command.CombinedOutput()
		if _, exited := errors.AsType[*exec.ExitError](err); exited {
			return string(said), errNotCompiled
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}
