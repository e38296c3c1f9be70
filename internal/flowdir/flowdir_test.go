package flowdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

// flows is a Target and a Listener that remembers: what is enabled, where from, and what was told.
type flows struct {
	enabled map[string]string // key to source
	titles  map[string]string
	told    []string
	fail    error
	event   chan string
}

func newFlows() *flows { return &flows{enabled: map[string]string{}, titles: map[string]string{}} }

func (f *flows) ApplyFile(_ context.Context, definition *everhook.Definition, source, _ string) (everhook.Version,
	error) {
	if f.fail != nil {
		return everhook.Version{}, f.fail
	}
	f.enabled[definition.Key], f.titles[definition.Key] = source, definition.Title
	return everhook.Version{Number: 1, Definition: definition}, nil
}

func (f *flows) Await(context.Context) error { return nil }

func (f *flows) Disable(_ context.Context, key string) error {
	if f.fail != nil {
		return f.fail
	}
	delete(f.enabled, key)
	return nil
}

func (f *flows) Sources(context.Context) (map[string]string, error) { return f.enabled, f.fail }

func (f *flows) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.told = append(f.told, text)
	if f.event != nil {
		f.event <- text
	}
}

func (f *flows) Applied(file string, version everhook.Version, problems flowfile.Problems) {
	f.tell("%s applied as %s %q, %d warnings", file, version.Definition.Key, version.Definition.Title, len(problems))
}

func (f *flows) Refused(_ string, problems flowfile.Problems) { f.tell("%v", problems) }
func (f *flows) Removed(file, key string)                     { f.tell("%s removed %s", file, key) }
func (f *flows) Ignored(names []string)                       { f.tell("ignored %s", strings.Join(names, " ")) }

// take gives what was told since the last time, with the directory's path as DIR.
func (f *flows) take(dir string) []string {
	told := make([]string, len(f.told))
	for i, text := range f.told {
		told[i] = strings.ReplaceAll(text, dir, "DIR")
	}
	f.told = nil
	return told
}

func flow(key, title string, more ...string) string {
	return "key: " + key + "\ntitle: " + title + "\nmode: async\ntrigger:\n  type: webhook\n" + strings.Join(more, "\n")
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func open(t *testing.T, dir string, f *flows) *Dir {
	t.Helper()
	d, err := New(dir, nodes.Standard(), f, f)
	require.NoError(t, err)
	return d
}

// A step changes files, by name; "" removes one. Then the directory is synced, and told and enabled are what it led to.
type step struct {
	files   map[string]string
	fail    error
	told    []string
	enabled []string
}

func TestWhatBecomesOfFiles(t *testing.T) {
	t.Parallel()
	const broken = "key: a\nmode: async\ntrigger:\n  type: webhook\nnodse: []\n"
	const brokenTold = "DIR/a.yaml:5:"
	for name, steps := range map[string][]step{
		"flows are found at any depth, in any of the notations": {
			{files: map[string]string{"a.yaml": flow("a", "A"), "deep/er/b.yml": flow("b", "B"),
				"c.json": `{"key":"c","mode":"async","trigger":{"type":"webhook"}}`},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`, `DIR/c.json applied as c "", 0 warnings`,
					`DIR/deep/er/b.yml applied as b "B", 0 warnings`}, enabled: []string{"a", "b", "c"}},
		},
		"what is no flow is told once, except data and what is hidden": {
			{files: map[string]string{"compose.yaml": "services: {}", "half.yml": "key: a\n",
				"request.json": `{"key": 1}`, ".hidden.yaml": flow("h", ""), ".git/x.yaml": flow("g", ""),
				"node_modules/x.yaml": flow("n", ""), "everhook-data/x.yaml": flow("d", ""), "text.txt": flow("t", "")},
				told: []string{"ignored DIR/compose.yaml DIR/half.yml"}},
			{files: map[string]string{"compose.yaml": "services: {a: {}}"}},
			{files: map[string]string{"later.yaml": "x: 1"}, told: []string{"ignored DIR/later.yaml"}},
			{files: map[string]string{"half.yml": flow("a", "A")},
				told: []string{`DIR/half.yml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
		},
		"contract tests are neither flows nor told of": {
			{files: map[string]string{"a.yaml": flow("a", "A"), "a.test.yaml": "tests: []",
				"b.test.yml": flow("b", "B")}, told: []string{`DIR/a.yaml applied as a "A", 0 warnings`},
				enabled: []string{"a"}},
		},
		"only what changed is applied again": {
			{files: map[string]string{"a.yaml": flow("a", "A"), "b.yaml": flow("b", "B")},
				told:    []string{`DIR/a.yaml applied as a "A", 0 warnings`, `DIR/b.yaml applied as b "B", 0 warnings`},
				enabled: []string{"a", "b"}},
			{enabled: []string{"a", "b"}},
			{files: map[string]string{"b.yaml": flow("b", "B2")},
				told: []string{`DIR/b.yaml applied as b "B2", 0 warnings`}, enabled: []string{"a", "b"}},
		},
		"a broken file keeps what was enabled, and is told once": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": broken}, told: []string{brokenTold}, enabled: []string{"a"}},
			{enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
		},
		"a file that was a flow stays one without its trigger, or empty": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": "key: a\nmode: async\n"}, told: []string{"\"trigger\" is missing"},
				enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": "\n"}, told: []string{"DIR/a.yaml:1:1: "}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": ""}, told: []string{"DIR/a.yaml removed a"}},
		},
		"a file that cannot be parsed is a flow when it looks like one": {
			{files: map[string]string{"a.yaml": "key: a\ntrigger:\n\t- x", "b.yaml": "other: a\n\t- x"},
				told: []string{"ignored DIR/b.yaml", "DIR/a.yaml:3:1: "}},
		},
		"a removed file disables its flow": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": ""}, told: []string{"DIR/a.yaml removed a"}},
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
		},
		"a renamed file keeps its flow": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": "", "z.yaml": flow("a", "A")},
				told: []string{`DIR/z.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
		},
		"another key in a file disables the flow of the one before": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": flow("b", "B")},
				told:    []string{"DIR/a.yaml removed a", `DIR/a.yaml applied as b "B", 0 warnings`},
				enabled: []string{"b"}},
		},
		"the key that a file had is remembered while it is broken": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": broken}, told: []string{brokenTold}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": flow("b", "B")},
				told:    []string{"DIR/a.yaml removed a", `DIR/a.yaml applied as b "B", 0 warnings`},
				enabled: []string{"b"}},
		},
		"two files that swap their keys both stay enabled": {
			{files: map[string]string{"a.yaml": flow("a", "A"), "b.yaml": flow("b", "B")},
				told:    []string{`DIR/a.yaml applied as a "A", 0 warnings`, `DIR/b.yaml applied as b "B", 0 warnings`},
				enabled: []string{"a", "b"}},
			{files: map[string]string{"a.yaml": flow("b", "B"), "b.yaml": flow("a", "A")},
				told:    []string{`DIR/a.yaml applied as b "B", 0 warnings`, `DIR/b.yaml applied as a "A", 0 warnings`},
				enabled: []string{"a", "b"}},
		},
		"two files with one key are both refused, and what was enabled stays": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"b.yaml": flow("a", "B")}, enabled: []string{"a"}, told: []string{
				"DIR/a.yaml:1:6: the key \"a\" is also that of DIR/b.yaml\n    fix: give each flow its own; neither " +
					"file is applied",
				"DIR/b.yaml:1:6: the key \"a\" is also that of DIR/a.yaml\n    fix: give each flow its own; neither " +
					"file is applied"}},
			{enabled: []string{"a"}},
			{files: map[string]string{"b.yaml": flow("b", "B")},
				told:    []string{`DIR/a.yaml applied as a "A", 0 warnings`, `DIR/b.yaml applied as b "B", 0 warnings`},
				enabled: []string{"a", "b"}},
		},
		"a file whose new key clashes gives its old one up when it has its own": {
			{files: map[string]string{"a.yaml": flow("a", "A"), "b.yaml": flow("b", "B")},
				told:    []string{`DIR/a.yaml applied as a "A", 0 warnings`, `DIR/b.yaml applied as b "B", 0 warnings`},
				enabled: []string{"a", "b"}},
			{files: map[string]string{"a.yaml": flow("b", "A")}, enabled: []string{"a", "b"}, told: []string{
				"DIR/a.yaml:1:6: the key \"b\" is also that of DIR/b.yaml\n    fix: give each flow its own; neither " +
					"file is applied",
				"DIR/b.yaml:1:6: the key \"b\" is also that of DIR/a.yaml\n    fix: give each flow its own; neither " +
					"file is applied"}},
			{files: map[string]string{"a.yaml": flow("c", "A")}, enabled: []string{"b", "c"},
				told: []string{"DIR/a.yaml removed a", `DIR/a.yaml applied as c "A", 0 warnings`,
					`DIR/b.yaml applied as b "B", 0 warnings`}},
		},
		"two files with one token are both refused, and the token is not shown": {
			{files: map[string]string{"a.yaml": flow("a", "A", "  token: abcdefghijkl"),
				"b.yaml": flow("b", "B", "  token: abcdefghijkl")}, told: []string{
				"DIR/a.yaml:6:10: the token abcd… is also that of DIR/b.yaml\n    fix: give each flow its own; " +
					"neither file is applied",
				"DIR/b.yaml:6:10: the token abcd… is also that of DIR/a.yaml\n    fix: give each flow its own; " +
					"neither file is applied"}},
		},
		"what the target refuses is told once and tried again": {
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": flow("b", "A")}, fail: errors.New("the token is taken"),
				told: []string{"DIR/a.yaml:1:1: the token is taken"}, enabled: []string{"a"}},
			{fail: errors.New("the token is taken"), enabled: []string{"a"}},
			{told: []string{"DIR/a.yaml removed a", `DIR/a.yaml applied as b "A", 0 warnings`}, enabled: []string{"b"}},
		},
		"a file that is too large for a flow is told unless it is data": {
			{files: map[string]string{"a.yaml": strings.Repeat("#", flowfile.MaxFileSize+1),
				"b.json": strings.Repeat(" ", flowfile.MaxFileSize+1)},
				told: []string{"DIR/a.yaml:1:1: the file has 1048577 bytes; a flow has at most 1048576"}},
			{},
			{files: map[string]string{"a.yaml": flow("a", "A")},
				told: []string{`DIR/a.yaml applied as a "A", 0 warnings`}, enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": strings.Repeat("#", flowfile.MaxFileSize+1)},
				told:    []string{"DIR/a.yaml:1:1: the file has 1048577 bytes; a flow has at most 1048576"},
				enabled: []string{"a"}},
			{files: map[string]string{"a.yaml": ""}, told: []string{"DIR/a.yaml removed a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, f := t.TempDir(), newFlows()
			d := open(t, dir, f)
			for i, s := range steps {
				for name, content := range s.files {
					if content == "" {
						require.NoError(t, os.Remove(filepath.Join(dir, name)))
					} else {
						write(t, dir, name, content)
					}
				}
				f.fail = s.fail
				if i == 0 {
					f.fail = nil
				}
				require.NoError(t, d.Sync(t.Context()))
				told := f.take(dir)
				require.Len(t, told, len(s.told), "step %d: %q", i, told)
				for j, want := range s.told {
					require.Contains(t, told[j], want, "step %d", i)
				}
				require.ElementsMatch(t, s.enabled, everhook.SortedKeys(f.enabled), "step %d", i)
			}
		})
	}
}

func TestFilesAreNamedAsTheDirectoryWasGiven(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "flows/a.yaml", flow("a", "A"))
	for given, want := range map[string]string{"flows": "flows/a.yaml", "./flows": "flows/a.yaml", ".": "flows/a.yaml",
		dir: dir + "/flows/a.yaml"} {
		f := newFlows()
		require.NoError(t, open(t, given, f).Sync(t.Context()))
		require.Equal(t, []string{want + ` applied as a "A", 0 warnings`}, f.told)
		require.Equal(t, map[string]string{"a": filepath.Join(dir, "flows/a.yaml")}, f.enabled)
	}
}

func TestADirectoryMayBeALinkAsMayItsFiles(t *testing.T) {
	t.Parallel()
	real, other, dir, f := t.TempDir(), t.TempDir(), t.TempDir(), newFlows()
	write(t, other, "x", flow("x", "X"))
	require.NoError(t, os.Symlink(filepath.Join(other, "x"), filepath.Join(real, "x.yaml")))
	require.NoError(t, os.Symlink(filepath.Join(other, "gone"), filepath.Join(real, "gone.yaml")))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(real, link))
	require.NoError(t, open(t, link, f).Sync(t.Context()))
	require.Equal(t, []string{`DIR/link/x.yaml applied as x "X", 0 warnings`}, f.take(dir))
}

func TestWhatHappenedWhileTheProgramWasAwayIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	write(t, dir, "same.yaml", flow("same", "S"))
	write(t, dir, "other-key.yaml", flow("new", "N"))
	write(t, dir, "renamed.yaml", flow("renamed", "R"))
	write(t, dir, "broken.yaml", "key: broken\ntrigger: 7\n")
	for key, file := range map[string]string{"same": "same.yaml", "old": "other-key.yaml", "renamed": "before.yaml",
		"gone": "gone.yaml", "broken": "broken.yaml"} {
		f.enabled[key] = filepath.Join(dir, file)
	}
	f.enabled["elsewhere"], f.enabled["api"] = "/srv/flows/elsewhere.yaml", "api"
	d := open(t, dir, f)
	require.NoError(t, d.Sync(t.Context()))
	require.Equal(t, []string{"api", "broken", "elsewhere", "new", "renamed", "same"}, everhook.SortedKeys(f.enabled))
	require.Equal(t, []string{"DIR/gone.yaml removed gone", "DIR/other-key.yaml removed old"}, f.take(dir)[:2])
	write(t, dir, "broken.yaml", flow("mended", "M"))
	require.NoError(t, d.Sync(t.Context()))
	require.Equal(t, []string{"DIR/broken.yaml removed broken", `DIR/broken.yaml applied as mended "M", 0 warnings`},
		f.take(dir))
}

func TestADirectoryThatIsAwayDisablesNothing(t *testing.T) {
	t.Parallel()
	dir, f := filepath.Join(t.TempDir(), "flows"), newFlows()
	write(t, dir, "a.yaml", flow("a", "A"))
	d := open(t, dir, f)
	require.NoError(t, d.Sync(t.Context()))
	require.NoError(t, os.Rename(dir, dir+"-away"))
	require.ErrorContains(t, d.Sync(t.Context()), "the directory of flows: ")
	require.Contains(t, f.enabled, "a")
	require.NoError(t, os.Rename(dir+"-away", dir))
	require.NoError(t, d.Sync(t.Context()))
	require.Len(t, f.told, 1)
}

func TestATargetThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	write(t, dir, "a.yaml", flow("a", "A"))
	d := open(t, dir, f)
	f.fail = errors.New("the store is away")
	require.ErrorIs(t, d.Sync(t.Context()), f.fail, "what is enabled cannot be known")
	f.fail = nil
	require.NoError(t, d.Sync(t.Context()))
	require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml")))
	f.fail = errors.New("the store is away")
	require.ErrorIs(t, d.Sync(t.Context()), f.fail)
	f.fail = nil
	require.NoError(t, d.Sync(t.Context()))
	require.Empty(t, f.enabled)
	require.Equal(t, []string{`DIR/a.yaml applied as a "A", 0 warnings`, "DIR/a.yaml removed a"}, f.take(dir))
}

func TestAnEndedContextIsNoFaultOfAFile(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	write(t, dir, "a.yaml", flow("a", "A"))
	d := open(t, dir, f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Sync(ctx), context.Canceled)
	require.Empty(t, f.told)
}

func TestADirectoryOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	for i := range maxFiles + 1 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), nil, 0o600))
	}
	require.EqualError(t, open(t, dir, f).Sync(t.Context()), dir+
		" has more than 5000 YAML and JSON files; give the directory that holds only your flows")
	require.Empty(t, f.told)
}

func TestWhatIsNoDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	write(t, dir, "a.yaml", flow("a", "A"))
	_, err := New(filepath.Join(dir, "a.yaml"), nodes.Standard(), f, f)
	require.ErrorContains(t, err, "a.yaml is not a directory; give the directory that holds your flow files")
	_, err = New(filepath.Join(dir, "nowhere"), nodes.Standard(), f, f)
	require.ErrorContains(t, err, "the directory of flows: ")
}

func TestAFolderNamedAsAFlowIsNone(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	write(t, dir, "x.yaml/a.yaml", flow("a", "A"))
	require.NoError(t, open(t, dir, f).Sync(t.Context()))
	require.True(t, slices.Contains(f.take(dir), `DIR/x.yaml/a.yaml applied as a "A", 0 warnings`))
}

func TestAFolderOfAnotherProgramIsLeftOutUnlessItIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.yaml", flow("a", "A"))
	write(t, dir, "other/.everhookignore", "")
	write(t, dir, "other/deep/b.yaml", flow("b", "B"))
	f := newFlows()
	require.NoError(t, open(t, dir, f).Sync(t.Context()))
	require.NotContains(t, strings.Join(f.take(dir), "\n"), "b.yaml")
	f = newFlows()
	require.NoError(t, open(t, filepath.Join(dir, "other"), f).Sync(t.Context()))
	require.Contains(t, strings.Join(f.take(filepath.Join(dir, "other")), "\n"), "b.yaml applied")
}

func TestTheErrorsOfBrokenFilesAreKeptUntilTheyAreCorrected(t *testing.T) {
	t.Parallel()
	dir, f := t.TempDir(), newFlows()
	d := open(t, dir, f)
	require.Empty(t, d.Broken())
	write(t, dir, "a.yaml", flow("a", "A", "nodse: []", "nodes: [ { key: x } ]"))
	write(t, dir, "b.yaml", flow("b", "B"))
	write(t, dir, "c.yaml", flow("b", "C"))
	require.NoError(t, d.Sync(t.Context()))
	broken := d.Broken()
	require.Len(t, broken, 4, "two errors of a, and b and c have one key")
	require.Equal(t, filepath.Join(dir, "a.yaml"), broken[0].File)
	require.Equal(t, 6, broken[0].Line)
	require.Contains(t, broken[2].Message, `the key "b" is also that of`)

	write(t, dir, "a.yaml", flow("a", "A", "nodse: []"))
	require.NoError(t, os.Remove(filepath.Join(dir, "c.yaml")))
	require.NoError(t, d.Sync(t.Context()))
	require.Len(t, d.Broken(), 1, "as it is now")
	write(t, dir, "a.yaml", flow("a", "A"))
	require.NoError(t, d.Sync(t.Context()))
	require.Empty(t, d.Broken())
}
