package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"go.temporal.io/sdk/worker"
)

// nameBuild gives Temporal's workers in this process, ours and those of the embedded server, the name of this build.
// Without it the SDK reads the whole executable for a checksum, which is half of the CPU time of a start. Temporal
// records the name with each completed task, so that an operator sees which build did it.
var nameBuild = sync.OnceFunc(func() { worker.SetBinaryChecksum(buildName()) })

// buildName names this build by 32 hexadecimal digits: of its modules and settings, and of the size and time of the
// executable, which tell builds of changed working trees apart.
func buildName() string {
	hash := sha256.New()
	if info, ok := debug.ReadBuildInfo(); ok {
		_, _ = fmt.Fprintln(hash, info)
	}
	if path, err := os.Executable(); err == nil {
		if file, err := os.Stat(path); err == nil {
			_, _ = fmt.Fprintln(hash, file.Size(), file.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}
