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

// Files beside a flow with a sample call: a body, and a mapping of headers.
const (
	sampleBody    = "request.json"
	sampleHeaders = "headers.json"
)

// maxSampleInLine is the largest body, in bytes, that is part of the command; a longer one is read from its file.
const maxSampleInLine = 2000

// example is a flow with its directory and route.
type example struct {
	dir   string
	route *receiver.Route
	url   string
}

func newExample(flow catalog.Flow, route *receiver.Route, url string) example {
	return example{filepath.Dir(flow.Source), route, url}
}

// bestLine returns the command for the most instructive flow that has a sample: it prefers sync flows, then flows with
// basic authentication. It returns "" if no flow has a sample.
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

// line returns a command for sh that calls the flow with its sample, or "" without a sample. It contains the
// credentials of the flow, because it is printed on the terminal of the user that set them.
func (e example) line() string {
	body, ok := e.body()
	if !ok || e.route.Signature != nil { // curl cannot sign a request
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

// credentials returns the curl flags for the first credential of each kind.
func (e example) credentials() (flags []string, err error) {
	if len(e.route.Basic) > 0 {
		password, err := e.route.Basic[0].Password()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-u "+shellQuote(e.route.Basic[0].Username+":"+password))
	}
	if len(e.route.Bearer) > 0 {
		token, err := e.route.Bearer[0].Value()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-H "+shellQuote("Authorization: Bearer "+token))
	}
	if e.route.APIKey != nil {
		key, err := e.route.APIKey.Values[0].Value()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-H "+shellQuote(e.route.APIKey.Header+": "+key))
	}
	return flags, nil
}

// body returns the argument of curl's -d: the sample in one line, or its file.
func (e example) body() (string, bool) {
	if !filepath.IsAbs(e.dir) { // the flow does not come from a file
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

// headers returns the headers of the sample, as lines.
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

// shellQuote quotes a text as one word for sh.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
