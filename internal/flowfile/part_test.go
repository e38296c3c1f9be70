package flowfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
)

const parts = `key: a # of the flow
'quoted key': 'it''s'
"escaped \" key": "a \" b" # note
plain: two words
  and more   # comment
nothing:
tilde: # none
empty: {}
list:
- one
-   two
- - nested
  - 'x'
- { a: 1, b: [ 2, "]" ], c: }   # flow
- [ a: 1, b ]
-
literal: |
  one
   # not a comment

    two

folded: >-   # header
    text
    more

  # a comment
kept: |+
  a

explicit: |2
    a
   b
deep:
  deeper:
    deepest: '}'
multi: {
  a: 1, # one }
  # two ]
  b: { c: "}" },
}
last: end
`

func TestPartsReadAloneAreTheirValues(t *testing.T) {
	t.Parallel()
	requireParts(t, "parts.yaml", parts)
	requireParts(t, "crlf.yaml", strings.ReplaceAll(parts, "\n", "\r\n"))
	requireParts(t, "cut.yaml", strings.TrimSuffix(parts, "\n"))
	requireParts(t, "a.json", "{\n \"a\\\"b\": [1 , {\"x\": null, \"y\" : \"]}\"}, \"é\\n\", true],\n"+
		" \"e\": {}, \"f\":[ ] }\n")
	for _, root := range []string{"../../examples", "../../docs", "../../nodes"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			requireParts(t, path, string(data))
			return nil
		}))
	}
}

// requireParts reads each part of a document alone. Files of the repository may have problems.
func requireParts(t *testing.T, file, text string) {
	t.Helper()
	document, problems := flowfile.ParseDocument(file, []byte(text))
	if len(problems) > 0 && filepath.Dir(file) != "." { // some cases are about problems
		return
	}
	require.Empty(t, problems)
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		part, ok := document.Part(pointer)
		require.True(t, ok, pointer)
		require.Equal(t, v, alone(t, file, text, part), "%s %s: %q", file, pointer,
			text[part.Value.Start:part.Value.End])
		require.Regexp(t, `^(\s*$|[ \t]*\r?\n|[ \t]+#|\s*[,\]}:])`, text[part.Value.End:], "%s %s", file, pointer)
		switch v := v.(type) {
		case map[string]any:
			require.Equal(t, flowfile.MappingPart, part.Kind, pointer)
			require.Len(t, part.Names, len(v))
			for name, below := range v {
				at := strict.Pointer(pointer, name)
				field, _ := document.Part(at)
				key := flowfile.Part{Value: field.Key, Scalar: &flowfile.Scalar{}}
				require.Equal(t, name, alone(t, file, text, key), at)
				walk(at, below)
			}
		case []any:
			require.Equal(t, flowfile.ListPart, part.Kind, pointer)
			require.Equal(t, len(v), part.Items)
			for i, below := range v {
				walk(strict.Pointer(pointer, strconv.Itoa(i)), below)
			}
		default:
			require.Equal(t, flowfile.ScalarPart, part.Kind, pointer)
		}
	}
	walk("", document.Value)
}

// alone reads a part as a document of its own, at its column.
func alone(t *testing.T, file, text string, part flowfile.Part) any {
	t.Helper()
	line := strings.LastIndexByte(text[:part.Value.Start], '\n') + 1
	own := text[part.Value.Start:part.Value.End]
	if strings.Contains(own, "\n") && part.Value.End < len(text) {
		own += "\n" // a block text at its end has it
	}
	if part.Scalar != nil && (part.Scalar.Style == flowfile.Literal || part.Scalar.Style == flowfile.Folded) {
		indent := len(text[line:]) - len(strings.TrimLeft(text[line:], " -"))
		document, _ := flowfile.ParseDocument(file, []byte(strings.Repeat(" ", indent)+"x: "+own))
		require.NotNil(t, document, own)
		return document.Value.(map[string]any)["x"]
	}
	if own == "" {
		return nil
	}
	document, problems := flowfile.ParseDocument(file, []byte(strings.Repeat(" ", part.Value.Start-line)+own))
	require.Empty(t, problems, own)
	return document.Value
}
