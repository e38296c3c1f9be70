package flowtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

func TestWhatIsWrongWithAFileIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	flow := charging + "  - { key: only, type: http-request, timeout: 5s, config: { url: 'https://a.example', query: " +
		"{ region: '{{ env.REGION }}' }, only: body, expect: [204] } }\n"
	webhook, problems := flowfile.Load("tested.yaml", []byte(flow), registry())
	require.NoError(t, problems.Err())
	other, problems := flowfile.Load("tested.yaml", []byte(strings.Replace(async, "webhook", "clock", 1)), registry())
	require.NoError(t, problems.Err())
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":         {" \n", []string{"1:1: the file is empty"}},
		"no tests":        {"env: {}", []string{`1:1: "tests" is missing`}},
		"an empty list":   {"tests: []", []string{"1:8: there are no tests"}},
		"no mapping":      {"- a", []string{"1:1: a list where a mapping is needed"}},
		"what is no YAML": {"tests: [", []string{"1:8: an unquoted value cannot start with ["}},
		"unknown fields": {`
tests:
  - name: a
    wants: {}
    request: { bodies: 1 }
    nodes: { charge: { results: 1 } }
    want:
      answer: { code: 200 }
      states: resolved
      error: { kind: x }
      calls: { charge: [{ verb: GET }] }`, []string{
			`4:12: unknown field "wants"`, `5:24: unknown field "bodies"`, `6:33: unknown field "results"`,
			`8:23: unknown field "code"`,
			`9:15: unknown field "states"`, `10:22: unknown field "kind"`, `11:33: unknown field "verb"`,
		}},
		"values of other types": {`
env: { REGION: 1 }
tests:
  - name: 1
    now: tomorrow
    request: { headers: { A: 1 }, query: 7 }
    want: { status: done, steps: paid, answer: { status: ok } }`, []string{
			"2:16: a number where text is needed", "4:11: a number where text is needed",
			"5:10: this is no time; write for example 2026-01-31T09:00:00Z",
			"6:30: a number where text is needed", "6:42: a number is no query",
			`7:21: "done" is none of resolved, failed, error, aborted, cancelled, rejected`,
			"7:34: text where a list is needed",
			"7:58: text where a number is needed",
		}},
		"a query that cannot be written": {"tests: [{ name: a, request: { query: { a: [null] } } }]",
			[]string{"1:38: a[0] is nil, which no query can say"}},
		"names": {"tests: [{ name: a }, { name: a }, {}]",
			[]string{`1:30: two tests are named "a"`, `1:35: "name" is missing`}},
		"nodes that there are not": {"tests: [{ name: a, nodes: { chargo: { error: x }, answer: { result: 1 } }, " +
			"want: { steps: ['charge[0]', 'x[0]'], calls: { answer: [], y: [] } } }]", []string{
			`1:37: the flow has no node "chargo"`, "1:59: answer is of kind response, which has no effects: it runs " +
				"in the test as it is",
			`1:105: the flow has no node "x"`, "1:131: answer is of kind response, which has no effects: it runs in " +
				"the test as it is", `1:138: the flow has no node "y"`,
		}},
		"settings that the flow does not use": {"env: { REGOIN: eu }\ntests: [{ name: a, env: { REGION: us, OTHER: x " +
			"}, secrets: { PAY: y } }]", []string{
			"1:16: the flow does not use `env.REGOIN`", "2:46: the flow does not use `env.OTHER`",
			`2:60: unknown field "secrets"`,
		}},
		"outcomes": {`
tests:
  - name: a
    nodes: { charge: [] , only: {} }
  - name: b
    nodes: { charge: [{ result: null, error: x }, { error: '' }, { result: 7 }, { result: { id: 7 } }, { result: { status: 404 } }, { failed: { status: 200 } }, { failed: { status: 99 } }, { failed: {} }] }
  - name: c
    nodes: { only: [{ result: { anything: 1 } }, { failed: { status: 204 } }, { failed: { status: 200 } }] }`, []string{
			"4:22: an empty list of outcomes", "4:33: an outcome is one of result, failed and error",
			"6:23: an outcome is one of result, failed and error", "6:60: an empty message",
			"6:76: a number where a mapping is needed",
			`6:97: unknown field "id"`, "6:124: the node takes 404 for a failure",
			"6:153: the node takes 200 for success", "6:182: 99 is not an HTTP status",
			`6:200: "status" is missing`, "8:70: the node takes 204 for success",
		}},
		"the start of another trigger": {"tests: [{ name: a, trigger: {} }]",
			[]string{"1:29: the flow is called by a webhook"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, problems := flowtest.New("tested.test.yaml", []byte(c.text), webhook, registry())
			require.Nil(t, s)
			require.Equal(t, c.want, places(problems.Errors()))
		})
	}
	t.Run("the start of a webhook", func(t *testing.T) {
		t.Parallel()
		_, problems := flowtest.New("tested.test.yaml", []byte("tests: [{ name: a, request: {} }]"), other, registry())
		require.Equal(t, []string{"1:29: the trigger of the flow is clock, and no webhook"}, places(problems))
	})
}

func TestASettingThatNoTestGivesIsAWarning(t *testing.T) {
	t.Parallel()
	flow, problems := flowfile.Load("tested.yaml",
		[]byte(sync+`  - { key: answer, type: response, config: { body: '{{ env.CURRENCY }} {{ env.OTHER ?? "none" `+
			`}}' } }`), registry())
	require.NoError(t, problems.Err())
	s, problems := flowtest.New("tested.test.yaml", []byte("tests: [{ name: a }, { name: b, env: { OTHER: x } }]"),
		flow, registry())
	require.NotNil(t, s)
	require.Equal(t, []string{"1:8: the flow uses `env.CURRENCY`, and no test gives it: it is nil in all of them"},
		places(problems))
	require.True(t, problems[0].Warning)
	require.Equal(t, "write `env: { CURRENCY: … }`, beside `tests` or in a test", problems[0].Fix)
}

func TestWhoMisspellsAStepOrGivesASecretIsToldWhatToWrite(t *testing.T) {
	t.Parallel()
	flow, problems := flowfile.Load("tested.yaml", []byte(charging), registry())
	require.NoError(t, problems.Err())
	_, problems = flowtest.New("tested.test.yaml",
		[]byte("secrets: { PAY: x }\ntests: [{ name: a, want: { steps: [chrage] } }]"), flow, registry())
	require.Len(t, problems, 2)
	require.Equal(t, "remove it: secrets have no values in tests; in want.calls they are `{{ secret.NAME }}`",
		problems[0].Fix)
	require.Equal(t, `did you mean "charge"?`, problems[1].Fix)
}

func TestAFileOfCommentsAloneSaysWhatATestFileHas(t *testing.T) {
	t.Parallel()
	flow, problems := flowfile.Load("tested.yaml", []byte(async), registry())
	require.NoError(t, problems.Err())
	_, problems = flowtest.New("tested.test.yaml", []byte("# later\n"), flow, registry())
	require.Equal(t, []string{"1:1: the file is empty"}, places(problems))
	require.Equal(t, "write `tests:` and a list of tests", problems[0].Fix)
}

func places(problems flowfile.Problems) []string {
	var told []string
	for _, p := range problems {
		told = append(told, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message))
	}
	return told
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
}

func TestAFileOfTestsBelongsToTheFlowBesideIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const tests = "tests: [{ name: a, want: { status: resolved } }]"
	for test, flow := range map[string]string{"a.test.yaml": "a.yaml", "b.test.yml": "b.yml", "c.test.yaml": "c.json"} {
		write(t, filepath.Join(dir, test), tests)
		text := async
		if flow == "c.json" {
			text = `{"key": "tested", "mode": "async", "trigger": {"type": "webhook"}}`
		}
		write(t, filepath.Join(dir, flow), text)
		s, problems, err := flowtest.Load(filepath.Join(dir, test), registry())
		require.NoError(t, err)
		require.Empty(t, problems)
		require.Equal(t, "tested", s.Flow)
	}
	write(t, filepath.Join(dir, "lonely.test.yaml"), tests)
	_, _, err := flowtest.Load(filepath.Join(dir, "lonely.test.yaml"), registry())
	require.ErrorContains(t, err, "has no flow beside it: there is no lonely.yaml")

	_, _, err = flowtest.Load(filepath.Join(dir, "a.yaml"), registry())
	require.ErrorContains(t, err, "is no file of contract tests")
	_, _, err = flowtest.Load(filepath.Join(dir, "gone.test.yaml"), registry())
	require.ErrorIs(t, err, os.ErrNotExist)

	write(t, filepath.Join(dir, "broken.yaml"), "key: broken\n")
	write(t, filepath.Join(dir, "broken.test.yaml"), tests)
	s, problems, err := flowtest.Load(filepath.Join(dir, "broken.test.yaml"), registry())
	require.NoError(t, err)
	require.Nil(t, s)
	require.NotEmpty(t, problems)
	require.Equal(t, filepath.Join(dir, "broken.yaml"), problems[0].File)
}

func TestFindLooksBelowDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a/flow.test.yaml", "a/b/x.test.yml", "a/flow.yaml", ".git/y.test.yaml",
		"node_modules/z.test.yaml", "everhook-data/z.test.yaml"} {
		write(t, filepath.Join(dir, name), "")
	}
	files, err := flowtest.Find([]string{dir, filepath.Join(dir, ".git", "y.test.yaml")})
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "a/b/x.test.yml"), filepath.Join(dir, "a/flow.test.yaml"),
		filepath.Join(dir, ".git/y.test.yaml")}, files)

	_, err = flowtest.Find([]string{filepath.Join(dir, "gone")})
	require.ErrorIs(t, err, os.ErrNotExist)
	empty := t.TempDir()
	_, err = flowtest.Find([]string{empty})
	require.EqualError(t, err, empty+" has no file of contract tests, as order-intake.test.yaml beside "+
		"order-intake.yaml")
}
