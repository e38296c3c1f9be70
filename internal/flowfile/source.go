package flowfile

import (
	"sort"
	"unicode/utf8"
)

// source is the text of a file with three kinds of positions: a byte offset inside this package, a Position for users,
// and a mark, which is YAML's line and column: YAML 1.1 ends lines at more characters than editors do.
type source struct {
	text  string
	lines []int // offsets of the lines' starts, as editors see lines
	marks []int // offsets of the lines' starts, as YAML sees them

	// The last mark that was converted. Nodes come in the order of the file, so a long line is walked once.
	lastLine, lastColumn, lastOffset int
}

func newSource(text string) *source {
	s := &source{text: text, lines: []int{0}, marks: []int{0}, lastColumn: 1, lastLine: 1}
	for i, r := range text {
		switch r {
		case '\n':
			s.lines = append(s.lines, i+1)
			s.marks = append(s.marks, i+1)
		case '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				s.marks = append(s.marks, i+1)
			}
		case '\u0085', '\u2028', '\u2029':
			s.marks = append(s.marks, i+utf8.RuneLen(r))
		}
	}
	return s
}

// position returns the Position of an offset.
func (s *source) position(offset int) Position {
	offset = max(0, min(offset, len(s.text)))
	line := sort.SearchInts(s.lines, offset+1)
	return Position{Line: line, Column: utf8.RuneCountInString(s.text[s.lines[line-1]:offset]) + 1}
}

// offset returns the offset of a mark. Line and column count from 1.
func (s *source) offset(line, column int) int {
	if line < 1 || line > len(s.marks) {
		return len(s.text)
	}
	if line != s.lastLine || column < s.lastColumn {
		s.lastLine, s.lastColumn, s.lastOffset = line, 1, s.marks[line-1]
	}
	for s.lastColumn < column && s.lastOffset < len(s.text) {
		_, size := utf8.DecodeRuneInString(s.text[s.lastOffset:])
		s.lastOffset += size
		s.lastColumn++
	}
	return s.lastOffset
}

// lineAt returns the bounds of the editor's line that contains an offset, without its end.
func (s *source) lineAt(offset int) (start, end int) {
	line := sort.SearchInts(s.lines, offset+1)
	start, end = s.lines[line-1], len(s.text)
	if line < len(s.lines) {
		end = s.lines[line] - 1
	}
	if end > start && s.text[end-1] == '\r' {
		end--
	}
	return start, end
}
