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

// Limits of a query. Depth and index are the defaults of qs.
const (
	maxParameters = 1000
	maxQueryDepth = 5
	maxQueryIndex = 20
)

// ParseQuery parses a query string, without its "?", as version 6.14.0 of the npm library qs does by default, because
// that is what most senders and frameworks agree on: a[b]=c nests, a[]=1 and a[0]=1 and repeated names are lists, "+"
// is a space, a name that is nested deeper than 5 keeps the rest as it is, and an index above 20 makes a mapping.
// Values are text; the one exception is qs's own: a plain value beside a nested one becomes a name with the value true.
// Names that every JavaScript object has (constructor, __proto__, …) are dropped.
//
// More than 1,000 parameters are an error, where qs ignores the rest. Bytes that are not UTF-8 become U+FFFD.
func ParseQuery(query string) (everhook.Mapping, error) {
	var all parameters
	count := 0
	for part := range strings.SplitSeq(escapedBrackets.Replace(strings.ToValidUTF8(query, "\uFFFD")), "&") {
		if part == "" {
			continue
		}
		if count++; count > maxParameters {
			return nil, fmt.Errorf("more than %d parameters", maxParameters)
		}
		all.add(splitParameter(part))
	}
	return all.nested(), nil
}

// parameter is a decoded name, brackets included, and its value: text or a file, or a *list of them where the name is
// repeated.
type parameter struct {
	name  string
	value any
}

// parameters are those of one query or form, every name once.
type parameters struct {
	list []parameter
	at   map[string]int
}

// add takes one more value; what has no name is dropped.
func (p *parameters) add(name string, value any) {
	if name == "" {
		return
	}
	if i, again := p.at[name]; again {
		if l, many := p.list[i].value.(*list); many {
			l.items = append(l.items, value)
		} else {
			p.list[i].value = concat(p.list[i].value, value)
		}
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
	nested := map[string]any{}
	for _, each := range p.list {
		if segments, ok := splitName(each.name); ok {
			nested = merge(nested, nest(segments, each.value)).(map[string]any)
		}
	}
	return compact(nested).(map[string]any)
}

// list is a list while it is built: an index leaves holes before it.
type list struct{ items []any }

type hole struct{}

func (l *list) has(i int) bool { return i < len(l.items) && l.items[i] != hole{} }

func (l *list) set(i int, v any) {
	for len(l.items) <= i {
		l.items = append(l.items, hole{})
	}
	l.items[i] = v
}

// concat is a list of values, those that are lists themselves opened.
func concat(values ...any) *list {
	all := &list{}
	for _, v := range values {
		if l, ok := v.(*list); ok {
			all.items = append(all.items, l.items...)
		} else {
			all.items = append(all.items, v)
		}
	}
	return all
}

var escapedBrackets = strings.NewReplacer("%5B", "[", "%5b", "[", "%5D", "]", "%5d", "]")

func order(name string) int {
	const largest = 1<<32 - 2
	if n, ok := index(name); ok && n <= largest {
		return n
	}
	return largest + 1
}

func splitParameter(part string) (name string, value any) {
	end := strings.Index(part, "]=")
	if end >= 0 {
		end++
	} else if end = strings.IndexByte(part, '='); end < 0 {
		return decode(part), ""
	}
	return decode(part[:end]), decode(part[end+1:])
}

// decode keeps text whose escapes are not UTF-8 as it came.
func decode(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	if decoded, err := url.PathUnescape(text); err == nil && utf8.ValidString(decoded) {
		return decoded
	}
	return text
}

// objectNames are the properties of Object.prototype, which qs never overwrites.
var objectNames = map[string]bool{
	"constructor": true, "__defineGetter__": true, "__defineSetter__": true, "hasOwnProperty": true,
	"__lookupGetter__": true,
	"__lookupSetter__": true, "isPrototypeOf": true, "propertyIsEnumerable": true, "toString": true, "valueOf": true,
	"__proto__":      true,
	"toLocaleString": true,
}

// segment is one level of a name; bracketed ones can be indices.
type segment struct {
	name      string
	bracketed bool
}

// splitName cuts a[b][0] into its levels; false: the parameter is dropped.
func splitName(name string) ([]segment, bool) {
	start, end := nextBrackets(name, 0)
	if start < 0 {
		return []segment{{name: name}}, !objectNames[name]
	}
	var segments []segment
	if start > 0 {
		if objectNames[name[:start]] {
			return nil, false
		}
		segments = append(segments, segment{name: name[:start]})
	}
	for depth := 0; start >= 0; depth++ {
		if depth == maxQueryDepth {
			return append(segments, segment{name[start:], true}), true
		}
		inner := name[start+1 : end-1]
		if objectNames[inner] {
			return nil, false
		}
		segments = append(segments, segment{inner, true})
		start, end = nextBrackets(name, end)
	}
	return segments, true
}

// nextBrackets finds the next "[…]" without a bracket inside; start is -1 when there is none.
func nextBrackets(name string, from int) (start, end int) {
	start = -1
	for i := from; i < len(name); i++ {
		switch name[i] {
		case '[':
			start = i
		case ']':
			if start >= 0 {
				return start, i + 1
			}
		}
	}
	return -1, -1
}

// nest wraps a value in the levels of its name.
func nest(segments []segment, v any) any {
	for _, s := range slices.Backward(segments) {
		switch n, isIndex := index(s.name); {
		case s.bracketed && s.name == "":
			v = concat(v)
		case s.bracketed && isIndex && n <= maxQueryIndex:
			l := &list{}
			l.set(n, v)
			v = l
		default:
			v = map[string]any{s.name: v}
		}
	}
	return v
}

// index reads a number as JavaScript writes it.
func index(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == name
}

// merge puts source into target. Its cases, odd ones included, are those of qs.
func merge(target, source any) any {
	switch source := source.(type) {
	case string:
		return mergeText(target, source)
	case *list:
		switch target := target.(type) {
		case map[string]any:
			for i, item := range source.items {
				if source.has(i) {
					mergeName(target, strconv.Itoa(i), item)
				}
			}
			return target
		case *list:
			return mergeLists(target, source)
		}
	case map[string]any:
		switch target := target.(type) {
		case map[string]any:
			return mergeMappings(target, source)
		case *list:
			return mergeMappings(target.mapping(), source)
		}
	}
	return concat(target, source)
}

func mergeText(target any, source string) any {
	if source == "" {
		return target
	}
	switch target := target.(type) {
	case *list:
		target.items = append(target.items, source)
		return target
	case map[string]any:
		if !objectNames[source] {
			target[source] = true
		}
		return target
	default:
		return concat(target, source)
	}
}

func mergeLists(target, source *list) any {
	for i, item := range source.items {
		switch {
		case !source.has(i):
		case !target.has(i):
			target.set(i, item)
		case isContainer(target.items[i]) && isContainer(item):
			target.items[i] = merge(target.items[i], item)
		default:
			target.items = append(target.items, item)
		}
	}
	return target
}

func isContainer(v any) bool {
	switch v.(type) {
	case *list, map[string]any:
		return true
	default:
		return false
	}
}

func mergeMappings(target, source map[string]any) any {
	for name, v := range source {
		mergeName(target, name, v)
	}
	return target
}

func mergeName(target map[string]any, name string, v any) {
	if existing, ok := target[name]; ok {
		v = merge(existing, v)
	}
	target[name] = v
}

func (l *list) mapping() map[string]any {
	mapping := map[string]any{}
	for i, item := range l.items {
		if l.has(i) {
			mapping[strconv.Itoa(i)] = item
		}
	}
	return mapping
}

// compact closes the holes of lists and makes the value canonical.
func compact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = compact(item)
		}
		return v
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
