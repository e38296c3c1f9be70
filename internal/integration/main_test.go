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

// asEverhook makes this test binary the product: it then takes the command line of everhook.
const asEverhook = "EVERHOOK_INTEGRATION_COMMAND"

// parallelTests is how many tests run at once: they wait far more than they work.
const parallelTests = "8"

// examplesDir has the examples, with the settings that they need.
const examplesDir = "../../examples"

// shared is the server that tests use unless they break theirs.
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

// runTests runs all tests around one server, and replays what ran on it.
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
