package roundtrip

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// parallelTests is how many payloads are on their way at once: runs wait more than they work.
const parallelTests = "8"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
