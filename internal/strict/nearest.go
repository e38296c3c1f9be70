package strict

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxNearest bounds the names that are compared, in characters: longer names are not typing errors.
const maxNearest = 64

// Nearest returns the candidate that name was probably meant to be, or "" if none is close. At most a third of the
// characters, and at least one, may be wrong, missing, superfluous or swapped with a neighbour. Case is ignored. Of
// equally close candidates, the first one is returned.
func Nearest(name string, candidates []string) string {
	nearest, least := "", maxNearest
	for _, candidate := range candidates {
		longer := max(utf8.RuneCountInString(name), utf8.RuneCountInString(candidate))
		if longer > maxNearest {
			continue
		}
		distance := editDistance([]rune(strings.ToLower(name)), []rune(strings.ToLower(candidate)))
		if distance < least && distance < longer && distance <= max(1, longer/3) {
			nearest, least = candidate, distance
		}
	}
	return nearest
}

// Suggest says what to write in place of an unknown name: the nearest known name, or else all known names.
func Suggest(name string, known []string) string {
	if fix := didYouMean(name, known); fix != "" {
		return fix
	}
	if len(known) == 0 {
		return "remove it"
	}
	return "known: " + strings.Join(known, ", ")
}

func didYouMean(name string, known []string) string {
	if nearest := Nearest(name, known); nearest != "" {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	return ""
}

// editDistance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func editDistance(a, b []rune) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
