package flowtest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/everhook/everhook"
)

// linesOf writes a value as lines: lists and mappings as indented JSON.
func linesOf(v *everhook.Value) []string {
	if v == nil {
		return nil
	}
	data, err := everhook.EncodeJSON(v.V)
	if err != nil {
		return []string{err.Error()}
	}
	var text bytes.Buffer
	if json.Indent(&text, data, "", "  ") != nil {
		return []string{string(data)}
	}
	return strings.Split(text.String(), "\n")
}

const (
	// maxDiffLines bounds the compared lines of each side.
	maxDiffLines = 500
	// diffContext is the number of equal lines that are shown around a difference.
	diffContext = 3
)

// diff merges two texts: common lines begin with two spaces, lines of want with "- ", lines of got with "+ ".
func diff(want, got []string) string {
	// Lines before the first difference are skipped, so that clipping never removes it.
	skipped := max(0, sameLines(want, got)-diffContext)
	want, got = clipped(want[skipped:]), clipped(got[skipped:])
	// common[i][j] is the length of a longest common subsequence of the lines want[i:] and got[j:].
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	if skipped > 0 {
		lines = append(lines, "  …")
	}
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			lines = append(lines, "  "+want[i])
			i, j = i+1, j+1
		case i < len(want) && (j == len(got) || common[i+1][j] >= common[i][j+1]):
			lines = append(lines, "- "+want[i])
			i++
		default:
			lines = append(lines, "+ "+got[j])
			j++
		}
	}
	return strings.Join(withoutFarContext(lines), "\n")
}

// sameLines returns the length of the common beginning of two texts, in lines.
func sameLines(a, b []string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func clipped(lines []string) []string {
	if len(lines) <= maxDiffLines {
		return lines
	}
	return append(lines[:maxDiffLines:maxDiffLines], "…")
}

// withoutFarContext removes equal lines that are far from every difference.
func withoutFarContext(lines []string) []string {
	near := make([]bool, len(lines))
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		for k := max(0, i-diffContext); k <= min(len(lines)-1, i+diffContext); k++ {
			near[k] = true
		}
	}
	var kept []string
	for i, line := range lines {
		switch {
		case near[i]:
			kept = append(kept, line)
		case i == 0 || near[i-1]:
			kept = append(kept, "  …")
		}
	}
	return kept
}
