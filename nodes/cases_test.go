package nodes_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata expect")

// TestCases runs testdata/<kind>/<sentence>.txtar. A case is a flow and what becomes of it, in these sections:
//
//	nodes.yaml       the nodes of an async flow, or sync.yaml, those of a sync flow, or flow.yaml, a whole flow file
//	trigger.yaml     what expressions see as trigger.body
//	run.yaml         how it runs: see circumstances
//	flows/NAME.yaml  a flow that others call, its version 1; flows/NAME@2.yaml is version 2. The latest is enabled
//	activities.yaml  the outcomes of the attempts of each node with effects: a list, or one outcome that repeats
//	problems.txt     what compiling the flow reports
//	want.yaml        how the run ends, if it compiles: see report
//
// `go test ./nodes -run Cases -update` rewrites the last two, to be reviewed by eye.
func TestCases(t *testing.T) {
	t.Parallel()
	require.NoError(t, filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "testdata/"), ".txtar")
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			t.Parallel()
			runCase(t, path)
		})
		return nil
	}))
}

func runCase(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	sections := sectionsOf(t, archive)

	flow, problems := flowfile.Load("case.yaml", []byte(flowText(t, sections)), nodes.Standard())
	got := map[string]string{"problems.txt": problemText(problems)}
	if flow != nil {
		report := run(t, flow, sections)
		got["want.yaml"] = yamlText(t, report)
	}
	if *update {
		rewrite(t, path, archive, got)
		return
	}
	require.Equal(t, sections["problems.txt"], got["problems.txt"], "problems")
	require.Equal(t, sections["want.yaml"], got["want.yaml"], "run")
}

func sectionsOf(t *testing.T, archive *txtar.Archive) map[string]string {
	known := []string{"nodes.yaml", "sync.yaml", "flow.yaml", "trigger.yaml", "run.yaml", "activities.yaml",
		"problems.txt", "want.yaml"}
	sections := map[string]string{}
	for _, file := range archive.Files {
		if !strings.HasPrefix(file.Name, flowsSection) {
			require.Contains(t, known, file.Name)
		}
		require.NotContains(t, sections, file.Name)
		sections[file.Name] = string(file.Data)
	}
	return sections
}

func flowText(t *testing.T, sections map[string]string) string {
	for name, mode := range map[string]string{"nodes.yaml": "async", "sync.yaml": "sync"} {
		if list, ok := sections[name]; ok {
			return "key: case\ntitle: A case\nmode: " + mode + "\ntrigger: { type: webhook }\nnodes:\n" + list
		}
	}
	require.Contains(t, sections, "flow.yaml")
	return sections["flow.yaml"]
}

// problemText writes problems without the positions that a wrapped flow would only confuse.
func problemText(problems flowfile.Problems) string {
	var text strings.Builder
	for _, problem := range problems {
		where := problem.Pointer
		if problem.Node != "" {
			where += " (" + problem.Node + ")"
		}
		if problem.Warning {
			where = "warning: " + where
		}
		text.WriteString(where + ": " + indented(problem.Message) + "\n")
		if problem.Fix != "" {
			text.WriteString("    fix: " + indented(problem.Fix) + "\n")
		}
	}
	return text.String()
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }

func yamlText(t *testing.T, v any) string {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(v))
	return text.String()
}

// decodeYAML reads a section strictly into a struct; a section that is missing leaves it empty.
func decodeYAML(t *testing.T, name, text string, into any) {
	if text == "" {
		return
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), name)
}

// canonicalYAML reads a section as flow files are read.
func canonicalYAML(t *testing.T, name, text string) any {
	if text == "" {
		return nil
	}
	document, problems := flowfile.ParseDocument(name, []byte(text))
	require.Empty(t, problems.Errors(), name)
	v, err := everhook.Canonical(document.Value)
	require.NoError(t, err)
	return v
}

func rewrite(t *testing.T, path string, archive *txtar.Archive, got map[string]string) {
	kept := archive.Files[:0]
	for _, file := range archive.Files {
		if file.Name != "problems.txt" && file.Name != "want.yaml" {
			kept = append(kept, file)
		}
	}
	archive.Files = kept
	for _, name := range []string{"problems.txt", "want.yaml"} {
		if got[name] != "" {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
}
