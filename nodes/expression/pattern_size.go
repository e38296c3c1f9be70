package expression

import (
	"strconv"
	"strings"
)

// patternSize returns the approximate number of instructions of a regular expression: one for each byte, with all
// repetitions. It is computed from the text, because the compiled program differs between Go releases, and the cost of
// a match must not.
func patternSize(text string) int {
	s := patternScanner{}
	s.open()
	for i := 0; i < len(text); {
		i = s.next(text, i)
	}
	for len(s.groups) > 1 {
		s.close()
	}
	return s.groups[0].total()
}

// patternScanner keeps the groups around the position, outermost first.
type patternScanner struct{ groups []patternGroup }

// patternGroup is the size of a group so far: sum is the size of all atoms but the last, which may be repeated.
type patternGroup struct{ sum, last int }

func (g patternGroup) total() int { return min(g.sum+g.last, 2*MaxBytes) }

func (s *patternScanner) open() { s.groups = append(s.groups, patternGroup{}) }

func (s *patternScanner) close() {
	size := s.groups[len(s.groups)-1].total()
	s.groups = s.groups[:len(s.groups)-1]
	s.atom(size + 2)
}

func (s *patternScanner) atom(size int) {
	g := &s.groups[len(s.groups)-1]
	g.sum, g.last = g.total(), size
}

// next counts the atom at position i, and returns the position after it.
func (s *patternScanner) next(text string, i int) int {
	g := &s.groups[len(s.groups)-1]
	switch text[i] {
	case '\\':
		s.atom(2)
		return i + 2
	case '[':
		end := classEnd(text, i)
		s.atom(1 + (end-i)/4)
		return end
	case '(':
		s.open()
	case ')':
		if len(s.groups) > 1 {
			s.close()
		}
	case '{':
		if count, length := repetition(text[i:]); length > 0 {
			g.last = times(g.last+1, max(1, count))
			return i + length
		}
		s.atom(1)
	case '*', '+', '?', '|':
		g.last = min(g.last+2, 2*MaxBytes)
	default:
		s.atom(1)
	}
	return i + 1
}

// classEnd returns the position after the character class that starts at i.
func classEnd(text string, i int) int {
	i++
	for _, first := range []byte{'^', ']'} {
		if i < len(text) && text[i] == first {
			i++
		}
	}
	for i < len(text) {
		switch {
		case text[i] == '\\':
			i += 2
		case strings.HasPrefix(text[i:], "[:") && strings.Contains(text[i:], ":]"):
			i += strings.Index(text[i:], ":]") + 2
		case text[i] == ']':
			return i + 1
		default:
			i++
		}
	}
	return len(text)
}

// repetition parses {n}, {n,} or {n,m} at the start of text. It returns the larger number and the length, or 0 if there
// is none.
func repetition(text string) (count, length int) {
	inside, _, closed := strings.Cut(text[1:], "}")
	if !closed {
		return 0, 0
	}
	from, to, _ := strings.Cut(inside, ",")
	least, err := strconv.Atoi(from)
	if err != nil || least < 0 {
		return 0, 0
	}
	most := least
	if to != "" {
		if most, err = strconv.Atoi(to); err != nil {
			return 0, 0
		}
	}
	return max(least, most), len(inside) + 2
}
