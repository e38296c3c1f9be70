package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// extension is the module that adds kinds from outside.
var extension = filepath.Join(examplesDir, customKindDir)

// TestAModuleOutsideAddsKinds builds the example as its author would, and runs it: a file starts a run with nodes of
// the module's kinds, and its effect sends a secret that appears nowhere else.
func TestAModuleOutsideAddsKinds(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "acme-everhook")
	goTool(t, "vet", "./...")
	goTool(t, "test", "./...")
	goTool(t, "build", "-o", binary, ".")
	work := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(work, "flows"), os.DirFS(filepath.Join(extension, "flows"))))

	require.Contains(t, tool(t, work, binary, "flow", "test", "flows"), "5 of 5 tests passed")
	require.Contains(t, tool(t, work, binary, "flow", "validate", "--strict", "flows/payout.yaml"),
		"1 of 1 flow files valid, 0 errors, 0 warnings")
	require.Contains(t, tool(t, work, binary, "flow", "schema"), `"folder": {`)
	require.Contains(t, tool(t, work, binary, "flow", "reference"), "### iban-check\n\nChecks the number of a bank "+
		"account")
	require.Contains(t, tool(t, work, binary, "flow", "reference", "triggers"), "## file-drop\n")
	require.Contains(t, tool(t, work, binary, "flow", "new", "hello", "-o", "-"), "\nkey: hello ")

	p := spawnIn(t, work, binary, "flows")
	require.Contains(t, p.out.String(), "  Payout (async)\n    started by file-drop\n")
	answer, err := call(t.Context(), http.MethodPost, p.url("check-account-demo-token-00"),
		[]byte(`{"iban":"DE89 3704 0044 0532 0130 00"}`), header("Content-Type", "application/json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"valid":true,"iban":"DE89370400440532013000","country":"DE","reason":null}`, answer.body)

	dropFile(t, work, "7.json", `{"iban":"DE89370400440532013000","phone":"+4930123456","amount":12.5}`)
	id := doneRun(t, work, "7.json")
	admin := p.admin(t)
	var shown reply
	require.Eventually(t, func() bool {
		shown, err = call(t.Context(), http.MethodGet, admin+"/api/v1/runs/"+id, nil)
		return err == nil && !strings.Contains(shown.body, `"pending"`)
	}, patience, 20*time.Millisecond)
	require.Contains(t, shown.body, `"msg_`)
	require.NotContains(t, shown.body, "pretended-sms-token")
	require.NotContains(t, p.out.String(), "pretended-sms-token")

	// A retry of the run sends the same idempotency key, so the gateway does not send the message again.
	message := regexp.MustCompile(`"msg_[a-z0-9]+"`).FindString(shown.body)
	retry := regexp.MustCompile(`run (\S+) repeats`).FindStringSubmatch(tool(t, work, binary, "run", "retry", id,
		"--server", admin))
	require.NotNil(t, retry)
	require.Eventually(t, func() bool {
		shown, err = call(t.Context(), http.MethodGet, admin+"/api/v1/runs/"+retry[1], nil)
		return err == nil && !strings.Contains(shown.body, `"pending"`)
	}, patience, 20*time.Millisecond)
	require.Contains(t, shown.body, message)

	// The same file again is the same event.
	dropFile(t, work, "7.json", `{"iban":"DE89370400440532013000","phone":"+4930123456","amount":12.5}`)
	require.Eventually(t, func() bool { return strings.Contains(p.out.String(), "run="+id+" duplicate=true") },
		patience, 20*time.Millisecond)
}

// goTool runs the go command in the unchanged module: nothing may need a download or `go mod tidy`.
func goTool(t *testing.T, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = extension
	command.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "go %s in %s; if its go.mod is out of step, run `make extension`:\n%s",
		strings.Join(args, " "), extension, out)
}

// tool runs a command of the module's binary.
func tool(t *testing.T, dir, binary string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// dropFile puts a file into the folder of the flow in one step.
func dropFile(t *testing.T, work, name, text string) {
	t.Helper()
	part := filepath.Join(work, name+".part")
	require.NoError(t, os.WriteFile(part, []byte(text), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(work, "inbox"), 0o755))
	require.NoError(t, os.Rename(part, filepath.Join(work, "inbox", name)))
}

// doneRun returns the run that a file has started.
func doneRun(t *testing.T, work, name string) (id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		moved, err := filepath.Glob(filepath.Join(work, "inbox", "done", "* "+name))
		if err != nil || len(moved) == 0 {
			return false
		}
		id, _, _ = strings.Cut(filepath.Base(moved[0]), " ")
		return true
	}, patience, 20*time.Millisecond)
	_, ok := everhook.ParseRunID(id)
	require.True(t, ok, id)
	return id
}

var required = regexp.MustCompile(`(?m)^\t(\S+) (v\S+)`)

// TestTheModuleOutsideIsInStepWithOurs checks that the module requires the same versions as this one.
func TestTheModuleOutsideIsInStepWithOurs(t *testing.T) {
	t.Parallel()
	ours := map[string]string{}
	for _, m := range modules(t, "../../go.mod") {
		ours[m[1]] = m[2]
	}
	theirs := modules(t, filepath.Join(extension, "go.mod"))
	shared := 0
	for _, m := range theirs {
		if version, ok := ours[m[1]]; ok {
			shared++
			require.Equal(t, version, m[2], "%s in the example's go.mod; run `make extension`", m[1])
		}
	}
	require.Greater(t, shared, 100)
}

func modules(t *testing.T, file string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return required.FindAllStringSubmatch(string(text), -1)
}

// guideCommands are the commands of the guide that make a module, in the order of the page.
var guideCommands = regexp.MustCompile("(?m)^```sh\n((?:go (?:mod|generate|build|tool) .*\n)+)```$")

// TestAModuleFromNothingFollowsTheGuide runs the commands of docs/extending.md in an empty folder, with the code that
// the page shows. The versions of Temporal's modules must be ours.
func TestAModuleFromNothingFollowsTheGuide(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/extending.md")
	require.NoError(t, err)
	var blocks [][]string
	for _, block := range guideCommands.FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, strings.Split(strings.TrimSpace(block[1]), "\n"))
	}
	require.Len(t, blocks, 4, "begin, build, repair, check")
	repository, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	run := func(line string) {
		t.Helper()
		arguments := strings.Fields(strings.ReplaceAll(line, "=../everhook", "="+repository))
		command := exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
		command.Dir = dir
		// What the repository needs is in the cache; nothing else may be needed.
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off", "GOPROXY=off",
			"GOSUMDB=off")
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s:\n%s", line, out)
	}
	inStep := func() {
		t.Helper()
		theirs := map[string]string{}
		for _, m := range modules(t, filepath.Join(dir, "go.mod")) {
			theirs[m[1]] = m[2]
		}
		for _, m := range modules(t, "../../go.mod") {
			if strings.HasPrefix(m[1], "go.temporal.io/") && theirs[m[1]] != "" {
				require.Equal(t, m[2], theirs[m[1]], m[1])
			}
		}
		require.NotEmpty(t, theirs["go.temporal.io/server"])
	}

	for _, line := range blocks[0] {
		run(line)
	}
	main, err := os.ReadFile(filepath.Join(extension, "main.go"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), main, 0o600))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "kinds"), os.DirFS(filepath.Join(extension, "kinds"))))
	generated := filepath.Join(dir, "kinds", "field_docs.go")
	require.NoError(t, os.Remove(generated))
	for _, line := range blocks[1] {
		run(line)
	}
	inStep()
	written, err := os.ReadFile(generated)
	require.NoError(t, err)
	ours, err := os.ReadFile(filepath.Join(extension, "kinds", "field_docs.go"))
	require.NoError(t, err)
	require.Equal(t, string(ours), string(written))
	require.Contains(t, tool(t, dir, filepath.Join(dir, "acme-everhook"), "flow", "reference"), "### iban-check\n")

	for _, line := range blocks[2] {
		run(line)
	}
	inStep()
	for _, line := range blocks[3] {
		run(line)
	}
	inStep()
}
