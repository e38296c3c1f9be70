package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// quick is the time of a test that runs before the others.
	quick = time.Second
	// patience is what the tests of one mutant may take at least; over it, the mutant counts as killed.
	patience = 20 * time.Second
	// attempts is how often a test is tried without a change, as the machine may be busy.
	attempts = 3
	// maxMemory bounds the tests of one mutant, in KiB: a loop without an end may need any amount.
	maxMemory = 12 << 20
)

// trial tries up to n mutants, and counts what becomes of them.
type trial struct {
	result
	dir     string
	tests   []string
	n       int
	reasons map[string]string
	out     io.Writer
}

// try tries some mutants. Those that do not compile are not counted.
func (t *trial) try(all []mutant) error {
	all = slices.DeleteFunc(slices.Clone(all), func(m mutant) bool {
		excused := t.reasons[m.name] != ""
		if excused && t.done() < t.n {
			t.excused++
		}
		return excused
	})
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	together, apart, err := compileAll(t.dir, t.tests, scratch, all)
	if err != nil {
		return err
	}
	if len(together) > 0 {
		if err := t.together(scratch, together); err != nil {
			return err
		}
	}
	for _, m := range apart {
		if t.done() >= t.n {
			break
		}
		text, err := os.ReadFile(m.file)
		if err != nil {
			return err
		}
		switch _, err := compile(t.tests, scratch, map[string][]byte{m.file: m.alone(text)}); {
		case errors.Is(err, errNotCompiled):
			continue
		case err != nil:
			return err
		}
		killed := false
		for i, dir := range t.tests {
			if killed, err = (suite{binary(scratch, i), dir}).fails(".", 0, 5*time.Minute); err != nil {
				return err
			} else if killed {
				break
			}
		}
		t.count(m, killed, "")
	}
	return nil
}

// together tries mutants that are compiled together, each on the tests that reach it, the quick ones first.
func (t *trial) together(scratch string, all []mutant) error {
	var tests []test
	for i, dir := range t.tests {
		some, err := suite{binary(scratch, i), dir}.measure()
		if err != nil {
			return err
		}
		tests = append(tests, some...)
	}
	for i, m := range all {
		if t.done() >= t.n {
			break
		}
		killed, note := false, "no test reaches it"
		for _, group := range groups(tests, i+1) {
			note = ""
			pattern := "^(" + strings.Join(group.names, "|") + ")$"
			var err error
			limit := max(patience, 5*group.took)
			began := time.Now()
			if killed, err = group.suite.fails(pattern, i+1, limit); err != nil {
				return err
			}
			if killed && time.Since(began) >= limit {
				t.late++
			}
			if killed {
				break
			}
		}
		t.count(m, killed, note)
	}
	return nil
}

// group is tests of one binary that run in one process.
type group struct {
	suite suite
	names []string
	took  time.Duration
}

// groups returns the tests that reach a mutant: the quick ones of each binary, then the slow ones of each.
func groups(tests []test, number int) (all []*group) {
	for _, slow := range []bool{false, true} {
		of := map[suite]*group{}
		for _, test := range tests {
			if !test.reached[number] || test.took > quick != slow {
				continue
			}
			if of[test.suite] == nil {
				of[test.suite] = &group{suite: test.suite}
				all = append(all, of[test.suite])
			}
			of[test.suite].names = append(of[test.suite].names, test.name)
			of[test.suite].took += test.took
		}
	}
	return all
}

func (t *trial) count(m mutant, killed bool, note string) {
	if killed {
		t.killed++
	} else {
		t.survived++
		fmt.Fprintf(t.out, "survived\t%s:%d\t%s\t%s\n", filepath.Join(t.dir, filepath.Base(m.file)), m.line, m.name,
			note)
	}
	if t.done()%20 == 0 {
		fmt.Fprintf(os.Stderr, "%s: %d, of which %d survived\n", t.dir, t.done(), t.survived)
	}
}

// suite is a compiled test binary, and the directory in which its tests run.
type suite struct{ binary, dir string }

// test is a test without a change.
type test struct {
	suite   suite
	name    string
	took    time.Duration
	reached map[int]bool
}

// measure runs each test alone, without a change.
func (s suite) measure() (tests []test, err error) {
	list := exec.Command(s.binary, "-test.list", "^(Test|Fuzz|Example)")
	list.Dir = s.dir
	names, err := list.Output()
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(string(names)) {
		record := s.binary + "-reached"
		_ = os.Remove(record)
		var took time.Duration
		for attempt := 1; ; attempt++ {
			command := exec.Command(s.binary, "-test.run", "^"+name+"$")
			command.Dir, command.Env = s.dir, append(os.Environ(), reachedVariable+"="+record)
			began := time.Now()
			output, err := command.CombinedOutput()
			if took = time.Since(began); err == nil {
				break
			}
			if attempt == attempts {
				return nil, fmt.Errorf("%s fails without a change: %w\n%s", name, err, output)
			}
		}
		data, err := os.ReadFile(record)
		if err != nil {
			return nil, err
		}
		reached := map[int]bool{}
		for _, line := range strings.Fields(string(data)) {
			number, err := strconv.Atoi(line)
			if err != nil {
				return nil, err
			}
			reached[number] = true
		}
		tests = append(tests, test{s, name, took, reached})
	}
	return tests, nil
}

// fails runs tests with a mutant, and reports whether one fails, in which case it stops the others.
func (s suite) fails(pattern string, number int, limit time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-c", `ulimit -v "$0" 2>/dev/null; exec "$@"`, strconv.Itoa(maxMemory),
		s.binary, "-test.run", pattern, "-test.v")
	command.Dir = s.dir
	command.Env = append(os.Environ(), chosenVariable+"="+strconv.Itoa(number))
	out, err := command.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := command.Start(); err != nil {
		return false, err
	}
	failed := false
	reader := bufio.NewReader(out)
	for {
		line, err := reader.ReadString('\n')
		if strings.HasPrefix(strings.TrimSpace(line), "--- FAIL: ") {
			failed = true
			cancel()
		}
		if err != nil {
			break
		}
	}
	err = command.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited || ctx.Err() != nil {
		return true, nil
	}
	return failed, err
}
