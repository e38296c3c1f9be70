package assist

import "strings"

// position is what is written directly before a position of an expression: a path, such as nodes.order., and the
// beginning of the name that is being written.
type position struct {
	path   []step
	prefix string
	// member is set if the name follows a dot: then no root is meant, even if the path is not known.
	member bool
}

// step is one step of a path: a name, or any element of a list.
type step struct {
	name    string
	element bool
}

func isName(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// inside returns where the expression begins in which an offset of a template stands; -1 if it stands in none.
func inside(text string, offset int) int {
	for at := 0; ; {
		open := strings.Index(text[at:], "{{")
		if open < 0 || at+open+2 > offset {
			return -1
		}
		start := at + open + 2
		end := closed(text, start)
		if end < 0 || offset <= end {
			return start
		}
		at = end + 2
	}
}

// closed returns the offset of the }} that closes a template, or -1.
func closed(text string, start int) int {
	depth := 0
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case isQuote(c):
			end := quoted(text, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case depth == 0 && strings.HasPrefix(text[i:], "}}"):
			return i
		case strings.IndexByte(")]}", c) >= 0:
			depth = max(0, depth-1)
		}
	}
	return -1
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// quoted returns the offset after a quoted text, or -1 if it is not closed.
func quoted(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		if text[i] == '\\' && text[start] != '`' {
			i++
		} else if text[i] == text[start] {
			return i + 1
		}
	}
	return -1
}

// token is a part of an expression. The first character of its text says what it is.
type token struct{ text string }

func (t token) isName() bool   { return isName(t.text[0]) && (t.text[0] < '0' || t.text[0] > '9') }
func (t token) isNumber() bool { return t.text[0] >= '0' && t.text[0] <= '9' }
func (t token) isText() bool   { return isQuote(t.text[0]) }

// tokens splits the beginning of an expression; false if it ends inside a text or a comment.
func tokens(source string) ([]token, bool) {
	var list []token
	for i := 0; i < len(source); {
		start := i
		switch c := source[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case isName(c):
			for i < len(source) && isName(source[i]) {
				i++
			}
		case isQuote(c):
			if i = quoted(source, i); i < 0 {
				return nil, false
			}
		case strings.HasPrefix(source[i:], "//"):
			end := strings.IndexByte(source[i:], '\n')
			if end < 0 {
				return nil, false
			}
			i += end
			continue
		case strings.HasPrefix(source[i:], "/*"):
			end := strings.Index(source[i+2:], "*/")
			if end < 0 {
				return nil, false
			}
			i += end + 4
			continue
		case strings.HasPrefix(source[i:], "?.") || strings.HasPrefix(source[i:], "??"):
			i += 2
		default:
			i++
		}
		list = append(list, token{source[start:i]})
	}
	return list, true
}

// read finds what is written at the end of the beginning of an expression; false if nothing can be completed there.
func read(source string) (position, bool) {
	list, ok := tokens(source)
	if !ok {
		return position{}, false
	}
	var at position
	if n := len(list); n > 0 && isName(source[len(source)-1]) {
		if !list[n-1].isName() {
			return position{}, false // in a number
		}
		at.prefix = list[n-1].text
		list = list[:n-1]
	}
	if n := len(list); n > 0 && (list[n-1].text == "." || list[n-1].text == "?.") {
		at.member = true
		at.path = pathBefore(list[:n-1])
		if at.path == nil {
			at.path = elementsIn(list[:n-1])
		}
	}
	return at, true
}

// pathBefore reads the path at the end of the tokens; nil if there is none.
func pathBefore(list []token) []step {
	var path []step
	for n := len(list); n > 0; {
		switch last := list[n-1]; {
		case last.text == "]" && n >= 3 && list[n-3].text == "[" && list[n-2].isNumber():
			path = append([]step{{element: true}}, path...)
			n -= 3
			continue
		case last.text == "]" && n >= 3 && list[n-3].text == "[" && list[n-2].isText():
			path = append([]step{{name: list[n-2].text[1 : len(list[n-2].text)-1]}}, path...)
			n -= 3
			continue
		case last.isName():
			path = append([]step{{name: last.text}}, path...)
			n--
		default:
			return nil
		}
		if n == 0 || list[n-1].text != "." && list[n-1].text != "?." {
			return path
		}
		if n--; n == 0 {
			return nil
		}
	}
	return nil
}

// elementsIn returns the path of the list that a predicate goes through: for sum(order.items, . it is order.items.
func elementsIn(list []token) []step {
	depth, comma := 0, -1
	for i := len(list) - 1; i >= 0; i-- {
		switch list[i].text {
		case ")", "]", "}":
			depth++
		case "[", "{":
			depth--
		case "(":
			if depth--; depth < 0 {
				if comma < 0 || i == 0 || !list[i-1].isName() {
					return nil
				}
				return pathBefore(withoutDefault(list[i+1 : comma]))
			}
		case ",":
			if depth == 0 {
				comma = i
			}
		}
	}
	return nil
}

// withoutDefault is a list without the "?? []" after it.
func withoutDefault(list []token) []token {
	if n := len(list); n >= 3 && list[n-3].text == "??" && list[n-2].text == "[" && list[n-1].text == "]" {
		return list[:n-3]
	}
	return list
}
