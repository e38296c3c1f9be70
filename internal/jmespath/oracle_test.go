package jmespath_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	oracle "github.com/jmespath-community/go-jmespath"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/jmespath"
)

// flaws are the queries in which go-jmespath 1.1.1 departs from the specification. They are not compared.
var flaws = []*regexp.Regexp{
	regexp.MustCompile(`\*`),               // a product binds like a wildcard: inside a projection, not after it
	regexp.MustCompile(`to_number\('.*\.`), // it reads 1. and .1
}

// TestAnotherImplementationAgrees compares this package with go-jmespath on 100 variations of each query of the
// compliance suite. Queries that either refuses are left out: the library accepts many that are not well-formed.
func TestAnotherImplementationAgrees(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../query/testdata/jmespath/*.json")
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var suites []struct {
			Given json.RawMessage               `json:"given"`
			Cases []struct{ Expression string } `json:"cases"`
		}
		require.NoError(t, json.Unmarshal(data, &suites))
		for _, suite := range suites {
			ours, err := everhook.ParseJSON(suite.Given)
			require.NoError(t, err)
			var theirs any
			require.NoError(t, json.Unmarshal(suite.Given, &theirs))
			for _, c := range suite.Cases {
				for range 100 {
					text := variation(random, c.Expression)
					if !slices.ContainsFunc(flaws, func(r *regexp.Regexp) bool { return r.MatchString(text) }) &&
						agree(t, text, ours, theirs) {
						compared++
					}
				}
			}
		}
	}
	require.Greater(t, compared, 15_000)
}

// agree reports whether both accept the query.
func agree(t *testing.T, text string, ours, theirs any) bool {
	t.Helper()
	query, err := jmespath.Parse(text)
	if err != nil {
		return false
	}
	got, err := query.Search(t.Context(), ours)
	if err != nil {
		return false
	}
	found, err := oracle.Search(text, theirs)
	if err != nil {
		return false
	}
	want, err := everhook.Canonical(found)
	require.NoError(t, err)
	require.True(t, everhook.Equal(want, got), "%s\nours: %v\ntheirs: %v", text, got, want)
	return true
}

// variation deletes or inserts one or two characters of a query.
func variation(random *rand.Rand, query string) string {
	const inserted = "$@.*[]?(){}!&|<>=,:'\"`-01a e/+"
	text := []rune(query)
	for range 1 + random.IntN(2) {
		at := random.IntN(len(text) + 1)
		if random.IntN(2) == 0 || at == len(text) {
			text = append(text[:at], append([]rune{rune(inserted[random.IntN(len(inserted))])}, text[at:]...)...)
		} else {
			text = append(text[:at], text[at+1:]...)
		}
	}
	return string(text)
}
