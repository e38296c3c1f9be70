package flowfile

import (
	"fmt"
	"strings"
)

// refineFlow says what ends an entry of { } or [ ] where a comma or the closing bracket is needed: usually a value
// without quotes.
func refineFlow(found *diagnosis, text string, context int) {
	if isBlank(text[found.offset]) && found.offset > 0 && text[found.offset-1] == ':' {
		found.offset-- // a colon before the blank marks a key
	}
	line := strings.LastIndexByte(text[:found.offset], '\n') + 1
	if open := unclosedBracket(text, context); open.message != "" &&
		(open.offset < line || strings.TrimSpace(text[found.offset+1:]) == "") {
		*found = open
		return
	}
	before := strings.TrimRight(text[:found.offset], " \t\r\n")
	start := strings.LastIndexByte(before, '\n') + 1
	start += flowValue(before[start:])
	value := before[start:]
	switch c := text[found.offset]; {
	case strings.HasPrefix(value, "{{"):
		found.message = templateMessage
	case value != "" && markOfByte(value[0]) != "":
		found.message = markMessages[markOfByte(value[0])]
	case strings.HasSuffix(value, `"`) || strings.HasSuffix(value, "'"):
		found.message = afterQuoteMessage
	case c == '?' && strings.Contains(text[found.offset-1:min(len(text), found.offset+2)], "??"):
		found.message = flowValueMessage + "??"
	case c == '?' || c == ':' && strings.Contains(value, " ? "):
		found.message = conditionalMessage
	case (c == '{' || c == '[') && value != "":
		found.message = flowValueMessage + string(c)
	case c == ':':
		found.message, found.fix = "a second colon in one entry of { } or [ ]",
			"put a comma between entries, and values with a colon and a space in quotes"
		return
	default:
		found.message, found.fix = "a comma or the closing bracket is missing",
			"put a comma between entries, and values with brackets in quotes"
		return
	}
	found.offset = start
	found.value = newSource(text).raw(start, true)
	found.fix = quoteFix(found.value)
}

// flowValue gives the index at which the last value of a line begins that ends inside { } or [ ].
func flowValue(line string) int {
	start := len(line) - len(strings.TrimLeft(line, " "))
	next := func(i int) int { return i + len(line[i:]) - len(strings.TrimLeft(line[i:], " ")) }
	for i := start; i < len(line); i++ {
		switch c := line[i]; {
		case i == start && strings.HasPrefix(line[i:], "{{"):
			closing := strings.Index(line[i:], "}}")
			if closing < 0 {
				return start
			}
			i += closing + 1
		case i == start && c == '!':
			i += len(firstWord(line[i:])) - 1 // a tag takes commas and brackets in
		case c == '"' || c == '\'':
			if end := closingQuote(line, i); end > 0 {
				i = end
			}
		case c == '{' || c == '[' || c == ',' || c == ':' && i+1 < len(line) && line[i+1] == ' ':
			start = next(i + 1)
		}
	}
	return start
}

// unclosedBracket diagnoses a bracket on the line of context that is closed nowhere; without a message when there is
// none.
func unclosedBracket(text string, context int) diagnosis {
	line, _, _ := strings.Cut(text[context:], "\n")
	closing := closingBrackets(text[context:])
	for i := range len(line) {
		if (line[i] == '{' || line[i] == '[') && closing[i] == 0 {
			return diagnosis{offset: context + i, message: fmt.Sprintf("%c is not closed", line[i]),
				fix: fmt.Sprintf("close it with %c", line[i]+2)}
		}
	}
	return diagnosis{}
}
