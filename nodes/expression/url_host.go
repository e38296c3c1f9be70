package expression

import (
	"net/url"
	"strings"
)

// Host gives the host and port that the flow writes out, with a template at most after them; false: a template supplies
// a part of them.
func (u *URL) Host() (host, port string, ok bool) {
	text := ""
	switch f := u.form.(type) {
	case literalForm:
		text, _ = f.value.(string)
	case *textForm:
		if !f.parts[0].literal() {
			return "", "", false
		}
		text = f.parts[0].text
		_, rest, found := strings.Cut(text, "://")
		if !found || len(f.parts) > 1 && !strings.ContainsAny(rest, "/?#") {
			return "", "", false
		}
	}
	parsed, err := url.Parse(strings.TrimSpace(text))
	if err != nil || parsed.Hostname() == "" {
		return "", "", false
	}
	return parsed.Hostname(), parsed.Port(), true
}
