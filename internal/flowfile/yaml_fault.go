package flowfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/everhook/everhook"
)

// fault is the explanation of one message of the YAML library.
type fault struct {
	// scanner is set for messages of the library's scanner, whose lines count from 1.
	scanner bool
	// atContext is set if the library's line is correct. If not, the position is searched, and tail is appended to
	// beginnings of the text.
	atContext bool
	tail      string
	// startsValue is set if the cause may be a value on the library's line, although the position is elsewhere.
	startsValue bool
	message     string
	fix         string
	// refine makes the diagnosis more precise, with the text and the start of the library's line.
	refine func(found *diagnosis, text string, context int)
}

// Problems of text that is only unfinished.
const (
	unclosedQuote   = "found unexpected end of stream"
	keyWithoutColon = "could not find expected ':'"
)

func faultOf(problem string) fault {
	switch problem {
	case "mapping values are not allowed in this context":
		return fault{scanner: true, message: "a key where none can stand: the line above has a value already",
			fix: "align the line with the keys that it belongs to; a value with a colon and a space needs quotes"}
	case "mapping keys are not allowed in this context":
		return fault{scanner: true, message: "an unquoted ? and a space make YAML read a key",
			fix: "put the whole value in quotes"}
	case "did not find expected key":
		return fault{message: "the indentation does not fit the lines above",
			fix: "align the line with the keys that it belongs to"}
	case "did not find expected '-' indicator":
		return fault{message: "a line at the indentation of a list that is none of its elements",
			fix: "start it with `- `, or indent it like the keys of the element above"}
	case "block sequence entries are not allowed in this context":
		return fault{scanner: true, message: "a list starts behind its key",
			fix: "start the list on a line of its own, or write it in [ ]"}
	case keyWithoutColon:
		return fault{scanner: true, atContext: true,
			message: "a line that is neither `key: value` nor an element of a list", refine: refineNoKey}
	case "did not find expected ',' or '}'", "did not find expected ',' or ']'":
		return fault{tail: ",\nx,\n@", startsValue: true, refine: refineFlow}
	case "did not find expected node content":
		return fault{tail: "x,\nx,\n@", message: "a value is missing", refine: refineStart}
	case "found character that cannot start any token":
		return fault{scanner: true, refine: refineStart}
	case "found a tab character that violates indentation", "found a tab character where an indentation space is " +
		"expected":
		return fault{scanner: true, message: tabMessage, fix: tabFix}
	case unclosedQuote, "found unexpected document indicator":
		return fault{scanner: true, atContext: true, message: "a quote that is opened here is not closed",
			fix:    "close it; inside single quotes a quote is written twice, '', and inside double quotes \\\"",
			refine: refineQuote}
	case "found unknown escape character", "did not find expected hexdecimal number",
		"found invalid Unicode character escape code":
		return fault{scanner: true, message: "an unknown escape in double quotes",
			fix: "use single quotes, or write the backslash twice"}
	case "did not find expected alphabetic or numeric character":
		return fault{scanner: true, atContext: true, startsValue: true,
			message: "an unquoted value cannot start with & or *", fix: "put the whole value in quotes",
			refine: refineMark}
	case "found an indentation indicator equal to 0":
		return fault{scanner: true, atContext: true, message: "| and > take an indentation of 1 to 9",
			fix: "leave the number out", refine: refineBlock}
	case "did not find expected <document start>":
		return fault{message: "text after the end of the document",
			fix: "remove it, or indent it like the lines that it belongs to"}
	case "exceeded max depth of 10000":
		return fault{scanner: true, message: fmt.Sprintf("nested deeper than %d", everhook.MaxDepth)}
	}
	return otherFault(problem)
}

// otherFault covers the families of messages.
func otherFault(problem string) fault {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(problem, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("unknown anchor"):
		return fault{message: markMessages["alias"], fix: "put the whole value in quotes", refine: refineAlias}
	case has("comment or line break"):
		return fault{scanner: true, atContext: true, message: "| and > begin a text on the lines below",
			fix: "move the text to the next line and indent it, or put the value in quotes", refine: refineBlock}
	case has("directive", "version number", "digit or '.'", "incompatible YAML document", "non-alphabetical"):
		return fault{scanner: true, atContext: true, message: "a line that starts with % is a YAML directive; " +
			"directives are not part of the format", fix: "remove it"}
	case has("'!'", "'>'", "tag URI", "tag handle", "URI escaped", "UTF-8 octet", "whitespace or line break"):
		return fault{scanner: true, atContext: true, startsValue: true, message: markMessages["tag"],
			fix: "put the whole value in quotes", refine: refineMark}
	default:
		return fault{atContext: true, message: "this is not YAML: " + problem,
			fix: "check quotes, brackets and indentation near this line"}
	}
}

const (
	tabMessage = "a tab where YAML takes only spaces"
	tabFix     = "indent with spaces"
)

var keyWithoutSpace = regexp.MustCompile(`^([\w-]+):(\S.*)$`)

func refineNoKey(found *diagnosis, text string, context int) {
	line, _, _ := strings.Cut(text[context:], "\n")
	found.offset += len(line) - len(strings.TrimLeft(line, " "))
	if strings.HasPrefix(line, "\t") {
		found.message, found.fix = tabMessage, tabFix
		return
	}
	line = strings.TrimLeft(line, " -")
	if match := keyWithoutSpace.FindStringSubmatch(line); match != nil {
		found.message = "a space is missing behind the colon"
		found.fix = fmt.Sprintf("write `%s: %s`", match[1], shown(match[2]))
		return
	}
	found.fix = "write `key: value`; text over several lines begins with | behind its key"
}

func refineStart(found *diagnosis, text string, _ int) {
	switch c := text[found.offset]; c {
	case '\t':
		found.message, found.fix = tabMessage, tabFix
	case '\n', '\r', ' ':
		found.fix = "write it, or null"
	case ',', ']', '}', ':':
		found.message, found.fix = fmt.Sprintf("a value is missing before %c", c), "write it, or null"
	default:
		found.message, found.fix = startMessage+string(c), quoteFix("")
	}
}

// refineBlock moves to the | or > that starts a value.
func refineBlock(found *diagnosis, text string, context int) {
	line, _, _ := strings.Cut(text[context:], "\n")
	for i := 1; i < len(line); i++ {
		if (line[i] == '|' || line[i] == '>') && isBlank(line[i-1]) {
			found.offset = context + i
			return
		}
	}
}

// refineQuote finds the quote on the line that is not closed there.
func refineQuote(found *diagnosis, text string, context int) {
	line, _, _ := strings.Cut(text[context:], "\n")
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c != '"' && c != '\'' || i > 0 && strings.IndexByte(" \t[{,:", line[i-1]) < 0 {
			continue
		}
		end := closingQuote(line, i)
		if end < 0 {
			found.offset = context + i
			return
		}
		i = end
	}
}

// closingQuote returns the index of the quote that closes the one at start, by YAML's rules, or -1.
func closingQuote(line string, start int) int {
	quote := line[start]
	for i := start + 1; i < len(line); i++ {
		switch {
		case quote == '"' && line[i] == '\\':
			i++
		case line[i] != quote:
		case quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
		default:
			return i
		}
	}
	return -1
}

// refineAlias moves from the end of a name to its *.
func refineAlias(found *diagnosis, text string, _ int) {
	found.offset = max(0, strings.LastIndexByte(text[:found.offset+1], '*'))
}

// refineMark moves to the first &, * or ! on the line that starts a value.
func refineMark(found *diagnosis, text string, context int) {
	line, _, _ := strings.Cut(text[context:], "\n")
	for i := range len(line) {
		if markOfByte(line[i]) != "" && (i == 0 || strings.IndexByte(" \t[{,", line[i-1]) >= 0) {
			found.offset = context + i
			return
		}
	}
}
