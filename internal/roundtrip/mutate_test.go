package roundtrip

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
)

// hostile are texts that break careless parsers and templates.
var hostile = []string{
	"{{ trigger.body }}", "{{ secret.TOKEN }}", "{{", "}}", "${x}", "%00", "%zz", "%2F", "&amp;", "&#0;", "&#x110000;",
	"&lt;b&gt;", "]]>", "<![CDATA[", "<!--", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<a>", "</a>", "\\u0000", "\\ud83d",
	"\\ude80",
	"\\ud83d\\ude80", "\\\\", "\\\"", "\"", "'", "\\n", "\n", "\r\n", "\r", "\t", "\x00", "\x1b[2J", "\u2028", "\ufeff",
	"\u00a0", "\ufffd", "\U0001F680", "e\u0301", "\xff", "\xc3", "\xed\xa0\x80", "null", "true", "NaN", "-0", "1e400",
	"1E2",
	"9223372036854775807", "9223372036854775808", "0.1", "1.0", "0777", "{}", "[]", "[[[[[[[[", "{\"a\":1,\"a\":2}",
	"__proto__", "constructor", "a[b][c]=d", "a[]=1", "a=b=c", "&&", "=", "+", "%E2%82%AC", "--xYzZY", "{}[]", ",", ":",
	"key: value", "!ruby/object", "<script>alert(1)</script>", "\U0010FFFE", "\U0010FFFF7\U0010FFFE",
}

var (
	numbers = regexp.MustCompile(`-?[0-9]+(?:\.[0-9]+)?`)
	words   = regexp.MustCompile(`[A-Za-z][A-Za-z ]*`)
)

// mutate changes a payload in up to three places.
func mutate(random *rand.Rand, data []byte) []byte {
	data = slices.Clone(data)
	for range 1 + random.IntN(3) {
		data = mutateOnce(random, data)
	}
	return data
}

func mutateOnce(random *rand.Rand, data []byte) []byte {
	at := random.IntN(len(data) + 1)
	end := min(len(data), at+1+random.IntN(12))
	word := []byte(hostile[random.IntN(len(hostile))])
	switch random.IntN(9) {
	case 0:
		return slices.Concat(data[:at], word, data[at:])
	case 1:
		return replaceMatch(random, data, numbers, word)
	case 2, 3:
		return replaceMatch(random, data, words, word)
	case 4:
		return slices.Concat(data[:at], data[end:])
	case 5:
		return slices.Concat(data[:end], data[at:])
	case 6:
		if at < len(data) {
			data[at] ^= 1 << random.IntN(8)
		}
		return data
	case 7:
		return slices.Concat([]byte([]string{"\ufeff", " ", "\n", "\t\r\n"}[random.IntN(4)]), data)
	default:
		return slices.Concat(data, []byte([]string{"\n", " ", "\x00", "x"}[random.IntN(4)]))
	}
}

// replaceMatch puts a text in place of one match, or inside it.
func replaceMatch(random *rand.Rand, data []byte, of *regexp.Regexp, by []byte) []byte {
	found := of.FindAllIndex(data, -1)
	if found == nil {
		return data
	}
	match := found[random.IntN(len(found))]
	if random.IntN(2) == 0 {
		match = []int{match[1], match[1]}
	}
	return slices.Concat(data[:match[0]], by, data[match[1]:])
}

// contentTypes are what some senders write in place of the right Content-Type.
func mutateType(random *rand.Rand, contentType string) string {
	switch random.IntN(24) {
	case 0:
		return contentType + "; charset=utf-8"
	case 1:
		return contentType + "; charset=ISO-8859-1"
	case 2:
		return string(bytes.ToUpper([]byte(contentType)))
	case 3:
		return "application/json"
	case 4:
		return "text/plain"
	case 5:
		return ""
	default:
		return contentType
	}
}
