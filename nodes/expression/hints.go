package expression

import (
	"fmt"
	"regexp"
	"strings"
)

// Hints for sources in the notation of other languages. Each says what to write instead.

// unexpectedFixes maps unexpected tokens to fixes.
var unexpectedFixes = map[string]string{
	"=": "compare with `==`",
	"&": "use `and`",
	"|": "use `or`; a pipe is followed by the call of a function, as in `| upper()`",
	"!": "use `not`",
	"*": "for a field of every element write `map(list, .name)` or `get(value, \"list.name\")`",
}

var (
	// pipeWithoutCall is the text before the place where the parser expected the call.
	pipeWithoutCall = regexp.MustCompile(`[^|]\|\s*([A-Za-z_][A-Za-z0-9_]*)\s*$`)
	// braceAfterComma is a predicate in braces that starts like a mapping: {id or {"id".
	braceAfterComma = regexp.MustCompile("[,(]\\s*(\\{\\s*(?:[A-Za-z_][A-Za-z0-9_]*|\"[^\"]*\"|'[^']*')\\s*)$")
)

// syntaxFix returns the hint for an unexpected token at offset; empty if there is none.
func syntaxFix(source string, offset int, token string) string {
	before, rest := source[:offset], source[offset:]
	switch {
	case strings.HasPrefix(rest, "..") && strings.HasSuffix(strings.TrimRight(before, " \t\n"), "["):
		return "join lists with `concat(a, [1, 2])`"
	case strings.HasPrefix(rest, ".."):
		return "join mappings with `merge(a, {b: 1})`, and lists with `concat(a, [1, 2])`"
	case strings.HasPrefix(rest, "=>") || token == ">" && strings.HasSuffix(before, "="):
		return "write the predicate alone, as in `filter(list, .price > 10)`; `#` is the element"
	case strings.HasPrefix(rest, "=") && strings.HasSuffix(before, "=="):
		return "compare with `==`"
	}
	if match := pipeWithoutCall.FindStringSubmatch(before); match != nil {
		return fmt.Sprintf("a pipe is followed by a call: `| %s()`", match[1])
	}
	if token == ":" {
		if at := braceAfterComma.FindStringSubmatchIndex(before); at != nil {
			return fmt.Sprintf("braces alone are a predicate here; put the mapping in parentheses: `(%s)`",
				mappingAt(source, at[2]))
		}
	}
	return unexpectedFixes[token]
}

// mappingAt returns the text of the mapping whose brace is at start, or an example if it is not closed or too long.
func mappingAt(source string, start int) string {
	const longest = 80
	depth := 0
	for i := start; i < len(source) && i-start < longest; {
		switch source[i] {
		case '"', '\'', '`':
			if i = stringEnd(source, i); i < 0 {
				return "{id: .id}"
			}
			continue
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return source[start : i+1]
			}
		}
		i++
	}
	return "{id: .id}"
}

// foreignNames are constants of other languages.
var foreignNames = map[string]string{
	"null": "nil", "undefined": "nil", "none": "nil", "nothing": "nil", "true": "true", "false": "false",
	"nan": "nil", "nil": "nil",
}

// foreignMethods maps methods of other languages to their notation here; %s is the value before the dot.
var foreignMethods = map[string]string{
	"contains": "%s contains \"part\"", "includes": "%[1]s contains \"part\"` for a text, or `\"x\" in %[1]s` for a " +
		"list; `",
	"startswith": "%s startsWith \"part\"", "endswith": "%s endsWith \"part\"", "matches": "%s matches \"pattern\"",
	"match": "%s matches \"pattern\"", "test": "%s matches \"pattern\"",
	"tolowercase": "lower(%s)", "tolower": "lower(%s)", "downcase": "lower(%s)", "touppercase": "upper(%s)",
	"toupper": "upper(%s)", "upcase": "upper(%s)", "strip": "trim(%s)", "length": "len(%s)", "size": "len(%s)",
	"count": "len(%s)", "substring": "%s[0:3]", "substr": "%s[0:3]", "slice": "%s[0:3]",
	"replaceall": "replace(%s, \"old\", \"new\")", "tostring": "string(%s)", "tofixed": "fixed(%s, 2)",
	"push": "concat(%s, [1])", "append": "concat(%s, [1])", "some": "any(%s, # > 1)", "every": "all(%s, # > 1)",
	"toisostring": "string(%s)", "gettime": "%s.Unix()", "tojson": "toJSON(%s)", "stringify": "toJSON(%s)",
	"haskey": "\"key\" in %s", "hasownproperty": "\"key\" in %s", "entries": "toPairs(%s)", "at": "%s[0]",
	"charat": "%s[0]", "flat": "flatten(%s)", "unique": "uniq(%s)", "parseint": "int(%s)",
}

// methodFix returns the hint for a method that does not exist; empty if there is none.
func methodFix(name, base string) string {
	if pattern, ok := foreignMethods[strings.ToLower(name)]; ok {
		return strings.TrimSuffix(fmt.Sprintf("write `"+pattern+"`", base), "; ``")
	}
	f, ok := functionIndex[name]
	if !ok {
		return ""
	}
	signature, _, _ := strings.Cut(f.Signature, " or ")
	_, rest, more := strings.Cut(strings.TrimSuffix(signature, ")"), ", ")
	switch {
	case !more && f.maximum == 1:
		return fmt.Sprintf("call the function: `%s(%s)`", name, base)
	case !more:
		return fmt.Sprintf("call the function: `%s`", signature)
	default:
		return fmt.Sprintf("call the function: `%s(%s, %s)`", name, base, rest)
	}
}

// memberFix returns the hint for a member of a text or list that exists in other languages; empty if there is none.
func memberFix(name, base string) string {
	switch strings.ToLower(name) {
	case "length", "size", "count":
		return fmt.Sprintf("use `len(%s)`", base)
	case "first", "last":
		return fmt.Sprintf("use `%s(%s)`", strings.ToLower(name), base)
	default:
		return ""
	}
}

// foreignInsertion matches ${…}, as in JavaScript.
var foreignInsertion = regexp.MustCompile(`\$\{([^{}]+)\}`)

// insertionIn finds a template inside a text of an expression, where it would not be evaluated. It returns what to
// write instead.
func insertionIn(text string, env *Environment) (fix string, found bool) {
	if !strings.Contains(text, "{{") && !strings.Contains(text, "${") {
		return "", false
	}
	parts, err := parseParts(text)
	if err != nil || !strings.Contains(text, "{{") {
		match := foreignInsertion.FindStringSubmatch(text)
		if match == nil || !looksLikeExpression(match[1], env) {
			return "", false
		}
		parts, _ = parseParts(foreignInsertion.ReplaceAllString(text, "{{$1}}"))
	}
	if len(parts) == 1 {
		return fmt.Sprintf("write `%s` without quotes and braces", strings.TrimSpace(parts[0].source)), true
	}
	var terms []string
	for _, p := range parts {
		if p.literal() {
			terms = append(terms, fmt.Sprintf("%q", p.text))
		} else {
			terms = append(terms, "string("+strings.TrimSpace(p.source)+")")
		}
	}
	return fmt.Sprintf("write `%s`", strings.Join(terms, " + ")), true
}
