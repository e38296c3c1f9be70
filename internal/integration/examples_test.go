package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes"
)

// Folders without examples of flows.
const (
	// partnersDir has the flows that replace other systems.
	partnersDir = "partners"
	// customKindDir is a module with its own kinds, see extending_test.go.
	customKindDir = "custom-kind"
)

// want is the expected result of an example's request. Missing fields are not compared.
type want struct {
	Answer struct {
		Status int             `json:"status"`
		Body   *everhook.Value `json:"body"`
		Text   *string         `json:"text"`
	} `json:"answer"`
	Status everhook.Status `json:"status"`
	// Steps are the nodes in the order of their starts.
	Steps  []string        `json:"steps"`
	Output *everhook.Value `json:"output"`
}

func TestEveryExampleLeadsToWhatItSays(t *testing.T) {
	t.Parallel()
	dir, err := flowdir.New(examplesDir, nodes.Standard(), shared.Catalog(), &examplesListener{t})
	require.NoError(t, err)
	require.NoError(t, dir.Sync(t.Context()))
	entries, err := os.ReadDir(examplesDir)
	require.NoError(t, err)
	tried := 0
	for _, entry := range entries {
		if !entry.IsDir() || entry.Name() == partnersDir || entry.Name() == customKindDir {
			continue
		}
		tried++
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			tryExample(t, entry.Name())
		})
	}
	require.Positive(t, tried)
}

func tryExample(t *testing.T, name string) {
	folder := filepath.Join(examplesDir, name)
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	require.Regexp(t, "curl|everhook flow send", string(readme), "the README of an example says how to try it")
	request, err := os.ReadFile(filepath.Join(folder, "request.json"))
	require.NoError(t, err)
	var expected want
	read(t, filepath.Join(folder, "want.json"), &expected)
	headers := map[string]string{}
	if _, err := os.Stat(filepath.Join(folder, "headers.json")); err == nil {
		read(t, filepath.Join(folder, "headers.json"), &headers)
	}
	var changes []change
	for name, value := range headers {
		changes = append(changes, header(name, value))
	}
	f := servedFlow(t, name)
	if route, ok := shared.Catalog().Route(f.token); ok && len(route.Basic) > 0 {
		unauthorized := f.post(t, string(request), changes...)
		unauthorized.problem(t, http.StatusUnauthorized, everhook.ProblemUnauthorized)
		password, err := route.Basic[0].Password()
		require.NoError(t, err)
		changes = append(changes, user(route.Basic[0].Username, password))
	}
	changes = append(changes, signed(t, f, request)...)

	got := f.post(t, string(request), changes...)

	require.Equal(t, expected.Answer.Status, got.status, got.body)
	require.NotEmpty(t, got.run)
	if expected.Answer.Text != nil {
		require.Equal(t, *expected.Answer.Text, got.body)
	}
	if expected.Answer.Body != nil {
		require.Equal(t, expected.Answer.Body.V, got.value(t))
	}
	outcome := f.ended(t, got.run)
	require.Equal(t, expected.Status, outcome.Status, "%v", outcome.Error)
	if expected.Output != nil {
		require.NotNil(t, outcome.Output)
		require.Equal(t, expected.Output.V, outcome.Output.V)
	}
	shown := f.show(t, got.run)
	require.Equal(t, expected.Status, shown.Status)
	if expected.Steps != nil {
		require.Equal(t, expected.Steps, keys(shown.Steps))
	}
	for _, step := range shown.Steps {
		require.Equal(t, everhook.Resolved, step.Status, "%s: %v", step.Node, step.Error)
	}
	replay(t, f, got.run)
	record(t, f, got.run, name)
}

// signed returns the headers that the flow's provider adds; none for a flow without a signature.
func signed(t *testing.T, f flow, body []byte) (changes []change) {
	t.Helper()
	route, ok := shared.Catalog().Route(f.token)
	require.True(t, ok)
	if route.Signature == nil {
		return nil
	}
	f.post(t, string(body)).problem(t, http.StatusUnauthorized, everhook.ProblemUnauthorized)
	secret, err := route.Signature.Secrets[0]()
	require.NoError(t, err)
	signed, err := route.Signature.Preset.Sign(signature.Delivery{ID: string(everhook.NewRunID()), SentAt: time.Now(),
		Body: body}, secret)
	require.NoError(t, err)
	for name, value := range signed.Headers {
		changes = append(changes, header(name, value))
	}
	return changes
}

// servedFlow returns a flow of the shared server that is already applied.
func servedFlow(t *testing.T, key string) flow {
	t.Helper()
	for _, known := range shared.Catalog().Flows() {
		if known.Key == key {
			require.True(t, known.Served, known.Note)
			return flow{product: shared, key: key, token: known.Token, url: shared.HookURL(known.Token),
				version: known.Version}
		}
	}
	t.Fatalf("no flow has the key %s: an example's folder is named after its flow", key)
	return flow{}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into), file)
}

// examplesListener fails the test for every problem of a flow file.
type examplesListener struct{ t *testing.T }

func (l *examplesListener) Applied(file string, _ everhook.Version, problems flowfile.Problems) {
	for _, problem := range problems {
		// The partners have short tokens that are not secret.
		if !strings.HasPrefix(file, partnersDir) {
			l.t.Errorf("%s: %v", file, problem)
		}
	}
}

func (l *examplesListener) Refused(file string, problems flowfile.Problems) {
	l.t.Errorf("%s is refused: %v", file, problems)
}

func (l *examplesListener) Removed(file, _ string) { l.t.Errorf("%s is removed", file) }

func (l *examplesListener) Ignored(files []string) {
	for _, file := range files {
		switch filepath.Base(file) {
		case "request.json", "want.json", "headers.json":
		default:
			l.t.Errorf("%s is no flow", file)
		}
	}
}
