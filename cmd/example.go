package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/receiver"
)

// Files beside a flow with a sample call: its body, and a mapping of headers.
const (
	sampleBody    = "request.json"
	sampleHeaders = "headers.json"
)

// maxSampleInLine is how many bytes of a body stand in the line itself; a longer one is read from its file.
const maxSampleInLine = 2000

// example is a flow that can be tried.
type example struct {
	dir   string
	route *receiver.Route
	url   string
}

func newExample(flow catalog.Flow, route *receiver.Route, url string) example {
	return example{filepath.Dir(flow.Source), route, url}
}

// bestLine gives the line for the flow that shows the most: one with a sample; rather one that answers by itself, and
// rather one that cannot be called without its credentials. It is empty when no flow has a sample.
func bestLine(examples []example) string {
	worth := func(e example) (worth int) {
		if e.route.Mode == everhook.Sync {
			worth += 2
		}
		if len(e.route.Basic) > 0 {
			worth++
		}
		return worth
	}
	slices.SortStableFunc(examples, func(a, b example) int { return worth(b) - worth(a) })
	for _, e := range examples {
		if line := e.line(); line != "" {
			return line
		}
	}
	return ""
}

// line is a command for sh that calls the flow with its sample; empty without one. Credentials of the flow are in it:
// this is the terminal of whoever set them.
func (e example) line() string {
	body, ok := e.body()
	if !ok || e.route.Signature != nil { // curl signs nothing
		return ""
	}
	parts := []string{"curl -i"}
	credentials, err := e.credentials()
	if err != nil {
		return ""
	}
	parts = append(parts, credentials...)
	parts = append(parts, "-H 'Content-Type: application/json'")
	for _, header := range e.headers() {
		parts = append(parts, "-H "+shellQuote(header))
	}
	parts = append(parts, "-d "+shellQuote(body))
	return strings.Join(parts, " ") + " \\\n    " + shellQuote(e.url)
}

// credentials are the flags that show the first credential of each kind.
func (e example) credentials() (flags []string, err error) {
	if len(e.route.Basic) > 0 {
		password, err := e.route.Basic[0].Password()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-u "+shellQuote(e.route.Basic[0].Username+":"+password))
	}
	if len(e.route.Bearer) > 0 {
		token, err := e.route.Bearer[0]()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-H "+shellQuote("Authorization: Bearer "+token))
	}
	if e.route.APIKey != nil {
		key, err := e.route.APIKey.Values[0]()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-H "+shellQuote(e.route.APIKey.Header+": "+key))
	}
	return flags, nil
}

// body is what follows -d: the sample in one line, or where it is.
func (e example) body() (string, bool) {
	if !filepath.IsAbs(e.dir) { // the flow is not from a file
		return "", false
	}
	path := filepath.Join(e.dir, sampleBody)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return "", false
	}
	if compact.Len() > maxSampleInLine {
		return "@" + path, true
	}
	return compact.String(), true
}

// headers are those of the sample, as lines.
func (e example) headers() []string {
	data, err := os.ReadFile(filepath.Join(e.dir, sampleHeaders))
	if err != nil {
		return nil
	}
	var headers map[string]string
	if json.Unmarshal(data, &headers) != nil {
		return nil
	}
	var lines []string
	for _, name := range everhook.SortedKeys(headers) {
		lines = append(lines, fmt.Sprintf("%s: %s", name, headers[name]))
	}
	return lines
}

// shellQuote makes one word of a text for sh.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
