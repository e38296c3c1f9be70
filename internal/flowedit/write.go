package flowedit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/everhook/everhook"
)

// writer writes values as YAML or JSON.
type writer struct {
	json bool
	// newline ends lines.
	newline string
	// listIndent is by how much the elements of a list are indented below the key of the list.
	listIndent int
}

// step is by how much a mapping is indented below its key.
const step = 2

// maxInline is the longest list or mapping that is written on one line where it could have several.
const maxInline = 80

// order is that of fields that a mapping usually begins with.
var order = []string{"key", "name", "path", "alias", "type", "title", "description", "mode", "trigger", "options",
	"defaults", "timeout", "retry", "onError", "config", "nodes", "branches", "onFailure"}

// rank is the place of a field in the usual order. Fields that have none are after config and the like by their names.
func rank(name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return slices.Index(order, "config")
}

// fields returns the names of a mapping in the order in which they are written.
func fields(m map[string]any) []string {
	names := everhook.SortedKeys(m)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// inline writes a value on one line. Inside { } and [ ], flow is set.
func (w writer) inline(v any, flow bool) string {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		var entries []string
		for _, name := range fields(v) {
			entries = append(entries, w.scalar(name, true)+": "+w.inline(v[name], true))
		}
		return "{ " + strings.Join(entries, ", ") + " }"
	case []any:
		var elements []string
		for _, element := range v {
			elements = append(elements, w.inline(element, true))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	default:
		return w.scalar(v, flow)
	}
}

var (
	// plainText are texts that need no quotes: they begin with a letter or /, and have nothing that YAML gives a
	// meaning.
	plainText = regexp.MustCompile(`^[\pL_/](?:[\pL\pN_./@+()=$%^~-]|[ :][\pL\pN_./@+()=$%^~-])*$`)
	// plainDuration are durations and the like: 10s, 1d12h, 1MiB.
	plainDuration = regexp.MustCompile(`^[0-9]+[a-df-zA-DF-Z][0-9a-zA-Z]*$`)
	// meant are texts that some readers of YAML take for other values.
	meant = regexp.MustCompile(`^(?i:null|true|false|yes|no|on|off|y|n)$`)
)

// scalar writes a scalar on one line.
func (w writer) scalar(v any, flow bool) string {
	text, ok := v.(string)
	if !ok {
		data, err := everhook.EncodeJSON(v)
		if err != nil {
			panic(fmt.Sprintf("flowedit: %T is not canonical: %v", v, err))
		}
		return string(data)
	}
	colon := strings.Contains(text, ": ") || flow && strings.Contains(text, ":")
	switch {
	case w.json, strings.ContainsFunc(text, isSpecial):
		return doubleQuoted(text)
	case (plainText.MatchString(text) || plainDuration.MatchString(text)) && !meant.MatchString(text) && !colon:
		return text
	case strings.Contains(text, "'") && !strings.ContainsAny(text, `"\`):
		return doubleQuoted(text)
	default:
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
}

// isSpecial reports whether a character can be written by an escape alone.
func isSpecial(r rune) bool {
	return r != ' ' && !unicode.IsPrint(r) || r == '\ufeff' || r == '\ufffe'
}

// doubleQuoted writes a text as JSON does, which YAML reads too.
func doubleQuoted(text string) string {
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a text can be encoded
	}
	var escaped strings.Builder
	for _, r := range strings.TrimSuffix(quoted.String(), "\n") {
		switch {
		case !isSpecial(r):
			escaped.WriteRune(r)
		case r > 0xffff:
			escaped.WriteRune(r) // JSON has no escape for it that YAML has too; neither needs one
		default:
			fmt.Fprintf(&escaped, `\u%04x`, r)
		}
	}
	return escaped.String()
}

// fits reports whether a value is written on one line where it could have several.
func (w writer) fits(v any) bool {
	switch v := v.(type) {
	case string:
		return w.json || !isBlockText(v)
	case map[string]any:
		for _, below := range v {
			if !isSimple(below) {
				return len(v) == 0
			}
		}
		return len(w.inline(v, false)) <= maxInline
	case []any:
		for _, below := range v {
			if !isSimple(below) {
				return false
			}
		}
		return len(w.inline(v, false)) <= maxInline
	default:
		return true
	}
}

// isSimple reports whether a value is a scalar of one line, or empty.
func isSimple(v any) bool {
	switch v := v.(type) {
	case string:
		return !strings.Contains(v, "\n")
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		return true
	}
}

// isBlockText reports whether a text is written as a literal one: it has several lines, of characters that need no
// escapes, and ends in at most one line end.
func isBlockText(text string) bool {
	body := strings.TrimSuffix(text, "\n")
	return strings.Contains(text, "\n") && body != "" && !strings.ContainsRune(" \n", rune(body[0])) &&
		!strings.HasSuffix(body, "\n") &&
		!strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && isSpecial(r) })
}

// entry writes the value of an entry or element on the rest of its line, from the space on, and the lines after it,
// which are indented deeper than column. A comment stays on the first line. Compact says that the value may begin on
// the line of a dash.
func (w writer) entry(v any, column int, comment string, compact bool) string {
	if comment != "" {
		comment = " " + comment
	}
	if w.fits(v) {
		return " " + w.inline(v, false) + comment
	}
	indent := strings.Repeat(" ", column+step)
	if text, ok := v.(string); ok {
		header := " |"
		if !strings.HasSuffix(text, "\n") {
			header = " |-"
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for i, line := range lines {
			if line != "" {
				lines[i] = indent + line
			}
		}
		return header + comment + w.newline + strings.Join(lines, w.newline)
	}
	deeper := column + step
	if _, isList := v.([]any); isList && !compact {
		deeper = column + w.listIndent
	}
	lines := w.block(v, deeper)
	if compact && comment == "" {
		return " " + strings.TrimLeft(strings.Join(lines, w.newline), " ")
	}
	return comment + w.newline + strings.Join(lines, w.newline)
}

// block writes a list or mapping that is not empty on lines of its own.
func (w writer) block(v any, column int) []string {
	indent := strings.Repeat(" ", column)
	var lines []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range fields(v) {
			lines = append(lines, indent+w.scalar(name, false)+":"+w.entry(v[name], column, "", false))
		}
	case []any:
		for _, element := range v {
			lines = append(lines, indent+"-"+w.entry(element, column, "", true))
		}
	}
	return lines
}
