package flowfile_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
)

var update = flag.Bool("update", false, "write the reports of testdata/*.txtar anew")

// TestReports parses the first file of each archive and compares the value, as JSON, and the report with the other two
// files.
func TestReports(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			input := archive.Files[0]
			document, problems := flowfile.ParseDocument(input.Name, input.Data)
			value := "none"
			if document != nil {
				data, err := everhook.EncodeJSON(document.Value)
				require.NoError(t, err)
				value = string(data)
			}
			archive.Files = []txtar.File{input, {Name: "value", Data: []byte(value + "\n")},
				{Name: "report", Data: []byte(problems.Error())}}
			got := txtar.Format(archive)
			if *update {
				require.NoError(t, os.WriteFile(name, got, 0o644))
			}
			want, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}
