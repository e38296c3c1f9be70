package everhook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Path points into a value. It has names separated by dots, [n] for an element of a list, and ["a.b"] for names with
// dots or brackets: "order.items[0].sku". On a list, a name that is a number is an index too ("order.items.0.sku").
// Any other name on a list takes that field of every element, at any depth of lists.
type Path []PathStep

// PathStep is a name, or with Index true an element of a list, counted from 0.
type PathStep struct {
	Name    string
	Index   bool
	Element int
}

// Position is the element of a list that the step names: that of an index, or that of a name that is a number.
func (s PathStep) Position() (element int, ok bool) {
	if s.Index {
		return s.Element, true
	}
	if s.Name == "" || s.Name[0] < '0' || s.Name[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(s.Name)
	return n, err == nil && s.Name == strconv.Itoa(n)
}

// maxPathSteps is MaxDepth because no value is deeper.
const maxPathSteps = MaxDepth

// ParsePath reads a path. The empty path is an error. Errors name the position, counted from 1.
func ParsePath(text string) (Path, error) {
	if text == "" {
		return nil, fmt.Errorf("an empty path")
	}
	var path Path
	for i := 0; i < len(text); {
		if len(path) == maxPathSteps {
			return nil, fmt.Errorf("a path of more than %d steps", maxPathSteps)
		}
		switch {
		case text[i] == '[':
			step, next, err := bracket(text, i)
			if err != nil {
				return nil, err
			}
			path, i = append(path, step), next
		case i == 0 || text[i] == '.':
			start := i
			if i > 0 {
				start++
			}
			end := start
			for end < len(text) && text[end] != '.' && text[end] != '[' {
				if text[end] == ']' || text[end] == '"' {
					return nil, fmt.Errorf("position %d: unexpected %q; write names with dots, quotes or brackets as "+
						"[\"…\"]", end+1,
						text[end])
				}
				end++
			}
			if end == start {
				return nil, fmt.Errorf("position %d: a name is missing", start+1)
			}
			path, i = append(path, PathStep{Name: text[start:end]}), end
		default:
			return nil, fmt.Errorf("position %d: expected \".\" or \"[\"", i+1)
		}
	}
	return path, nil
}

func bracket(text string, start int) (PathStep, int, error) {
	rest := text[start+1:]
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return PathStep{}, 0, fmt.Errorf("position %d: a quoted name without its end", start+2)
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return PathStep{}, 0, fmt.Errorf("position %d: %w", start+2, err)
		}
		if !strings.HasPrefix(rest[len(quoted):], "]") {
			return PathStep{}, 0, fmt.Errorf("position %d: \"]\" is missing", start+2+len(quoted))
		}
		return PathStep{Name: name}, start + 1 + len(quoted) + 1, nil
	}
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return PathStep{}, 0, fmt.Errorf("position %d: \"]\" is missing", len(text)+1)
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil || n < 0 || rest[:end] != strconv.Itoa(n) {
		return PathStep{}, 0, fmt.Errorf("position %d: %q is not an index; names in brackets are quoted: [\"…\"]",
			start+2, Shorten(rest[:end], 40))
	}
	return PathStep{Index: true, Element: n}, start + 1 + end + 1, nil
}

var plainName = regexp.MustCompile(`^[^.\[\]"]+$`)

// String writes the path so that ParsePath reads it back.
func (p Path) String() string {
	var text strings.Builder
	for i, step := range p {
		switch {
		case step.Index:
			fmt.Fprintf(&text, "[%d]", step.Element)
		case !plainName.MatchString(step.Name):
			fmt.Fprintf(&text, "[%q]", step.Name)
		default:
			if i > 0 {
				text.WriteByte('.')
			}
			text.WriteString(step.Name)
		}
	}
	return text.String()
}

// MarshalText writes String.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads as ParsePath does.
func (p *Path) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePath(string(text))
	return err
}

// Get gives the value at the path and whether there is one. A name on a list gives a list of that field of every
// element that has it. Elements that are lists themselves are searched in the same way, and fields that are lists are
// joined, so the result is one flat list.
func (p Path) Get(v any) (any, bool) { return p.GetCounted(v, new(int)) }

// GetCounted is Get, and adds the number of visited values to looked. A path through lists visits many.
func (p Path) GetCounted(v any, looked *int) (any, bool) {
	*looked++
	if len(p) == 0 {
		return v, true
	}
	step, rest := p[0], p[1:]
	switch v := v.(type) {
	case map[string]any:
		item, ok := v[step.Name]
		if !ok || step.Index {
			return nil, false
		}
		return rest.GetCounted(item, looked)
	case []any:
		if element, ok := step.Position(); ok {
			if element >= len(v) {
				return nil, false
			}
			return rest.GetCounted(v[element], looked)
		}
		gathered := []any{}
		for _, element := range v {
			item, ok := p.GetCounted(element, looked)
			if !ok {
				continue
			}
			if list, isList := item.([]any); isList {
				*looked += len(list)
				gathered = append(gathered, list...)
			} else {
				gathered = append(gathered, item)
			}
		}
		return gathered, true
	default:
		return nil, false
	}
}

// Project keeps the parts of v that the paths point to, with their nesting and their positions in lists. Missing parts
// stay missing, and list elements before a kept one are nil. Without paths the result is an empty mapping or list, or
// nil if v is neither.
func Project(v any, paths []Path) any {
	for _, path := range paths {
		if len(path) == 0 {
			return v
		}
	}
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, below := range groupByName(paths) {
			if item, ok := v[name]; ok && reaches(item, below) {
				kept[name] = Project(item, below)
			}
		}
		return kept
	case []any:
		return projectList(v, paths)
	default:
		return nil
	}
}

func groupByName(paths []Path) map[string][]Path {
	groups := map[string][]Path{}
	for _, path := range paths {
		if !path[0].Index {
			groups[path[0].Name] = append(groups[path[0].Name], path[1:])
		}
	}
	return groups
}

func projectList(list []any, paths []Path) any {
	var everyElement []Path
	oneElement := map[int][]Path{}
	for _, path := range paths {
		if element, ok := path[0].Position(); ok {
			oneElement[element] = append(oneElement[element], path[1:])
		} else {
			everyElement = append(everyElement, path)
		}
	}
	length := len(list)
	if len(everyElement) == 0 {
		length = 0
		for n := range oneElement {
			if n < len(list) {
				length = max(length, n+1)
			}
		}
	}
	kept := make([]any, length)
	for i := range kept {
		below := append(append([]Path{}, everyElement...), oneElement[i]...)
		if len(below) > 0 {
			kept[i] = Project(list[i], below)
		}
	}
	return kept
}

// reaches reports whether a path ends at v or leads further into it. A scalar in the middle of a path is dropped.
func reaches(v any, paths []Path) bool {
	for _, path := range paths {
		if len(path) == 0 {
			return true
		}
		switch v := v.(type) {
		case map[string]any:
			if !path[0].Index {
				if item, ok := v[path[0].Name]; ok && reaches(item, []Path{path[1:]}) {
					return true
				}
			}
		case []any:
			return true
		}
	}
	return false
}

// Paths lists every path of the sample v, those of mappings and lists included, sorted by name: {"a":1,"b":{"c":2}}
// gives a, b, b.c. It stops after limit paths.
func Paths(v any, limit int) []Path {
	var found []Path
	var walk func(v any, at Path)
	walk = func(v any, at Path) {
		if len(found) >= limit {
			return
		}
		if len(at) > 0 {
			found = append(found, at)
		}
		switch v := v.(type) {
		case map[string]any:
			for _, name := range SortedKeys(v) {
				walk(v[name], append(at[:len(at):len(at)], PathStep{Name: name}))
			}
		case []any:
			for i, item := range v {
				walk(item, append(at[:len(at):len(at)], PathStep{Index: true, Element: i}))
			}
		}
	}
	walk(v, nil)
	return found
}
