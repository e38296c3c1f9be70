package receiver

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// Limits of a query. Depth and list are the defaults of qs.
const (
	maxParameters = 1000
	maxQueryDepth = 5
	maxQueryList  = 20
)

// ParseQuery parses a query string, without its "?", as version 6.17.1 of the npm library qs does by default: a[b]=c
// nests, a[]=1 and a[0]=1 and repeated names are lists, "+" is a space. A name that nests deeper than 5 keeps the rest
// as one name. A list has at most 20 elements; a longer one becomes a mapping of its indices. Values are text.
//
// Where qs drops data, the parameter is kept: names that every JavaScript object has (constructor, __proto__, …) are
// names like all others, and a parameter with text between or after its brackets (items[0].name=x) keeps its name
// whole.
//
// More than 1,000 parameters are an error, where qs ignores the rest. Bytes that are not UTF-8 become U+FFFD.
func ParseQuery(query string) (everhook.Mapping, error) {
	return parseQueryWith(strings.ToValidUTF8(query, "\uFFFD"), decode)
}

// parseQueryWith is ParseQuery with a decoder of names and values.
func parseQueryWith(query string, decode func(text string) string) (everhook.Mapping, error) {
	var all parameters
	count := 0
	for part := range strings.SplitSeq(escapedBrackets.Replace(query), "&") {
		if part == "" {
			continue
		}
		if count++; count > maxParameters {
			return nil, fmt.Errorf("more than %d parameters", maxParameters)
		}
		name, value := splitParameter(part)
		all.add(decode(name), decode(value))
	}
	return all.nested(), nil
}

// parameter is a decoded name, brackets included, and its value: text or a file, or a container of them where the name
// is repeated.
type parameter struct {
	name  string
	value any
}

// parameters are those of one query or form. Every name is listed once.
type parameters struct {
	list []parameter
	at   map[string]int
}

// add adds a value. A parameter without name and value is left out.
func (p *parameters) add(name string, value any) {
	if name == "" && value == "" {
		return
	}
	if i, again := p.at[name]; again {
		p.list[i].value = combine(p.list[i].value, value)
		return
	}
	if p.at == nil {
		p.at = map[string]int{}
	}
	p.at[name] = len(p.list)
	p.list = append(p.list, parameter{name, value})
}

// nested puts every value where its name says. Names that are array indices come first, in their order, as the keys of
// a JavaScript object do: the order decides how values for one name merge.
func (p *parameters) nested() everhook.Mapping {
	slices.SortStableFunc(p.list, func(a, b parameter) int { return order(a.name) - order(b.name) })
	var nested any = newObject()
	for _, each := range p.list {
		nested = merge(nested, nest(splitName(each.name), each.value))
	}
	return compact(nested).(map[string]any)
}

var escapedBrackets = strings.NewReplacer("%5B", "[", "%5b", "[", "%5D", "]", "%5d", "]")

func order(name string) int {
	const largest = 1<<32 - 2
	if n, ok := index(name); ok && n <= largest {
		return n
	}
	return largest + 1
}

func splitParameter(part string) (name, value string) {
	end := strings.Index(part, "]=")
	if end >= 0 {
		end++
	} else if end = strings.IndexByte(part, '='); end < 0 {
		return part, ""
	}
	return part[:end], part[end+1:]
}

// decode keeps text whose escapes are not UTF-8 as it came.
func decode(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	if decoded, err := url.PathUnescape(text); err == nil && utf8.ValidString(decoded) {
		return decoded
	}
	return text
}

// segment is one level of a name. Only bracketed ones can be indices.
type segment struct {
	name      string
	bracketed bool
}

// splitName cuts a[b][0] into its levels. A name that would lose text is one level.
func splitName(name string) []segment {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return []segment{{name: name}}
	}
	var segments []segment
	if open > 0 {
		segments = append(segments, segment{name: name[:open]})
	}
	for range maxQueryDepth {
		end := closing(name, open)
		if end < 0 {
			break
		}
		segments = append(segments, segment{name[open+1 : end], true})
		switch open = end + 1; {
		case open == len(name):
			return segments
		case name[open] != '[':
			return []segment{{name: name}}
		}
	}
	return append(segments, segment{name[open:], true})
}

// closing finds the bracket that closes the one at open, or -1.
func closing(name string, open int) int {
	level := 0
	for i := open; i < len(name); i++ {
		switch name[i] {
		case '[':
			level++
		case ']':
			if level--; level == 0 {
				return i
			}
		}
	}
	return -1
}

// nest wraps a value in the levels of its name.
func nest(segments []segment, v any) any {
	for _, s := range slices.Backward(segments) {
		n, isIndex := index(s.name)
		isIndex = isIndex && s.bracketed
		switch {
		case s.bracketed && s.name == "":
			if o, ok := v.(*object); !ok || !o.isList {
				v = combine(&list{}, v)
			}
		case isIndex && n < maxQueryList:
			l := &list{}
			l.set(n, v)
			v = l
		default:
			o := newObject()
			o.set(s.name, v)
			o.isList, o.last = isIndex, n
			v = o
		}
	}
	return v
}

// index reads a number as JavaScript writes it.
func index(name string) (int, bool) {
	if name == "" || name[0] < '0' || name[0] > '9' {
		return 0, false // most names: an error of Atoi would cost more than the rest
	}
	n, err := strconv.Atoi(name)
	return n, err == nil && strconv.Itoa(n) == name
}

// compact closes the holes of lists and makes the value canonical.
func compact(v any) any {
	switch v := v.(type) {
	case *object:
		for name, item := range v.items {
			v.items[name] = compact(item)
		}
		return v.items
	case *list:
		items := []any{}
		for i, item := range v.items {
			if v.has(i) {
				items = append(items, compact(item))
			}
		}
		return items
	case file:
		return map[string]any(v)
	default:
		return v
	}
}
