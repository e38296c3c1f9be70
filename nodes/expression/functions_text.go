package expression

import (
	"strings"
	"unicode/utf8"
)

// onText makes an implementation of a function from a text to a text of about the same size.
func onText(apply func(string) string) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		text, err := c.text(args, 0)
		if err != nil {
			return nil, err
		}
		if err := m.work(len(text)); err != nil {
			return nil, err
		}
		return apply(text), nil
	}
}

// work charges reading a text and making another one of its size.
func (m *machine) work(bytes int) error {
	if err := m.read(bytes); err != nil {
		return err
	}
	return m.produce(bytes)
}

// texts returns two text arguments and charges reading them.
func (m *machine) texts(c *call, args []any) (a, b string, err error) {
	if a, err = c.text(args, 0); err != nil {
		return "", "", err
	}
	if b, err = c.text(args, 1); err != nil {
		return "", "", err
	}
	return a, b, m.read(len(a) + len(b))
}

func trim(m *machine, c *call, args []any) (any, error) {
	if len(args) == 1 {
		return onText(strings.TrimSpace)(m, c, args)
	}
	text, characters, err := m.texts(c, args)
	if err != nil {
		return nil, err
	}
	// Each character is searched in the set.
	if err := m.read(len(text) * (1 + len(characters)/4)); err != nil {
		return nil, err
	}
	return strings.Trim(text, characters), nil
}

func twoTexts[T any](apply func(a, b string) T) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		a, b, err := m.texts(c, args)
		if err != nil {
			return nil, err
		}
		return apply(a, b), nil
	}
}

func split(apply func(text, delimiter string, n int) []string) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		text, delimiter, err := m.texts(c, args)
		if err != nil {
			return nil, err
		}
		n, err := c.whole(args, 2, -1)
		if err != nil {
			return nil, err
		}
		pieces := strings.Count(text, delimiter) + 1
		if n >= 0 {
			pieces = min(pieces, n)
		}
		list, err := m.list(pieces)
		if err != nil {
			return nil, err
		}
		for _, piece := range apply(text, delimiter, n) {
			list = append(list, piece)
		}
		return list, nil
	}
}

func replace(m *machine, c *call, args []any) (any, error) {
	text, old, err := m.texts(c, args)
	if err != nil {
		return nil, err
	}
	fresh, err := c.text(args, 2)
	if err != nil {
		return nil, err
	}
	if err := m.produce(len(text) + strings.Count(text, old)*max(0, len(fresh)-len(old))); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(text, old, fresh), nil
}

func repeat(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	n, err := c.whole(args, 1, 0)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, c.errorf("%s is %d; a text cannot be repeated less than 0 times", c.what(1), n)
	}
	if err := m.produce(times(len(text), n)); err != nil {
		return nil, err
	}
	return strings.Repeat(text, n), nil
}

// times multiplies two sizes. In place of an overflow it returns a number above every limit.
func times(a, b int) int {
	if a > 0 && b > 2*MaxBytes/a {
		return 2 * MaxBytes
	}
	return a * b
}

func join(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	delimiter := ""
	if len(args) == 2 {
		if delimiter, err = c.text(args, 1); err != nil {
			return nil, err
		}
	}
	if err := m.spend(len(list)); err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	size := times(len(delimiter), max(0, len(list)-1))
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil, c.errorf("%s[%d] is %s where text is needed; use `map(…, string(#))`", c.what(0), i,
				typeName(item))
		}
		texts[i] = text
		size += len(text)
	}
	if err := m.produce(size); err != nil {
		return nil, err
	}
	return strings.Join(texts, delimiter), nil
}

// characterIndex converts positions in bytes to positions in characters.
func characterIndex(find func(text, part string) int) func(text, part string) int {
	return func(text, part string) int {
		i := find(text, part)
		if i <= 0 {
			return i
		}
		return utf8.RuneCountInString(text[:i])
	}
}

var textFunctions = []*Function{
	{Name: "trim", Signature: "trim(text[, characters])", Doc: "The text without white space, or the given " +
		"characters, at both ends.", Example: `trim("  hello ")`, Result: `"hello"`, minimum: 1, maximum: 2,
		gives: kindText, apply: trim},
	{Name: "trimPrefix", Signature: "trimPrefix(text, prefix)",
		Doc: "The text without the prefix, if it starts with it.", Example: `trimPrefix("INV-7", "INV-")`,
		Result: `"7"`, minimum: 2, maximum: 2, gives: kindText, apply: twoTexts(strings.TrimPrefix)},
	{Name: "trimSuffix", Signature: "trimSuffix(text, suffix)", Doc: "The text without the suffix, if it ends with it.",
		Example: `trimSuffix("a.pdf", ".pdf")`, Result: `"a"`, minimum: 2, maximum: 2, gives: kindText,
		apply: twoTexts(strings.TrimSuffix)},
	{Name: "upper", Signature: "upper(text)", Doc: "The text in upper case.", Example: `upper("eur")`, Result: `"EUR"`,
		minimum: 1, maximum: 1, gives: kindText, apply: onText(strings.ToUpper)},
	{Name: "lower", Signature: "lower(text)", Doc: "The text in lower case.", Example: `lower("EUR")`, Result: `"eur"`,
		minimum: 1, maximum: 1, gives: kindText, apply: onText(strings.ToLower)},
	{Name: "split", Signature: "split(text, delimiter[, n])", Doc: "The pieces between the delimiters; at most n, " +
		"the last with the rest.", Example: `split("a,b,c", ",", 2)`, Result: `["a","b,c"]`, minimum: 2, maximum: 3,
		gives: kindList, apply: split(strings.SplitN)},
	{Name: "splitAfter", Signature: "splitAfter(text, delimiter[, n])",
		Doc: "Like split, with the delimiter at the end of each piece.", Example: `splitAfter("a,b", ",")`,
		Result: `["a,","b"]`, minimum: 2, maximum: 3, gives: kindList, apply: split(strings.SplitAfterN)},
	{Name: "replace", Signature: "replace(text, old, new)", Doc: "The text with every old replaced.",
		Example: `replace("1 000", " ", "")`, Result: `"1000"`, minimum: 3, maximum: 3, gives: kindText,
		apply: replace},
	{Name: "repeat", Signature: "repeat(text, n)", Doc: "The text n times.", Example: `repeat("ab", 2)`,
		Result: `"abab"`, minimum: 2, maximum: 2, gives: kindText, apply: repeat},
	{Name: "join", Signature: "join(list[, delimiter])", Doc: "One text of a list of texts.",
		Example: `join(["a", "b"], ", ")`, Result: `"a, b"`, minimum: 1, maximum: 2, gives: kindText, apply: join},
	{Name: "indexOf", Signature: "indexOf(text, part)",
		Doc: "The position of the first character of the first part, or -1.", Example: `indexOf("größe", "e")`,
		Result: `4`, minimum: 2, maximum: 2, gives: kindNumber, apply: twoTexts(characterIndex(strings.Index))},
	{Name: "lastIndexOf", Signature: "lastIndexOf(text, part)", Doc: "The position of the first character of the " +
		"last part, or -1.", Example: `lastIndexOf("a/b/c", "/")`, Result: `3`, minimum: 2, maximum: 2,
		gives: kindNumber, apply: twoTexts(characterIndex(strings.LastIndex))},
	{Name: "hasPrefix", Signature: "hasPrefix(text, prefix)", Doc: "Whether the text starts with the prefix.",
		Example: `hasPrefix("INV-7", "INV-")`, Result: `true`, minimum: 2, maximum: 2, gives: kindBool,
		apply: twoTexts(strings.HasPrefix)},
	{Name: "hasSuffix", Signature: "hasSuffix(text, suffix)", Doc: "Whether the text ends with the suffix.",
		Example: `hasSuffix("a.pdf", ".pdf")`, Result: `true`, minimum: 2, maximum: 2, gives: kindBool,
		apply: twoTexts(strings.HasSuffix)},
}
