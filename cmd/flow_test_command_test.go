package cmd

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
)

const (
	greeting = `key: greeting
mode: sync
trigger: { type: webhook }
nodes:
  - { key: hello, type: response, config: { body: { hello: '{{ trigger.body.name ?? "world" }}' } } }
`
	greetingTests = `tests:
  - name: a name is greeted
    request: { body: { name: Ada } }
    want: { answer: { status: 200, body: { hello: Ada } }, steps: [hello] }

  - name: without a name it is the world
    want:
      answer: { status: 201 } # created?
`
)

// greetingDir returns a directory with a flow and its tests, of which one fails.
func greetingDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "greeting.yaml"), []byte(greeting), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "greeting.test.yaml"), []byte(greetingTests), 0o600))
	return dir
}

// flowTestRun runs everhook flow test and returns its output and its exit status.
func flowTestRun(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), nodes.Standard(), append([]string{"flow", "test"}, args...),
		streams{strings.NewReader(""), &stdout, &stderr})
	return stdout.String(), stderr.String(), status
}

func TestFlowTestTellsWhatFailsAndWhy(t *testing.T) {
	t.Parallel()
	dir := greetingDir(t)
	out, errs, status := flowTestRun(t, dir)
	require.Equal(t, 1, status)
	require.Empty(t, errs)
	file := filepath.Join(dir, "greeting.test.yaml")
	require.Contains(t, out, "ok    "+file+": a name is greeted (")
	require.Contains(t, out, "FAIL  "+file+":6: without a name it is the world (")
	require.Contains(t, out, "      want.answer.status: the answer has another status\n        - wanted, + got\n     "+
		"   - 201\n        + 200\n")
	require.Contains(t, out, "1  hello  response  resolved")
	require.Contains(t, out, `result   {"status":200}`)
	require.Contains(t, out, "1 of 2 tests passed, 1 failed, 0 problems in 1 files (")
}

func TestFlowTestWarnsOfASlashInAURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "star.yaml"), []byte(`key: star
mode: async
trigger: { type: webhook }
nodes:
  - { key: star, type: http-request, config: { method: PUT, url: 'https://api.example/{{ trigger.body.repo }}/star' } }
`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "star.test.yaml"), []byte(`tests:
  - name: a repository gets a star
    request: { body: { repo: ada/engine } }
    nodes: { star: { result: { status: 204 } } }
    want: { status: resolved }
`), 0o600))
	out, errs, status := flowTestRun(t, dir)
	require.Zero(t, status, errs)
	require.Contains(t, out, "      warning: node star: \"ada/engine\", the value of `trigger.body.repo` in a url, "+
		"has a slash, which is sent as %2F; write `{{ path(trigger.body.repo) }}` to keep it")
	require.Equal(t, 1, strings.Count(out, "warning:"))
}

func TestFlowTestRunsTheTestsThatArePicked(t *testing.T) {
	t.Parallel()
	dir := greetingDir(t)
	out, _, status := flowTestRun(t, "--run", "^a name", dir)
	require.Zero(t, status, out)
	require.Contains(t, out, "1 of 1 tests passed, 0 failed")

	_, errs, status := flowTestRun(t, "--run", "nothing like it", dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "no test has a name that --run matches")

	_, errs, status = flowTestRun(t, "--run", "(", dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "--run: error parsing regexp")
}

func TestFlowTestWritesReportsForPrograms(t *testing.T) {
	t.Parallel()
	dir := greetingDir(t)
	junit := filepath.Join(dir, "junit.xml")
	out, errs, status := flowTestRun(t, "--output", "json", "--junit", junit, dir)
	require.Equal(t, 1, status)
	require.Empty(t, errs)
	value, err := everhook.ParseJSON([]byte(out))
	require.NoError(t, err)
	report := value.(map[string]any)
	require.Equal(t, 1, report["passed"])
	require.Equal(t, 1, report["failed"])
	failed := report["tests"].([]any)[1].(map[string]any)
	require.Equal(t, "without a name it is the world", failed["name"])
	require.Equal(t, false, failed["passed"])
	require.Equal(t, []any{map[string]any{"field": "/answer/status", "message": "the answer has another status",
		"want": 201, "got": 200}}, failed["failures"])

	data, err := os.ReadFile(junit)
	require.NoError(t, err)
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Failure string `xml:"failure"`
		} `xml:"testsuite>testcase"`
	}
	require.NoError(t, xml.Unmarshal(data, &suites))
	require.Equal(t, 2, suites.Tests)
	require.Equal(t, 1, suites.Failures)
	require.Contains(t, suites.Cases[1].Failure, "+ 200")

	_, errs, status = flowTestRun(t, "--junit", filepath.Join(dir, "gone", "junit.xml"), dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "no such file")
}

func TestFlowTestUpdatesWhatTestsWant(t *testing.T) {
	t.Parallel()
	dir := greetingDir(t)
	out, _, status := flowTestRun(t, "--update", dir)
	require.Zero(t, status, out)
	require.Contains(t, out, "2 of 2 tests passed, 0 failed, 1 updated")
	data, err := os.ReadFile(filepath.Join(dir, "greeting.test.yaml"))
	require.NoError(t, err)
	require.Equal(t, strings.Replace(greetingTests, "{ status: 201 }", "{status: 200}", 1), string(data))

	out, _, status = flowTestRun(t, "--update", dir)
	require.Zero(t, status)
	require.Contains(t, out, ", 0 updated")
}

func TestFlowTestTellsTheProblemsOfFiles(t *testing.T) {
	t.Parallel()
	dir := greetingDir(t)
	other := filepath.Join(dir, "other.test.yaml")
	require.NoError(t, os.WriteFile(other, []byte("tests: [{ name: a, wants: {} }]"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.yaml"), []byte(greeting), 0o600))
	out, errs, status := flowTestRun(t, "--run", "^a", dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, other+`:1:27: unknown field "wants"`)
	require.Contains(t, errs, `did you mean "want"?`)
	require.Contains(t, out, "1 of 1 tests passed, 0 failed, 1 problems in 2 files")

	require.NoError(t, os.Remove(filepath.Join(dir, "other.yaml")))
	out, errs, status = flowTestRun(t, "--run", "^a", dir)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "has no flow beside it: there is no other.yaml")
	require.Contains(t, out, "1 of 1 tests passed, 0 failed, 1 problems in 2 files")

	_, errs, status = flowTestRun(t, filepath.Join(dir, "greeting.yaml"))
	require.Equal(t, 1, status)
	require.Contains(t, errs, "greeting.yaml is no file of contract tests")
	_, errs, status = flowTestRun(t, t.TempDir())
	require.Equal(t, 1, status)
	require.Contains(t, errs, "has no file of contract tests")
}
