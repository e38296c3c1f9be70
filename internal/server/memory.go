package server

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/everhook/everhook/internal/packed"
)

// Shares of the memory, see memoryLimit.
const (
	// shareOfMachine is the part of the machine's memory, shareOfContainer the part of a container's limit, that a
	// process without a limit of its own aims to stay below.
	shareOfMachine   = 0.5
	shareOfContainer = 0.9
	// shareOfCache divides the limit: that part is for runs that wait, which the worker keeps in memory.
	shareOfCache = 4
	// shareOfUnpacked divides the limit: that part is for values that runs use, or have just used.
	shareOfUnpacked = 16
)

const (
	// weightOfRun is what a waiting run takes on average, in bytes: 40 KiB without data, and its packed data, which is
	// held twice (by the SDK as the input of the run, and by the run).
	weightOfRun = 160 << 10
	// minCachedRuns and maxCachedRuns bound the number of cached runs. Fewer would be read from Temporal too often, and
	// more are too many coroutines for the garbage collector.
	minCachedRuns = 200
	maxCachedRuns = 10_000
	// maxUnpacked bounds the part for values in use: more would only wait for the garbage collector.
	maxUnpacked = 128 << 20
	// fallbackMemory is the limit where the machine tells nothing.
	fallbackMemory = 2 << 30
)

// memory is how a process shares its memory.
type memory struct {
	// limit is what the process aims to stay below, in bytes.
	limit int64
	// enforce says that the garbage collector should work harder near the limit.
	enforce bool
}

// memoryLimit is that of --memory-limit, else of GOMEMLIMIT, else a part of the container's limit, else a part of the
// machine's memory.
func (o *Options) memoryLimit() memory {
	if o.MemoryLimit > 0 {
		return memory{limit: int64(o.MemoryLimit), enforce: true}
	}
	if set := debug.SetMemoryLimit(-1); set < math.MaxInt64 {
		return memory{limit: set}
	}
	machine, err := memlimit.FromSystem()
	if err != nil {
		machine = fallbackMemory
	}
	if container, err := memlimit.FromCgroup(); err == nil && container < machine {
		return memory{limit: int64(float64(container) * shareOfContainer), enforce: true}
	}
	return memory{limit: int64(float64(machine) * shareOfMachine)}
}

// cachedRuns is how many runs a worker keeps in memory. The others are read from Temporal again when they go on.
func (m memory) cachedRuns() int {
	return int(max(minCachedRuns, min(maxCachedRuns, m.limit/shareOfCache/weightOfRun)))
}

// keepValues makes the place of heavy values of runs.
func (m memory) keepValues() (*packed.Store, error) {
	if m.enforce {
		debug.SetMemoryLimit(m.limit)
	}
	return packed.NewStore(packed.Options{Budget: min(maxUnpacked, m.limit/shareOfUnpacked)})
}
