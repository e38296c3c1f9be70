package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSurvivorsAreNamed tries all changes of a small package: the test notices most, a value at a limit is missing, one
// function has no test, and mutants.txt excuses one change.
func TestSurvivorsAreNamed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	got, err := run("testdata/sample", []string{"testdata/sample"}, 1000, 1, &out)
	require.NoError(t, err)
	var survived []string
	for line := range strings.Lines(out.String()) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); fields[0] == "survived" {
			survived = append(survived, strings.Join(fields[1:], " | "))
		}
	}
	const file = "testdata/sample/sample.go:"
	require.ElementsMatch(t, []string{
		file + "11 | sample.go Positive: if n >= 100 {: >= -> >",
		file + "11 | sample.go Positive: if n >= 100 {: 100 -> 101",
		file + "25 | sample.go Unreached: return a < limit: < -> >= | no test reaches it",
		file + "24 | sample.go Unreached: const limit = 5: 5 -> 6",
	}, survived)
	require.Equal(t, 1, got.excused)
	require.Equal(t, 6, got.killed, out.String())
}

func TestAPackageThatFailsWithoutAChangeIsReported(t *testing.T) {
	t.Parallel()
	_, err := run("testdata/failing", []string{"testdata/failing"}, 10, 1, &bytes.Buffer{})
	require.ErrorContains(t, err, "TestFails fails without a change")
}
