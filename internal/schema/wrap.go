package schema

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxColumns is the width of the paragraphs of a page.
const maxColumns = 120

// listMark matches the mark of a list item.
var listMark = regexp.MustCompile(`^(?:[*-]|\d+\.) `)

// unbroken matches the parts of a paragraph that stay on one line: words, with spaces inside of code.
var unbroken = regexp.MustCompile("(?:`[^`]*`|[^ `])+|`")

// wrapped returns a page with paragraphs and list items of at most maxColumns. Code, tables, headings, comments and
// indented lines are not changed.
func wrapped(page string) string {
	var text strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			text.WriteString(wrapParagraph(strings.Join(paragraph, " ")))
			paragraph = nil
		}
	}
	code := false
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence || code || line == "" || strings.ContainsAny(line[:1], "|#< ") {
			flush()
			text.WriteString(line + "\n")
			code = code != fence
			continue
		}
		if listMark.MatchString(line) {
			flush()
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return text.String()
}

func wrapParagraph(paragraph string) string {
	indent := strings.Repeat(" ", len(listMark.FindString(paragraph)))
	var text strings.Builder
	column := 0
	for i, word := range unbroken.FindAllString(paragraph, -1) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+length > maxColumns:
			text.WriteString("\n" + indent)
			column = len(indent)
		default:
			text.WriteByte(' ')
			column++
		}
		text.WriteString(word)
		column += length
	}
	return text.String() + "\n"
}
