package flowtest_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

func TestAJUnitFileHasASuiteForEachFile(t *testing.T) {
	t.Parallel()
	results := []flowtest.Result{
		{File: "a.test.yaml", Position: flowfile.Position{Line: 2}, Flow: "a", Name: "one", Passed: true,
			Seconds: 0.25},
		{File: "a.test.yaml", Position: flowfile.Position{Line: 9}, Flow: "a", Name: "two \x00 & <\"three\">",
			Seconds: 0.5, Failures: []flowtest.Failure{{Message: "the \x1b[1m answer"}}},
		{File: "b.test.yaml", Flow: "b", Name: "other", Passed: true},
	}
	problems := flowfile.Problems{{File: "c.yaml", Position: flowfile.Position{Line: 3, Column: 4},
		Message: "no\x07 good", Fix: "mend it"}}
	var text bytes.Buffer
	require.NoError(t, flowtest.WriteJUnit(&text, results, problems,
		func(flowtest.Result) string { return "why: ]]> \x00\x1b \ufffe\nand\tmore" }))
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="everhook flow test" tests="4" failures="1" errors="1" time="0.750">
  <testsuite name="a.test.yaml" tests="2" failures="1" errors="0" skipped="0" time="0.750">
    <testcase name="one" classname="a" file="a.test.yaml" line="2" time="0.250"></testcase>
    <testcase name="two � &amp; &lt;&#34;three&#34;&gt;" classname="a" file="a.test.yaml" line="9" time="0.500">
      <failure message="the �[1m answer" type="contract"><![CDATA[why: ]]]]><![CDATA[> �� �
and	more]]></failure>
    </testcase>
  </testsuite>
  <testsuite name="b.test.yaml" tests="1" failures="0" errors="0" skipped="0" time="0.000">
    <testcase name="other" classname="b" file="b.test.yaml" time="0.000"></testcase>
  </testsuite>
  <testsuite name="c.yaml" tests="1" failures="0" errors="1" skipped="0" time="0.000">
    <testcase name="line 3, column 4" classname="c.yaml" file="c.yaml" line="3" time="0.000">
      <error message="no� good" type="problem"><![CDATA[c.yaml:3:4: no� good
    fix: mend it]]></error>
    </testcase>
  </testsuite>
</testsuites>
`, text.String())
	var any struct{ XMLName xml.Name }
	require.NoError(t, xml.Unmarshal(text.Bytes(), &any))
}

// full is a writer that fails like a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAJUnitFileThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	require.EqualError(t, flowtest.WriteJUnit(full{}, nil, nil, nil), "no space left")
}
