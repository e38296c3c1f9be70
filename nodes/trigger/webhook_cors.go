package trigger

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookCORS lets pages of other origins call the URL of the flow from their scripts (`fetch`), and ask for the
// answers of its runs.
type WebhookCORS struct {
	// Origins are the origins of the pages, such as https://shop.example, or `*` for all pages. A page of another
	// origin cannot read replies, and cannot send JSON. Calls that are not made by a page's script are not affected:
	// use `auth` or `signature` to know the caller.
	Origins []string `json:"origins" single:"true" required:"true"`
	// Headers are the headers that scripts may set, besides Content-Type.
	Headers []string `json:"headers,omitempty" single:"true"`
	// MaxAge is how long browsers remember what they may send, at most 24h. Without it, they choose themselves: mostly
	// 5 seconds.
	MaxAge everhook.Duration `json:"maxAge,omitempty"`
}

// Bounds of what every answer of a flow repeats.
const (
	maxOrigins     = 100
	maxCORSHeaders = 50
	maxCORSAge     = 24 * time.Hour
)

func (c *WebhookCORS) validate(v *kind.Validation) {
	if len(c.Origins) == 0 {
		v.Error("/cors/origins", "the list is empty: no page could call", "add the origin of a page, or remove `cors`")
	}
	for _, list := range []struct {
		name       string
		have, most int
	}{{"origins", len(c.Origins), maxOrigins}, {"headers", len(c.Headers), maxCORSHeaders}} {
		if list.have > list.most {
			v.Error("/cors/"+list.name, fmt.Sprintf("%d are more than the %d that are compared", list.have, list.most),
				"write fewer")
		}
	}
	for i, origin := range c.Origins {
		if fix := originFix(origin); fix != "" {
			v.Error(fmt.Sprintf("/cors/origins/%d", i), fmt.Sprintf("%q is not the origin of a page",
				everhook.Shorten(origin, 80)), fix)
		}
	}
	if slices.Contains(c.Origins, "*") && len(c.Origins) > 1 {
		v.Error("/cors/origins", "`*` stands for every page, so the other origins say nothing",
			"keep `*` alone, or remove it")
	}
	for i, name := range c.Headers {
		validateHeader(v, fmt.Sprintf("/cors/headers/%d", i), name)
	}
	if c.MaxAge < 0 || c.MaxAge.Std() > maxCORSAge {
		v.Error("/cors/maxAge", fmt.Sprintf("%s is not within 0 to 24h", c.MaxAge), "write for example 10m")
	}
}

// originFix says how to write an origin; empty: it is one. Browsers send the scheme and the host in lower case, and a
// port only if it is not that of the scheme.
func originFix(origin string) string {
	if origin == "*" {
		return ""
	}
	const example = "write for example https://shop.example"
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" || strings.ContainsAny(origin, " ,*") {
		return example
	}
	if strings.ContainsFunc(parsed.Host, func(c rune) bool { return c >= 0x80 }) {
		return "write the host in ASCII (xn--…), as browsers send it"
	}
	host := strings.ToLower(parsed.Host)
	switch port := ":" + parsed.Port(); {
	case parsed.Scheme == "https" && port == ":443", parsed.Scheme == "http" && port == ":80":
		host = strings.TrimSuffix(host, port)
	}
	if sent := strings.ToLower(parsed.Scheme) + "://" + host; sent != origin {
		return "write " + sent + ", as browsers send it"
	}
	return ""
}
