package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/receiver"
)

// sampled returns an example with these files beside its flow.
func sampled(t *testing.T, url string, route receiver.Route, files map[string]string) example {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return newExample(catalog.Flow{Source: filepath.Join(dir, "flow.yaml")}, &route, url)
}

func shop(password string, err error) []receiver.BasicCredential {
	return []receiver.BasicCredential{{Username: "shop", Password: func() (string, error) { return password, err }}}
}

func TestTheLineToPasteShowsTheMost(t *testing.T) {
	t.Parallel()
	body := map[string]string{"request.json": "{}"}
	async := sampled(t, "http://h/async", receiver.Route{Mode: everhook.Async}, body)
	asyncBasic := sampled(t, "http://h/async-basic", receiver.Route{Mode: everhook.Async, Basic: shop("x", nil)}, body)
	sync := sampled(t, "http://h/sync", receiver.Route{Mode: everhook.Sync}, body)
	syncBasic := sampled(t, "http://h/sync-basic", receiver.Route{Mode: everhook.Sync, Basic: shop("x", nil)}, body)
	bare := sampled(t, "http://h/bare", receiver.Route{Mode: everhook.Sync, Basic: shop("x", nil)}, nil)
	unset := sampled(t, "http://h/unset", receiver.Route{Mode: everhook.Sync, Basic: shop("", errors.New("not set"))},
		body)
	for name, c := range map[string]struct {
		examples []example
		want     string
	}{
		"one that answers by itself, with credentials": {[]example{async, asyncBasic, sync, syncBasic},
			"http://h/sync-basic"},
		"one that answers by itself": {[]example{async, asyncBasic, sync, bare}, "http://h/sync"},
		"one with credentials":       {[]example{async, asyncBasic}, "http://h/async-basic"},
		"the first of equals": {[]example{sync,
			sampled(t, "http://h/later", receiver.Route{Mode: everhook.Sync}, body)}, "http://h/sync"},
		"none whose password is not there": {[]example{unset, async}, "http://h/async"},
		"none without a sample":            {[]example{bare}, ""},
		"none of none":                     {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := bestLine(c.examples)
			if c.want == "" {
				require.Empty(t, line)
				return
			}
			require.True(t, strings.HasSuffix(line, "'"+c.want+"'"), line)
		})
	}
}

func TestTheLineToPasteHasTheSample(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("x", maxSampleInLine) + `"}`
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"its body in one line, as it stands": {map[string]string{"request.json": "{\n  \"b\": 1.0,\n  \"a\": \"it's " +
			"<\"\n}\n"}, `-H 'Content-Type: application/json' -d '{"b":1.0,"a":"it'\''s <"}' \`},
		"its headers": {map[string]string{"request.json": "{}",
			"headers.json": `{"X-B":"2","X-A":"1"}`}, `-H 'X-A: 1' -H 'X-B: 2' -d '{}' \`},
		"no headers that are none": {map[string]string{"request.json": "{}", "headers.json": `[1]`},
			`-H 'Content-Type: application/json' -d '{}' \`},
		"the file of a long body":    {map[string]string{"request.json": long}, `/request.json' \`},
		"nothing when it is no JSON": {map[string]string{"request.json": "{"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := sampled(t, "http://h/x", receiver.Route{Mode: everhook.Sync}, c.files).line()
			if c.want == "" {
				require.Empty(t, line)
				return
			}
			require.Contains(t, line, c.want)
		})
	}
}

func TestAFlowThatIsNotFromAFileHasNoSample(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "request.json"), []byte("{}"), 0o600))
	t.Chdir(dir)
	require.Empty(t, newExample(catalog.Flow{Source: "api"}, &receiver.Route{}, "http://h/x").line())
}
