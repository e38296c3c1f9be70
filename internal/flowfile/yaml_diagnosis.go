package flowfile

import (
	"errors"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"
)

// diagnosis is the explanation of a syntax error. Value is the meaning of the text at offset, if only quotes are
// missing.
type diagnosis struct {
	offset              int
	message, fix, value string
}

// diagnose finds the position and the cause of a syntax error. The text is the source's, perhaps with some values
// replaced by quoted ones.
func diagnose(s *source, text string, err *yamlError) diagnosis {
	fault := faultOf(err.problem)
	line := err.line
	if fault.scanner {
		line-- // the library's scanner counts from 1, its parser from 0, and there is one line more
	}
	context := s.offset(max(line, 1), 1)
	offset := context
	if !fault.atContext {
		offset = firstFailing(text, err.problem, fault.tail)
	}
	// Missing quotes explain the problem if their value starts before the position, or, for a value of several lines,
	// on the line of the context.
	for _, place := range []int{offset, context} {
		if found := missingQuotes(s, text, place); found.message != "" && (place == offset && found.offset <= offset ||
			fault.startsValue) {
			return found
		}
	}
	found := diagnosis{offset: offset, message: fault.message, fix: fault.fix}
	if fault.refine != nil {
		fault.refine(&found, text, context)
	}
	return found
}

// firstFailing returns the offset of the character that causes the problem: the last one of the shortest beginning of
// the text with the same problem. A beginning that is only unfinished may have that problem too: appending the tail
// changes its problem.
func firstFailing(text, problem, tail string) int {
	boundary := func(n int) int {
		for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		return n
	}
	length := boundary(sort.Search(len(text),
		func(n int) bool { return hasProblem(text[:boundary(n)], problem, tail) }))
	_, size := utf8.DecodeLastRuneInString(text[:length])
	return length - size
}

// hasProblem reports whether a beginning of the text has the problem. The library looks two tokens ahead: a quote or
// key that is cut off may hide the problem until it is finished.
func hasProblem(beginning, problem, tail string) bool {
	for _, finish := range []string{"", `"`, `'`, ":", `":`, `':`} {
		_, err := readYAML(beginning + finish + tail)
		syntax, ok := errors.AsType[*yamlError](err)
		switch {
		case ok && syntax.problem == problem:
			return true
		case !ok || syntax.problem != unclosedQuote && syntax.problem != keyWithoutColon:
			return false
		}
	}
	return false
}

// Traps: values that YAML reads as something else because they have no quotes.
const (
	templateMessage    = "a value starts with an unquoted {{, which YAML reads as a mapping"
	conditionalMessage = "the colon of an unquoted `a ? b : c` makes YAML read a key"
	colonMessage       = "a colon and a space in an unquoted value make YAML read a key"
	afterQuoteMessage  = "text follows the closing quote: YAML takes the quotes for its own"
	startMessage       = "an unquoted value cannot start with "
	flowValueMessage   = "an unquoted value inside { } or [ ] ends at "
)

func quoteFix(text string) string {
	if text == "" {
		return "put the whole value in quotes"
	}
	return "put the whole value in quotes: " + inQuotes(text)
}

// lineExp finds where the value of a line `- key: value` or `- value` starts.
var lineExp = regexp.MustCompile(`^ *(?:- +)*(?:(?:[^\s"'\[\]{},#&*!|>%@` + "`" +
	`-][^"'{}\[\]#]*?|"[^"]*"|'[^']*') *:[ \t]+)?`)

// missingQuotes diagnoses the value on the line of an offset. The message is empty if the cause is not missing quotes.
func missingQuotes(s *source, text string, at int) diagnosis {
	start, end := s.lineAt(at)
	line := text[start:end]
	offset := start + len(lineExp.FindString(line))
	value := s.raw(offset, false)
	if value == "" || offset >= end || text[offset:offset+len(value)] != value {
		return diagnosis{}
	}
	message := whyQuotes(value)
	if message == "" || strings.TrimSpace(text[start:offset]) == "" && message != templateMessage {
		return diagnosis{} // a line that is wholly a value continues the line above
	}
	if strings.HasSuffix(value, ",") || strings.Count(value, "}") > strings.Count(value, "{") ||
		strings.Count(value, "]") > strings.Count(value, "[") {
		return diagnosis{} // a part of something in brackets; the brackets do not belong into the quotes
	}
	return diagnosis{offset: offset, message: message, fix: quoteFix(value), value: value}
}

// whyQuotes says why a value needs quotes, or returns "".
func whyQuotes(value string) string {
	switch first := value[0]; {
	case strings.HasPrefix(value, "{{"):
		return templateMessage
	case markOfByte(first) != "":
		return markMessages[markOfByte(first)]
	case strings.IndexByte("@`%", first) >= 0:
		return startMessage + string(first)
	case first == '"' || first == '\'':
		if closing := closingQuote(value, 0); closing >= 0 && closing+1 < len(value) {
			return afterQuoteMessage
		}
		return ""
	case strings.IndexByte("{[|>#", first) >= 0, strings.HasPrefix(value, "- "):
		return ""
	case strings.Contains(value, " ? ") && strings.Contains(value, " : "):
		return conditionalMessage
	case strings.Contains(value, ": ") || strings.HasSuffix(value, ":"):
		return colonMessage
	default:
		return ""
	}
}

func markOfByte(c byte) string {
	switch c {
	case '!':
		return "tag"
	case '&':
		return "anchor"
	case '*':
		return "alias"
	default:
		return ""
	}
}
