package receiver

import "strconv"

// list is a list while it is built. An index leaves holes before it.
type list struct {
	items []any
	// conflict is true for a list that was made because a plain and a nested value had one name.
	conflict bool
}

type hole struct{}

func (l *list) has(i int) bool { return i < len(l.items) && l.items[i] != hole{} }

func (l *list) set(i int, v any) {
	for len(l.items) <= i {
		l.items = append(l.items, hole{})
	}
	l.items[i] = v
}

// count is the number of elements without the holes.
func (l *list) count() int {
	count := 0
	for i := range l.items {
		if l.has(i) {
			count++
		}
	}
	return count
}

// fitting returns the list, or the object that represents a list that is too long.
func (l *list) fitting(count int) any {
	if count <= maxQueryList {
		return l
	}
	o := l.object()
	o.isList, o.last = true, len(l.items)-1
	return o
}

// object is the list as a mapping of its indices.
func (l *list) object() *object {
	o := newObject()
	for i, item := range l.items {
		if l.has(i) {
			o.items[strconv.Itoa(i)] = item
		}
	}
	if l.conflict {
		o.conflict, o.last = true, len(l.items)-1
	}
	return o
}

// object is a mapping while it is built.
type object struct {
	items map[string]any
	// isList is set for an object that represents a list with too many elements. conflict is that of list. For both,
	// last is the highest index: further values without a name follow it.
	isList, conflict bool
	last             int
}

func newObject() *object { return &object{items: map[string]any{}} }

func (o *object) set(name string, v any) { o.items[name] = v }

// push adds a value after the last index.
func (o *object) push(v any) {
	o.last++
	o.items[strconv.Itoa(o.last)] = v
}

// combine is a list of both values. Lists among them are opened.
func combine(a, b any) any {
	if o, ok := a.(*object); ok && o.isList {
		for _, v := range opened(b) {
			o.push(v)
		}
		return o
	}
	l := &list{items: append(append([]any{}, opened(a)...), opened(b)...)}
	return l.fitting(len(l.items))
}

func opened(v any) []any {
	if l, ok := v.(*list); ok {
		return l.items
	}
	return []any{v}
}

// merge puts source into target. Its cases are those of qs.
func merge(target, source any) any {
	switch source := source.(type) {
	case *list:
		switch target := target.(type) {
		case *list:
			return mergeLists(target, source)
		case *object:
			return mergeObjects(target, source.object())
		}
		l := &list{items: append([]any{target}, source.items...)}
		return l.fitting(len(l.items))
	case *object:
		switch target := target.(type) {
		case *list:
			return mergeObjects(target.object(), source)
		case *object:
			return mergeObjects(target, source)
		}
		if !source.isList {
			return combine(target, source)
		}
		shifted := &object{items: map[string]any{"0": target}, isList: true, last: source.last + 1}
		for name, v := range source.items {
			if n, ok := index(name); ok {
				name = strconv.Itoa(n + 1)
			}
			shifted.items[name] = v
		}
		return shifted
	}
	return mergePlain(target, source)
}

// mergePlain adds a text or a file.
func mergePlain(target, source any) any {
	if source == "" || source == (hole{}) {
		return target
	}
	switch target := target.(type) {
	case *list:
		count := target.count() + 1
		target.items = append(target.items, source)
		return target.fitting(count)
	case *object:
		if target.isList || target.conflict {
			target.push(source)
			return target
		}
		return &list{items: []any{target, source}, conflict: true}
	default:
		return &list{items: []any{target, source}}
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
	return target.fitting(target.count())
}

func isContainer(v any) bool {
	switch v.(type) {
	case *list, *object:
		return true
	default:
		return false
	}
}

// mergeObjects puts the items of source into target.
func mergeObjects(target, source *object) any {
	for name, v := range source.items {
		if existing, ok := target.items[name]; ok {
			v = merge(existing, v)
		}
		target.items[name] = v
	}
	if source.isList && !target.isList {
		target.isList, target.last = true, source.last
	}
	if target.isList || target.conflict {
		for name := range target.items {
			if n, ok := index(name); ok {
				target.last = max(target.last, n)
			}
		}
	}
	return target
}
