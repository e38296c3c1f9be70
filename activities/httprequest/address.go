package httprequest

import (
	"fmt"
	"net/url"
	"strings"
)

// parseURL reads a URL as browsers do: it percent-encodes characters that a request line can't contain, and keeps
// encoded parts.
func parseURL(text string) (*url.URL, error) { return url.Parse(encodeURL(text)) }

// encodeURL percent-encodes the characters after the host that a URL can't contain. Scheme, user and host stay
// unchanged.
func encodeURL(text string) string {
	start := hostEnd(text)
	var out strings.Builder
	out.WriteString(text[:start])
	for i := start; i < len(text); i++ {
		if b := text[i]; carried(b) || b == '%' && isEncoded(text[i:]) {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// hostEnd gives where the path, query or fragment of a URL or of a reference begins.
func hostEnd(text string) int {
	var rest string
	if scheme, after, ok := strings.Cut(text, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		rest = after
	} else if after, ok := strings.CutPrefix(text, "//"); ok {
		rest = after
	} else {
		return 0
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return len(text) - len(rest) + end
	}
	return len(text)
}

// carried reports whether a URL may contain a byte unescaped: all of RFC 3986, and those that browsers do not escape.
func carried(b byte) bool {
	return b > ' ' && b < 0x7f && strings.IndexByte("\"<>\\^`{|}%", b) < 0
}

func isEncoded(text string) bool {
	return len(text) >= 3 && isHex(text[1]) && isHex(text[2])
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
