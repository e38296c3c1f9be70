package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/everhook/everhook/cmd"
	"github.com/everhook/everhook/internal/secrets"
)

// asEverhook makes this test binary behave as the command everhook.
const asEverhook = "EVERHOOK_INTEGRATION_COMMAND"

// parallelTests is the number of parallel tests: they mostly wait.
const parallelTests = "8"

// examplesDir has the examples, with the settings that they need.
const examplesDir = "../../examples"

// shared is the server of all tests that do not need their own.
var shared *product

func TestMain(m *testing.M) {
	if os.Getenv(asEverhook) != "" {
		os.Exit(cmd.Main(withCharge()))
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runTests runs all tests with one server, and replays all its runs.
func runTests(m *testing.M) (code int, err error) {
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "everhook-integration-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	settings, err := secrets.ReadDotEnv(filepath.Join(examplesDir, ".env"))
	if err != nil {
		return 1, err
	}
	if shared, err = launch(context.Background(),
		config{dir: dir, environ: append(settings, plantedEnviron()...)}); err != nil {
		return 1, err
	}
	defer shared.Stop()
	code = m.Run()
	return code, shared.replayAll(context.Background())
}
