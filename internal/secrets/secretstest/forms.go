// Package secretstest writes secrets as other systems do, for tests that look for them.
package secretstest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Forms returns the forms of a secret of at least eight characters, each by the name of the system that writes it.
func Forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	inJSON := string(quoted[1 : len(quoted)-1])
	php := strings.ReplaceAll(inJSON, "/", `\/`)
	forms := map[string]string{
		"as it is":                           secret,
		"JSON":                               inJSON,
		"PHP's JSON":                         php,
		"PHP's JSON within JSON":             strings.ReplaceAll(php, `\`, `\\`),
		"every character as \\u":             each(secret, func(r rune) string { return units(r, `\u%04x`) }),
		"every character as \\u, upper case": each(secret, func(r rune) string { return units(r, `\u%04X`) }),
		"every byte as \\x":                  eachByte(secret, `\x%02x`),
		"every character as \\u{}":           each(secret, func(r rune) string { return fmt.Sprintf(`\u{%x}`, r) }),
		"signs behind a backslash":           signs(secret, func(r rune) string { return `\` + string(r) }),
		"signs as \\u":                       signs(secret, func(r rune) string { return units(r, `\u%04X`) }),
		"HTML":                               html.EscapeString(secret),
		"HTML within HTML":                   html.EscapeString(html.EscapeString(secret)),
		"signs as decimal entities":          signs(secret, func(r rune) string { return fmt.Sprintf("&#%d;", r) }),
		"signs as hexadecimal entities":      signs(secret, func(r rune) string { return fmt.Sprintf("&#x%X;", r) }),
		"signs as entities with zeros":       signs(secret, func(r rune) string { return fmt.Sprintf("&#x%06x;", r) }),
		"a query":                            url.QueryEscape(secret),
		"a query, lower case":                lowerDigits(url.QueryEscape(secret)),
		"a query within a query":             url.QueryEscape(url.QueryEscape(secret)),
		"a query, three times over":          url.QueryEscape(url.QueryEscape(url.QueryEscape(secret))),
		"a path":                             url.PathEscape(secret),
		"a path that keeps slashes":          strings.ReplaceAll(url.PathEscape(secret), "%2F", "/"),
		"every byte percent-encoded":         eachByte(secret, "%%%02x"),
		"every byte percent-encoded twice":   eachByte(secret, "%%25%02X"),
		"hex":                                hex.EncodeToString([]byte(secret)),
		"hex, upper case":                    strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"UTF-16":                             wide(secret, false),
		"UTF-16, the other way round":        wide(secret, true),
		"hex of UTF-16":                      hex.EncodeToString([]byte(wide(secret, false))),
		"base64 of UTF-16":                   base64.StdEncoding.EncodeToString([]byte(wide(secret, false))),
		"base64 in lines":                    lines(base64.StdEncoding.EncodeToString([]byte(secret)), "\r\n"),
		"base64 in lines, in JSON":           lines(base64.StdEncoding.EncodeToString([]byte(secret)), `\n`),
		"base64 as PHP's JSON": strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(secret)), "/",
			`\/`),
		"base64 in a query": url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(secret))),
	}
	for _, before := range []string{"", "u", "us", "user:"} {
		for name, inner := range map[string]string{"text": secret, "JSON": `{"k":"` + php + `"}`,
			"a query": "k=" + url.QueryEscape(secret)} {
			text := []byte(before + inner + strings.Repeat("~", len(before)))
			forms["base64 of "+name+" after "+before] = base64.StdEncoding.EncodeToString(text)
			forms["base64 for URLs of "+name+" after "+before] = base64.RawURLEncoding.EncodeToString(text)
		}
	}
	return forms
}

func each(text string, write func(rune) string) string {
	var out strings.Builder
	for _, r := range text {
		out.WriteString(write(r))
	}
	return out.String()
}

// signs rewrites all characters except letters and digits.
func signs(text string, write func(rune) string) string {
	return each(text, func(r rune) string {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f {
			return string(r)
		}
		return write(r)
	})
}

func eachByte(text, format string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, format, text[i])
	}
	return out.String()
}

// units writes the UTF-16 units of a character.
func units(r rune, format string) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(&out, format, unit)
	}
	return out.String()
}

func wide(text string, bigEndian bool) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if bigEndian {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return string(out)
}

// lowerDigits writes %2F as %2f.
func lowerDigits(escaped string) string {
	out := []byte(escaped)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], strings.ToLower(string(out[i+1:i+3])))
		}
	}
	return string(out)
}

func lines(text, end string) string { return text[:len(text)/2] + end + text[len(text)/2:] }
