package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
)

func TestEveryFlowInThePagesLoads(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	for _, b := range blocks(t, "yaml") {
		if b.meaning == "wrong" || b.meaning == "test" {
			continue
		}
		t.Run(b.place, func(t *testing.T) {
			t.Parallel()
			text := asFlow(t, b)
			_, problems := flowfile.Load(b.place, []byte(text), nodes.Standard())
			require.NoError(t, problems.Err())
			document, _ := flowfile.ParseDocument(b.place, []byte(text))
			require.NoError(t, schema.Validate(document.Value))
		})
	}
}

var refused = regexp.MustCompile(`(?m)^# refused: (.+)$`)

func TestEveryWrongNodeInThePagesIsRefusedAsItSays(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "yaml") {
		if b.meaning != "wrong" {
			continue
		}
		t.Run(b.place, func(t *testing.T) {
			t.Parallel()
			match := refused.FindStringSubmatch(b.text)
			require.NotNil(t, match, "the block does not say how it is refused")
			_, problems := flowfile.Load(b.place, []byte(asFlow(t, b)), nodes.Standard())
			require.ErrorContains(t, problems.Err(), match[1])
		})
	}
}

// sample is the trigger.body of the examples on the page of the language.
const sample = `{"id": 7, "paid": true, "name": "Größe", "items": [{"sku": "a", "price": 2.5}, {"sku": "b", ` +
	`"price": 4}]}`

func TestEveryExpressionInThePagesGivesWhatItSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("reference/expressions.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "`"+sample+"`")
	body, err := everhook.ParseJSON([]byte(sample))
	require.NoError(t, err)
	environment := &expression.Environment{Roots: map[string]*expression.Shape{"trigger": {}}}
	for _, b := range blocks(t, "js") {
		for line := range strings.Lines(b.text) {
			source, want, commented := strings.Cut(strings.TrimSpace(line), " // ")
			require.True(t, commented, "%s: %s", b.place, line)
			got := evaluated(source, environment, map[string]any{"trigger": map[string]any{"body": body}})
			if message, failing := strings.CutPrefix(want, "error: "); failing {
				require.Contains(t, got, message, "%s: %s", b.place, source)
				continue
			}
			require.Equal(t, want, got, "%s: %s", b.place, source)
		}
	}
}

// evaluated returns the value as JSON, or the message of the error.
func evaluated(source string, environment *expression.Environment, values map[string]any) string {
	program, err := expression.Compile(source, environment)
	if err != nil {
		return err.Error()
	}
	v, err := program.Eval(&expression.Scope{Values: values,
		Now: func() time.Time { return time.Unix(1_900_000_000, 0) }})
	if err != nil {
		return err.Error()
	}
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestTheExamplesAndTemplatesFitTheSchema(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	flows := map[string][]byte{
		"sync template":  []byte(flowfile.Template("a", everhook.Sync)),
		"async template": []byte(flowfile.Template("a", everhook.Async)),
	}
	files, err := filepath.Glob("../examples/*/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		flows[file] = data
	}
	for name, data := range flows {
		document, problems := flowfile.ParseDocument(name, data)
		require.NoError(t, problems.Err())
		if flow, _ := document.Value.(map[string]any); flow["trigger"] == nil {
			continue
		}
		require.NoError(t, schema.Validate(document.Value), name)
	}
}

func flowSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := schema.JSON(nodes.Standard())
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("flow.schema.json", document))
	compiled, err := compiler.Compile("flow.schema.json")
	require.NoError(t, err)
	return compiled
}

// link is a link of Markdown to another file or a heading of this one.
var (
	link    = regexp.MustCompile(`\]\(([^)\s:]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// code matches code on a page: in Go, type arguments before a call look like a link.
var code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")

func TestEveryLinkBetweenThePagesLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"*.md", "reference/*.md"} {
		files, err := filepath.Glob(name)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(string(data), ""), -1) {
				path, anchor, anchored := strings.Cut(match[1], "#")
				target := file
				if path != "" {
					target = filepath.Join(filepath.Dir(file), path)
				}
				content, err := os.ReadFile(target)
				require.NoError(t, err, "%s: %s", file, match[1])
				if anchored {
					require.Contains(t, anchors(string(content)), anchor, "%s: %s", file, match[1])
				}
			}
		}
	}
}

// anchors returns the names by which links refer to headings.
func anchors(page string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		names = append(names, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return names
}
