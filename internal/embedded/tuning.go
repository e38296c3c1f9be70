//go:build !noembedded

package embedded

import (
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// historyShards is fixed for the life of a data directory.
const historyShards = 1

// unlimited stands for "no rate limit": high enough never to be reached, low enough for burst arithmetic on it.
const unlimited = 1_000_000

// How many tasks of a queue are done at the same time. All share one connection that writes. At the default of 512 a
// queue, they wait for it until they time out when many tasks are due, and each task is repeated.
const (
	queueWorkers = 8
	// timerWorkers are few: runs that wake write first and are work for all other queues then, so many that wake at
	// once would hold up every caller.
	timerWorkers = 2
	// transferWorkers hand tasks over to workers, and wait until one has begun. With few, the task of a caller would
	// wait until those of all runs that woke before have begun, although workers are free.
	transferWorkers = 32
)

// tuning makes a cluster of one host quick. The defaults of the server protect a shared database from many hosts and
// tenants.
func tuning() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// At the default of 20 polls a second and shard, a task waits up to 50 ms before it is dispatched.
		dynamicconfig.TransferProcessorMaxPollRPS.Key(): unlimited,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():    unlimited,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key(): unlimited,
		// Lists may lag by a fifth of a second. A run that closes meanwhile is written to visibility once instead of
		// twice, and visibility is a third of the cost of a small run.
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 5,
		dynamicconfig.VisibilityTaskBatchSize.Key():       2000,
		// At the default of a second, timers and the backoff of retries fire up to a second late.
		dynamicconfig.TimerProcessorMaxTimeShift.Key(): time.Millisecond,
		// With the default of 4 partitions, a task can arrive at a partition without a poller, and wait 100 ms to be
		// forwarded.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		dynamicconfig.FrontendRPS.Key():                                         unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                  unlimited,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():        unlimited,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): unlimited,
		dynamicconfig.MatchingRPS.Key():                                         unlimited,
		dynamicconfig.HistoryRPS.Key():                                          unlimited,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                           unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                           unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                            unlimited,
		dynamicconfig.WorkerPersistenceMaxQPS.Key():                             unlimited,
		dynamicconfig.VisibilityPersistenceMaxReadQPS.Key():                     unlimited,
		dynamicconfig.VisibilityPersistenceMaxWriteQPS.Key():                    unlimited,

		// Completed tasks are removed every second. Until then each is kept in memory and scanned when another one
		// arrives: at the default of half a minute, a busy minute ends with hundreds of megabytes and an eighth of the
		// time spent on scans.
		dynamicconfig.TransferProcessorUpdateAckInterval.Key():   time.Second,
		dynamicconfig.TimerProcessorUpdateAckInterval.Key():      time.Second,
		dynamicconfig.VisibilityProcessorUpdateAckInterval.Key(): time.Second,
		dynamicconfig.OutboundProcessorUpdateAckInterval.Key():   time.Second,

		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():    transferWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():       timerWorkers,
		dynamicconfig.MemoryTimerProcessorSchedulerWorkerCount.Key(): queueWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key():  queueWorkers,

		// Room for the open runs; the default of 128,000 would keep the last hour of closed ones.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 4096,

		// The server would ask a host of its vendor for newer versions.
		dynamicconfig.EnableServerVersionCheck.Key(): false,

		// Flows take turns, see workflows.Presentation.Priority.
		dynamicconfig.MatchingEnableFairness.Key(): true,

		// Activities learn of a cancellation at once instead of with their next heartbeat.
		dynamicconfig.WorkerCommandsEnabled.Key():             true,
		dynamicconfig.EnableCancelActivityWorkerCommand.Key(): true,
	}
}

// pragmas are the settings of every SQLite connection. Their names have no leading underscore: SQLite ignores unknown
// pragmas.
func pragmas() map[string]string {
	return map[string]string{
		"journal_mode":       "wal",
		"synchronous":        "normal", // see flusher
		"busy_timeout":       "10000",  // milliseconds; only a backup or an inspecting sqlite3 ever holds a lock
		"wal_autocheckpoint": "128000", // pages of 4 KiB, a last resort: see checkpointer
		"cache_size":         "-16000", // KiB
	}
}

// dataSource returns the name by which the driver opens a file.
func dataSource(path string) string { return source(uriPath(path), "rwc") }

// readOnlySource returns the name by which the driver opens an existing file for reading. The path is escaped already.
func readOnlySource(path string) string { return source(path, "ro") }

func source(path, mode string) string {
	query := url.Values{"mode": {mode}, "_time_format": {"sqlite"}}
	settings := pragmas()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		query.Add("_pragma", name+"="+settings[name])
	}
	return "file:" + path + "?" + query.Encode()
}

// uriPath escapes the characters that would end the path in a file URI.
func uriPath(path string) string {
	return (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}
