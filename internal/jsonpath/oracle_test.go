package jsonpath_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	oracle "github.com/theory/jsonpath"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/jsonpath"
)

// flaws are the queries in which theory/jsonpath 0.12.3 departs from the RFC. They are not compared.
var flaws = []*regexp.Regexp{
	regexp.MustCompile(`\[[^?\]]*:[^\]]*\d *[-:\d]`), // slices: it takes [1:3-1] and [::1:]
	regexp.MustCompile(`,\s*\)`),                     // it takes a comma after the last argument
	regexp.MustCompile(`[=<>!]\s*[$@]\s+[.\[]`),      // it refuses space inside a compared query (2.3.5.1)
	regexp.MustCompile(`\.(null|true|false)`),        // it refuses these names (2.5.1.1)
	regexp.MustCompile(`[<>]=`),                      // nothing <= nothing is true (2.3.5.2.2)
	regexp.MustCompile(`\?.*\d{16}`),                 // it compares integers as float64
	regexp.MustCompile(`match|search`),               // an invalid regular expression matches no text (2.4.6)
}

// TestAnotherImplementationAgrees compares this package with theory/jsonpath on the examples of the RFC and on 300
// variations of each. Both must accept the same queries and select the same nodes. Their order may differ, but only
// where the RFC leaves it open: the library visits the members of an object in the random order of a Go map.
func TestAnotherImplementationAgrees(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/rfc9535.json")
	require.NoError(t, err)
	var sections []section
	require.NoError(t, json.Unmarshal(data, &sections))
	random := rand.New(rand.NewPCG(9535, 1))
	compared, selected := 0, 0
	for _, section := range sections {
		for _, c := range section.Cases {
			example := c.Query
			if c.Holds != nil {
				example = "$[?" + c.Query + "]"
			}
			query := example
			for range 300 {
				if !slices.ContainsFunc(flaws, func(flaw *regexp.Regexp) bool { return flaw.MatchString(query) }) {
					compared++
					if agree(t, query, section.Document.V) {
						selected++
					}
				}
				query = variation(random, example)
			}
		}
	}
	require.Greater(t, compared, 20_000)
	require.Greater(t, selected, 2_000, "queries that select nodes")
}

// agree reports whether the query selects nodes.
func agree(t *testing.T, query string, document any) bool {
	t.Helper()
	path, err := jsonpath.Parse(query)
	other, otherErr := oracle.Parse(query)
	require.Equal(t, otherErr == nil, err == nil, "%s\nours: %v\ntheirs: %v", query, err, otherErr)
	if err != nil {
		return false
	}
	ours, err := path.Select(t.Context(), document)
	require.NoError(t, err)
	theirs := other.Select(floats(document))
	require.ElementsMatch(t, texts(t, ours), texts(t, theirs), query)
	return len(ours) > 0
}

// texts are values as JSON.
func texts(t *testing.T, values []any) []string {
	t.Helper()
	list := make([]string, 0, len(values))
	for _, v := range values {
		canonical, err := everhook.Canonical(v)
		require.NoError(t, err)
		text, err := everhook.EncodeJSON(canonical)
		require.NoError(t, err)
		list = append(list, string(text))
	}
	return list
}

// floats copies a canonical value with the numbers of encoding/json, for the library.
func floats(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = floats(item)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(v))
		for key, item := range v {
			mapping[key] = floats(item)
		}
		return mapping
	default:
		return v
	}
}

// variation deletes, doubles or inserts a few characters of a query.
func variation(random *rand.Rand, query string) string {
	const inserted = "$@.*[]?()!&|<>=,:'\"\\-01a e"
	text := []rune(query)
	for range 1 + random.IntN(2) {
		at := random.IntN(len(text) + 1)
		switch {
		case random.IntN(2) == 0 || at == len(text):
			c := rune(inserted[random.IntN(len(inserted))])
			text = append(text[:at], append([]rune{c}, text[at:]...)...)
		default:
			text = append(text[:at], text[at+1:]...)
		}
	}
	return strings.ToValidUTF8(string(text), "")
}
