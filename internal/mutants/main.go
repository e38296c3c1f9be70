// Command mutants changes one small thing in a package, runs the tests that reach it, and expects one to fail. It does
// so for a sample of all changes that it knows, which a seed chooses. Changes that no test notices are listed.
//
//	go run ./internal/mutants -n 200 -seed 1 ./nodes/expression
//
// The tests are compiled once for many changes, of which an environment variable switches one on. Changes of sizes that
// only reserve memory, or shorten the text of a message, are left out, see isHint.
//
// The file mutants.txt in a package lists survivors that are no gap of the tests, one a line: the change as the command
// prints it, a tab, and the reason. The command leaves them out, and fails if fewer than nine in ten others are killed.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// share is the part of the mutants that must be killed, in percent.
const share = 90

func main() {
	n := flag.Int("n", 200, "how many mutants of each package")
	seed := flag.Uint64("seed", 1, "chooses the mutants")
	tests := flag.String("tests", "", "packages with the tests, with commas between, if not that of the mutants alone")
	flag.Parse()
	failed := false
	for _, dir := range flag.Args() {
		of := []string{dir}
		if *tests != "" {
			of = strings.Split(*tests, ",")
		}
		result, err := run(filepath.Clean(dir), of, *n, *seed, os.Stdout)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		failed = failed || result.percent() < share
	}
	if failed {
		os.Exit(1)
	}
}

// result counts the mutants of a package. Late are those of the killed ones that only took too long.
type result struct{ killed, survived, excused, late int }

func (r result) done() int { return r.killed + r.survived + r.excused }

func (r result) percent() int { return 100 * r.killed / max(1, r.killed+r.survived) }

// run tries n mutants of the package in a directory on the tests of some packages.
func run(dir string, tests []string, n int, seed uint64, out io.Writer) (result, error) {
	all, err := mutantsOf(dir)
	if err != nil {
		return result{}, err
	}
	reasons, err := known(filepath.Join(dir, "mutants.txt"))
	if err != nil {
		return result{}, err
	}
	shuffle(all, seed)
	t := trial{dir: dir, tests: tests, n: n, reasons: reasons, out: out}
	for rest := all; t.done() < n && len(rest) > 0; {
		missing := n - t.done()
		some := min(missing+missing/5+5, len(rest)) // a few do not compile
		if err := t.try(rest[:some]); err != nil {
			return t.result, err
		}
		rest = rest[some:]
	}
	fmt.Fprintf(out, "%s: %d of %d killed (%d %%, %d by taking too long), %d with a reason in mutants.txt, of %d "+
		"possible, seed %d\n", dir, t.killed, t.killed+t.survived, t.percent(), t.late, t.excused, len(all), seed)
	return t.result, nil
}

// shuffle orders mutants by a hash of their names. So a change of the package leaves the others in the sample.
func shuffle(all []mutant, seed uint64) {
	rank := func(m mutant) [sha256.Size]byte { return sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, m.name)) }
	slices.SortStableFunc(all, func(a, b mutant) int {
		left, right := rank(a), rank(b)
		return bytes.Compare(left[:], right[:])
	})
}

// known reads a list of survivors with their reasons.
func known(file string) (map[string]string, error) {
	reasons := map[string]string{}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return reasons, nil
	}
	for line := range strings.Lines(string(data)) {
		name, reason, found := strings.Cut(strings.TrimSpace(line), "\t")
		if found && !strings.HasPrefix(name, "#") {
			reasons[name] = reason
		}
	}
	return reasons, err
}
