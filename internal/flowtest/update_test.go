package flowtest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

var update = flag.Bool("update", false, "rewrite what the updates in testdata give")

// TestUpdateWritesWhatIsObserved runs testdata/update/<sentence>.txtar: flow.yaml, before.yaml and after.yaml. `go test
// ./internal/flowtest -run Update -update` rewrites after.yaml; review it.
func TestUpdateWritesWhatIsObserved(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/update/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		t.Run(strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".txtar"), "-", " "), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			files := map[string]string{}
			for _, file := range archive.Files {
				files[file.Name] = string(file.Data)
			}
			s := suite(t, files["flow.yaml"], files["before.yaml"])
			results, err := s.Run(t.Context(), flowtest.Options{})
			require.NoError(t, err)
			updated, changed, err := s.Update(results)
			require.NoError(t, err)
			require.Positive(t, changed)
			if *update {
				archive.Files[len(archive.Files)-1].Data = updated
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
				return
			}
			require.Equal(t, files["after.yaml"], string(updated))

			s = suite(t, files["flow.yaml"], string(updated))
			results, err = s.Run(t.Context(), flowtest.Options{})
			require.NoError(t, err)
			for _, result := range results {
				require.Empty(t, told(result), diffOf(result))
			}
			again, changed, err := s.Update(results)
			require.NoError(t, err)
			require.Zero(t, changed)
			require.Equal(t, string(updated), string(again))
		})
	}
}

func TestUpdateLeavesATestThatWentWrong(t *testing.T) {
	t.Parallel()
	const text = "tests:\n  - name: a\n    want: { answer: { status: 201 } }\n"
	s := suite(t, charging, text)
	results, err := s.Run(t.Context(), flowtest.Options{})
	require.NoError(t, err)
	require.False(t, results[0].Passed)
	updated, changed, err := s.Update(results)
	require.NoError(t, err)
	require.Zero(t, changed)
	require.Equal(t, text, string(updated))
}

func TestUpdateWritesNoListOfStepsThatCannotPass(t *testing.T) {
	t.Parallel()
	const flow = async + "  - key: many\n    type: loop\n    config: { over: '2000' }\n    branches: { do: [ { key: " +
		"one, type: calculation, config: { expression: '1' } } ] }\n"
	const text = "tests:\n  - name: a\n    want: { steps: [many] }\n"
	s := suite(t, flow, text)
	results, err := s.Run(t.Context(), flowtest.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"the run took 2001 steps, of which the step log keeps 1001: leave `want.steps` out"},
		told(results[0]))
	updated, changed, err := s.Update(results)
	require.NoError(t, err)
	require.Zero(t, changed)
	require.Equal(t, text, string(updated))
}

// FuzzUpdate checks that every updated file can be read and that its tests pass.
func FuzzUpdate(f *testing.F) {
	examples, err := filepath.Glob(filepath.Join(examplesDir, "payment-callback", "*.test.yaml"))
	require.NoError(f, err)
	for _, name := range examples {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Add("tests: [{name: a, request: {body: {order: {id: \"# 1\"}}}, want: {status: failed, steps: [paid]}}]")
	f.Add("tests:\n- want: # x\n    # y\n    status:\n        failed\n    answer: {\n      status: 1\n    }\n  name: " +
		"|\n    a\n    # b\n")
	f.Add("tests:\n- name: a\n  want:\n    error: |\n      # x\n\n      y\n  # z\n\n# end")
	f.Add("{\"tests\": [{\"name\": \"a\", \"want\": {\"status\": \"failed\"}}]}")
	data, err := os.ReadFile(filepath.Join(examplesDir, "payment-callback", "flow.yaml"))
	require.NoError(f, err)
	flow, problems := flowfile.Load("flow.yaml", data, registry())
	require.NoError(f, problems.Err())
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := flowtest.New("flow.test.yaml", []byte(text), flow, registry())
		if s == nil || len(s.Tests) > 20 {
			return
		}
		results, err := s.Run(t.Context(), flowtest.Options{})
		require.NoError(t, err)
		updated, changed, err := s.Update(results)
		require.NoError(t, err)
		if changed == 0 {
			require.Equal(t, text, string(updated))
			return
		}
		s, problems := flowtest.New("flow.test.yaml", updated, flow, registry())
		require.NoError(t, problems.Err(), "%s", updated)
		wrong := map[string]bool{}
		for _, result := range results {
			for _, failure := range result.Failures {
				wrong[result.Name] = wrong[result.Name] || failure.Field == ""
			}
		}
		results, err = s.Run(t.Context(), flowtest.Options{})
		require.NoError(t, err)
		for _, result := range results {
			require.True(t, result.Passed || wrong[result.Name], "%s: %v\n%s", result.Name, told(result), updated)
		}
	})
}
