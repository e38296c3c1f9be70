package flowfile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
)

const sample = `key: a
nodes:
  - key: é
    config: { "a/b~c": 1.50, expression: x == 1 } # of the mapping
    branches:
      then: []   
      else:
        - { key: inner, config: { expression: a # b
          } }
      z: {}
text: |
  one # two
folded: >
  x
single: 'it''s'
double: "d" # note
tagged: !t u # v
`

func parse(t *testing.T, file, text string) *flowfile.Document {
	t.Helper()
	document, _ := flowfile.ParseDocument(file, []byte(text))
	require.NotNil(t, document)
	return document
}

func TestPositionFindsValuesOrTheirNearestParent(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", sample)
	for pointer, want := range map[string]flowfile.Position{
		"": {1, 1}, "/key": {1, 6}, "/nodes": {3, 3}, "/nodes/0": {3, 5}, "/nodes/0/key": {3, 10},
		"/nodes/0/config":         {4, 13},
		"/nodes/0/config/a~1b~0c": {4, 24}, "/nodes/0/config/expression": {4, 42},
		"/nodes/0/config/none/deeper": {4, 13},
		"/nodes/7":                    {3, 3}, "/nodes/x": {3, 3}, "/none": {1, 1}, "/text": {11, 7},
	} {
		require.Equal(t, want, document.Position(pointer), pointer)
	}
}

func TestKeyPositionFindsKeys(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", sample)
	for pointer, want := range map[string]flowfile.Position{
		"/key": {1, 1}, "/nodes": {2, 1}, "/nodes/0": {3, 5}, "/nodes/0/config": {4, 5},
		"/nodes/0/config/a~1b~0c":    {4, 15},
		"/nodes/0/config/expression": {4, 30}, "/nodes/0/config/none": {4, 13}, "/nodes/0/branches/else": {7, 7},
	} {
		require.Equal(t, want, document.KeyPosition(pointer), pointer)
	}
}

func TestPositionsCountCharactersAndTheLinesOfEditors(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", "\ufeffa: [\"é\u2028😀\", b]\r\nc:   d\r\n")
	require.Equal(t, flowfile.Position{Line: 1, Column: 12}, document.Position("/a/1"))
	require.Equal(t, flowfile.Position{Line: 2, Column: 6}, document.Position("/c"))
}

func TestPositionsOfJSON(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.json", "{\n\t\"é\" : [1 , {\"x\":null}],\n\"k\":\"v\"}")
	require.Equal(t, flowfile.Position{Line: 2, Column: 13}, document.Position("/é/1"))
	require.Equal(t, flowfile.Position{Line: 2, Column: 14}, document.KeyPosition("/é/1/x"))
	require.Equal(t, flowfile.Position{Line: 2, Column: 18}, document.Position("/é/1/x"))
	require.Equal(t, flowfile.Position{Line: 3, Column: 1}, document.KeyPosition("/k"))
	require.Equal(t, []string{"é", "k"}, document.OrderedKeys(""))
	scalar, ok := document.Scalar("/k")
	require.True(t, ok)
	require.Equal(t, flowfile.Scalar{Style: flowfile.DoubleQuoted, Text: "v"}, scalar)
	scalar, ok = document.Scalar("/é/0")
	require.True(t, ok)
	require.Equal(t, flowfile.Scalar{Text: "1"}, scalar)
}

func TestScalarTellsHowAValueIsWritten(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", sample)
	for pointer, want := range map[string]flowfile.Scalar{
		"/key":                       {Text: "a"},
		"/nodes/0/config/a~1b~0c":    {Text: "1.50"},
		"/nodes/0/config/expression": {Text: "x == 1"},
		"/nodes/0/branches/else/0/config/expression": {Text: "a", Comment: "# b"},
		"/text":   {Style: flowfile.Literal, Text: "one # two\n"},
		"/folded": {Style: flowfile.Folded, Text: "x\n"},
		"/single": {Style: flowfile.SingleQuoted, Text: "it's"},
		"/double": {Style: flowfile.DoubleQuoted, Text: "d"},
		"/tagged": {Text: "!t u", Tag: "!t"},
	} {
		got, ok := document.Scalar(pointer)
		require.True(t, ok, pointer)
		require.Equal(t, want, got, pointer)
	}
	for _, pointer := range []string{"", "/nodes", "/nodes/0", "/none", "/key/deeper"} {
		_, ok := document.Scalar(pointer)
		require.False(t, ok, pointer)
	}
}

func TestOrderedKeysAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", sample)
	require.Equal(t, []string{"then", "else", "z"}, document.OrderedKeys("/nodes/0/branches"))
	require.Empty(t, document.OrderedKeys("/nodes/0/branches/z"))
	require.Nil(t, document.OrderedKeys("/nodes"))
	require.Nil(t, document.OrderedKeys("/none"))
}

func TestNodeKeyIsThatOfTheInnermostNode(t *testing.T) {
	t.Parallel()
	document := parse(t, "flow.yaml", sample)
	for pointer, want := range map[string]string{
		"": "", "/key": "", "/nodes": "", "/nodes/0": "é", "/nodes/0/config/x": "é", "/nodes/0/branches": "é",
		"/nodes/0/branches/else":   "é",
		"/nodes/0/branches/else/0": "inner", "/nodes/0/branches/else/0/config/expression": "inner",
		"/nodes/0/branches/none/0/config": "é",
		"/nodes/5/key":                    "", "/onFailure/0": "",
	} {
		require.Equal(t, want, document.NodeKey(pointer), pointer)
	}
}

func TestProblemNamesPlaceAndNode(t *testing.T) {
	t.Parallel()
	problem := parse(t, "flow.yaml", sample).Problem("/nodes/0/config/expression", "not boolean:\nx == 1\n  ^",
		"compare")
	require.Equal(t, "flow.yaml:4:42: node é: not boolean:\n    x == 1\n      ^\n    fix: compare", problem.String())
	problem.Warning = true
	problem.Fix = ""
	problem.Node = ""
	problem.Message = "hm"
	require.Equal(t, "flow.yaml:4:42: warning: hm", problem.String())
	data, err := json.Marshal(problem)
	require.NoError(t, err)
	require.JSONEq(t, `{"file":"flow.yaml","line":4,"column":42,"pointer":"/nodes/0/config/expression",`+
		`"message":"hm","warning":true}`, string(data))
}

func TestProblemsAreSortedAndSplit(t *testing.T) {
	t.Parallel()
	at := func(file string, line, column int, warning bool) flowfile.Problem {
		return flowfile.Problem{File: file, Position: flowfile.Position{Line: line, Column: column}, Message: "m",
			Warning: warning}
	}
	problems := flowfile.Problems{at("b", 1, 1, false), at("a", 2, 1, false), at("a", 1, 9, true), at("a", 1, 2, false)}
	problems.Sort()
	require.Equal(t, flowfile.Problems{at("a", 1, 2, false), at("a", 1, 9, true), at("a", 2, 1, false),
		at("b", 1, 1, false)}, problems)
	require.Len(t, problems.Errors(), 3)
	require.Len(t, problems.Warnings(), 1)
	require.EqualError(t, problems.Err(), "a:1:2: m\na:2:1: m\nb:1:1: m")
	require.NoError(t, problems.Warnings().Err())
	require.NoError(t, flowfile.Problems(nil).Err())
}

func TestParseDocumentReportsLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", everhook.MaxDepth+1) + strings.Repeat("]", everhook.MaxDepth+1)
	for name, test := range map[string]struct{ file, text, want string }{
		"a file that is too long": {"f.yaml", strings.Repeat("#", flowfile.MaxFileSize+1),
			"f.yaml:1:1: the file has 1048577 bytes; a flow file has at most 1048576"},
		"YAML that is nested too deeply": {"f.yaml", deep, "f.yaml:1:101: nested deeper than 100"},
		"YAML that the library finds too deep": {"f.yaml", strings.Repeat("[", 20_000),
			"f.yaml:1:10001: nested deeper than 100"},
		"JSON that is nested too deeply": {"f.json", deep, "f.json:1:101: nested deeper than 100"},
		"YAML with too many values": {"f.yaml", "[" + strings.Repeat("1,", flowfile.MaxValues) + "]",
			"f.yaml:1:200000: more than 100000 values"},
		"JSON with too many values": {"f.json", "[" + strings.Repeat("1,", flowfile.MaxValues) + "1]",
			"f.json:1:1: more than 100000 values"},
		"a byte that is not UTF-8": {"f.yaml", "a: é\xff",
			"f.yaml:1:5: a byte or control character that text cannot hold"},
		"a byte in JSON that is not UTF-8": {"f.json", "\"\xff\"", "f.json:1:2: invalid UTF-8"},
		"a byte order mark of the wrong charset": {"f.yaml", "\xfe\xff\x00a",
			"f.yaml:1:1: a byte or control character that text cannot hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := flowfile.ParseDocument(test.file, []byte(test.text))
			require.NotEmpty(t, problems)
			require.Equal(t, test.want, strings.Split(problems[0].String(), "\n")[0])
		})
	}
}

func TestParseDocumentTakesTheDepthThatValuesMayHave(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("[", everhook.MaxDepth) + strings.Repeat("]", everhook.MaxDepth)
	for _, file := range []string{"f.yaml", "f.json"} {
		_, problems := flowfile.ParseDocument(file, []byte(text))
		require.NoError(t, problems.Err())
	}
}

func TestParseDocumentBoundsAReport(t *testing.T) {
	t.Parallel()
	_, problems := flowfile.ParseDocument("f.yaml", []byte(strings.Repeat("- !x\n", 1000)))
	require.Len(t, problems, 100)
}

func TestParseDocumentIsQuickOnHostileFiles(t *testing.T) {
	t.Parallel()
	lines := func(line string) string { return strings.Repeat(line, flowfile.MaxFileSize/len(line)) }
	for name, text := range map[string]string{
		"one line of brackets":            "a: [" + lines("(") + "#",
		"one line of entries":             "{" + lines("a,")[:flowfile.MaxFileSize-2] + "}",
		"one line of open parentheses":    "[" + lines("f(a, ")[:flowfile.MaxFileSize-2] + "]",
		"templates without quotes":        lines("- {{ a[0] }} b\n"),
		"an open brace before many lines": "a: {\n" + lines("b: c\n")[:flowfile.MaxFileSize-5],
		"an open quote before many lines": "a: '\n" + lines("b: c\n")[:flowfile.MaxFileSize-5],
		"open quotes":                     lines("\""),
		"comments":                        lines("# a\n"),
		"long keys nested":                lines("- ? "),
		"tags":                            lines("- !a\n"),
		"aliases":                         "a: &a [1]\nb: [" + lines("*a,")[:flowfile.MaxFileSize-16] + "]",
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			flowfile.ParseDocument("f.yaml", []byte(text)[:min(len(text), flowfile.MaxFileSize)])
			require.Less(t, time.Since(started), 30*time.Second)
		})
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add(true, sample)
	f.Add(false, `{"a": [1, {"b": null}], "c": "d"}`)
	for _, line := range []string{"a: {{ b }} c", "a: b ? c : d", "{ a: b[0] }", "a: !x y", "a: &b *c", "a: 'b",
		"a: \"b\" + c", "a: @", "\ta: b", "a:\n b\n c: d", "? a", "- - : x", "a: |2\n b", "%A", "---\n---",
		"a: [b # c\n]"} {
		f.Add(true, line)
	}
	f.Fuzz(func(t *testing.T, isYAML bool, text string) {
		file := "f.json"
		if isYAML {
			file = "f.yaml"
		}
		document, problems := flowfile.ParseDocument(file, []byte(text))
		for _, problem := range problems {
			require.Positive(t, problem.Line)
			require.Positive(t, problem.Column)
			require.NotEmpty(t, problem.Message)
		}
		if document == nil {
			require.Error(t, problems.Err(), "no document and no error")
			return
		}
		canonical, err := everhook.Canonical(document.Value)
		if problems.Err() != nil {
			return
		}
		require.NoError(t, err)
		require.True(t, everhook.Equal(canonical, document.Value), "the value is not canonical")
		data, err := everhook.EncodeJSON(document.Value)
		require.NoError(t, err)
		again, problems := flowfile.ParseDocument("again.json", data)
		require.NoError(t, problems.Err())
		require.True(t, everhook.Equal(document.Value, again.Value), "the value differs after a round trip: %s", data)
		comparePlaces(t, document, again, "", document.Value)
	})
}

// comparePlaces requires that both documents know each part of the value.
func comparePlaces(t *testing.T, a, b *flowfile.Document, pointer string, v any) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			comparePlaces(t, a, b, fmt.Sprintf("%s/%d", pointer, i), item)
		}
	case map[string]any:
		require.ElementsMatch(t, a.OrderedKeys(pointer), b.OrderedKeys(pointer))
	default:
		_, inA := a.Scalar(pointer)
		_, inB := b.Scalar(pointer)
		require.True(t, inA && inB, pointer)
	}
}
