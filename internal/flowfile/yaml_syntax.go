package flowfile

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxRepairs bounds how often a file is read again after a repair of a value; large files are read less often.
const maxRepairs = 20

// readTolerantly reads the one document of a text. A value that makes the text invalid only because it lacks quotes is
// reported and replaced by a quoted one; the meant values are returned by offset. The node is nil if there is another
// error.
func readTolerantly(r *report) (root *yaml.Node, intended map[int]string) {
	text := r.source.text
	if offset := unreadable(text); offset >= 0 {
		r.add(offset, nil, "a byte or control character that text cannot hold",
			`save the file as UTF-8; write control characters as escapes in double quotes, for example "\u0007"`)
		return nil, nil
	}
	intended = map[int]string{}
	repairs := max(1, min(maxRepairs, maxRepairs*(MaxFileSize/16)/(len(text)+1)))
	for {
		root, err := readYAML(text)
		switch syntax, isSyntax := errors.AsType[*yamlError](err); {
		case isSyntax:
			found := diagnose(r.source, text, syntax)
			r.add(found.offset, nil, found.message, found.fix)
			if found.value == "" || len(intended) == repairs || intended[found.offset] != "" {
				return nil, nil
			}
			intended[found.offset] = found.value
			text = withQuoted(text, found.offset, len(found.value))
		case root == nil:
			r.add(0, nil, "the file is empty", "a flow has at least key, mode and trigger")
			return nil, nil
		case err != nil:
			r.add(r.source.offset(root.Line-1, root.Column), nil, "a second document begins; one file holds one flow",
				"move it to a file of its own")
			return nil, nil
		default:
			return root, intended
		}
	}
}

// withQuoted replaces a value by a quoted scalar of the same length, so that all other positions stay valid.
func withQuoted(text string, offset, length int) string {
	scalar := "_"
	if length > 1 {
		scalar = "'" + strings.Repeat("_", length-2) + "'"
	}
	return text[:offset] + scalar + text[offset+length:]
}

// errSecond comes with the node of a second document.
var errSecond = errors.New("a second document")

// yamlError is an error of the YAML library. Line is the line of the library's context, on which the problem began; 0
// if it reports none.
type yamlError struct {
	problem string
	line    int
}

func (e *yamlError) Error() string { return e.problem }

// The library uses line 0 for an unknown line: with an empty line before the text, each line has a number.
const lineBefore = "\n"

// readYAML returns the content of the only document, or of the second document with errSecond; nil if there is no
// document. Other errors are *yamlError.
func readYAML(text string) (root *yaml.Node, err error) {
	defer func() {
		if defect := recover(); defect != nil {
			root, err = nil, &yamlError{problem: fmt.Sprint(defect)}
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(lineBefore + text))
	var documents [2]yaml.Node
	for i := range documents {
		if err := decoder.Decode(&documents[i]); errors.Is(err, io.EOF) {
			return root, nil
		} else if err != nil {
			return nil, parseYAMLError(err)
		}
		root = documents[i].Content[0]
	}
	return &documents[1], errSecond
}

var yamlErrorText = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

func parseYAMLError(err error) *yamlError {
	match := yamlErrorText.FindStringSubmatch(err.Error())
	if match == nil {
		return &yamlError{problem: err.Error()}
	}
	line, _ := strconv.Atoi(match[1])
	return &yamlError{problem: match[2], line: line}
}

// unreadable returns the offset of the first byte that is neither UTF-8 nor a character that YAML 1.1 allows, or -1.
func unreadable(text string) int {
	for i, r := range text {
		switch {
		case r == '\t', r == '\n', r == '\r', r == '\u0085', r == '\ufffd' && strings.HasPrefix(text[i:], "\ufffd"):
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\ufeff', r == '\ufffe', r == '\uffff', r == utf8.RuneError:
			return i
		}
	}
	return -1
}
