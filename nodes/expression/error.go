package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is the reason why a source does not compile.
type Error struct {
	// Message says what is wrong, in one line.
	Message string
	// Fix says what to write instead; it may be empty.
	Fix string
	// Source is the text of the expression or template.
	Source string
	// Offset is the position in Source, in bytes.
	Offset int
}

// Error returns message, fix and the source line with a caret.
func (e *Error) Error() string {
	text := e.Message
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text + e.Snippet()
}

// maxSnippet bounds the characters of a source line that are shown.
const maxSnippet = 100

// Snippet returns the source line, and a second line with a caret below the position; empty without a source.
func (e *Error) Snippet() string {
	if e.Source == "" {
		return ""
	}
	offset := min(max(e.Offset, 0), len(e.Source))
	start := strings.LastIndexByte(e.Source[:offset], '\n') + 1
	line, _, _ := strings.Cut(e.Source[start:], "\n")
	line = strings.TrimRight(line, "\r")
	shown := []rune(strings.ReplaceAll(line, "\t", " "))
	column := utf8.RuneCountInString(e.Source[start:offset])
	if len(shown) > maxSnippet {
		from := max(0, min(column-maxSnippet/2, len(shown)-maxSnippet))
		shown, column = shown[from:from+maxSnippet], column-from
	}
	return fmt.Sprintf("\n | %s\n | %s^", string(shown), strings.Repeat(" ", min(column, len(shown))))
}

// Problem is an error or a likely mistake in a field.
type Problem struct {
	// Pointer is the JSON pointer of the value, below the one that Compile was given.
	Pointer string
	// Message says what is wrong, with the source line and a caret.
	Message string
	// Fix says what to do; it may be empty.
	Fix string
	// Warning is set if the field works anyway.
	Warning bool
}

func (e *Error) warning(pointer string) Problem {
	problem := e.problem(pointer)
	problem.Warning = true
	return problem
}

func (e *Error) problem(pointer string) Problem {
	return Problem{Pointer: pointer, Message: e.Message + e.Snippet(), Fix: e.Fix}
}
