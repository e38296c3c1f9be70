// Package docs_test checks the documentation: generated pages must be up to date, and every example must do what the
// page says. `go test ./docs -update` rewrites the generated pages.
package docs_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
)

var update = flag.Bool("update", false, "write the generated pages and the schema")

func TestTheGeneratedPagesAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	flowSchema, err := schema.JSON(registry)
	require.NoError(t, err)
	pages := schema.Reference(registry)
	document, err := api.Document()
	require.NoError(t, err)
	files := map[string]string{"flow.schema.json": string(flowSchema) + "\n", "openapi.json": string(document) + "\n"}
	for _, page := range pages {
		files[filepath.Join("reference", page.Name)] = page.Markdown
	}
	for name, want := range files {
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
			continue
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err, "run `make docs`")
		require.Equal(t, want, string(got), "%s is not what the code generates; run `make docs`", name)
	}
	require.NoError(t, filepath.WalkDir("reference", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			require.Contains(t, files, filepath.ToSlash(name), "a page that the code no longer generates; remove it")
		}
		return err
	}))
}

// block is a fenced block of a page.
type block struct {
	place, language, meaning, text string
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\w+))?\n(.*?)^```$")

// blocks finds the fenced blocks of one language in all pages.
func blocks(t *testing.T, language string) []block {
	t.Helper()
	var found []block
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".md" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text := string(data)
		for _, at := range fence.FindAllStringSubmatchIndex(text, -1) {
			b := block{language: text[at[2]:at[3]], text: text[at[6]:at[7]],
				place: fmt.Sprintf("%s:%d", name, 1+strings.Count(text[:at[0]], "\n"))}
			if at[4] >= 0 {
				b.meaning = text[at[4]:at[5]]
			}
			if b.language == language {
				found = append(found, b)
			}
		}
		return nil
	}))
	require.NotEmpty(t, found)
	return found
}

// asFlow completes a block to a whole flow: a node, nodes or a trigger.
func asFlow(t *testing.T, b block) string {
	t.Helper()
	const head = "key: example\nmode: sync\n"
	switch b.meaning {
	case "":
		return b.text
	case "node":
		return head + "trigger: { type: webhook }\nnodes:\n  - " + strings.TrimSpace(indented(b.text, "    "))
	case "nodes", "wrong":
		return head + "trigger: { type: webhook }\nnodes:\n" + indented(b.text, "  ")
	case "trigger":
		return head + "trigger:\n" + indented(b.text, "  ")
	default:
		require.Failf(t, "unknown kind of block", "%s: %q is none of node, nodes, trigger, wrong and test", b.place,
			b.meaning)
		return ""
	}
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}
