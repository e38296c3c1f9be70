package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThePageOnExtendingShowsTheExample checks that every block of code on the page is, unchanged, in a file of the
// module that the tests build and run.
func TestThePageOnExtendingShowsTheExample(t *testing.T) {
	t.Parallel()
	const module = "../examples/custom-kind"
	var files []string
	require.NoError(t, filepath.WalkDir(module, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		files = append(files, string(data))
		return err
	}))
	shown := 0
	for _, language := range []string{"go", "yml"} {
		for _, b := range blocks(t, language) {
			if !strings.HasPrefix(b.place, "extending.md:") {
				continue
			}
			shown++
			found := false
			for _, file := range files {
				found = found || strings.Contains(file, b.text)
			}
			require.True(t, found, "%s: the block is in no file of %s; copy it from there again:\n%s", b.place, module,
				b.text)
		}
	}
	require.Greater(t, shown, 15)
}
