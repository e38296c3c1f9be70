//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
)

// workerCommands begins the names of the task queues by which the server sends commands to one worker.
const workerCommands = "temporal-sys/worker-commands/"

// queueTables are the tables of task queues, each with the one of their tasks.
var queueTables = map[string]string{"task_queues": "tasks", "task_queues_v2": "tasks_v2"}

// forgetWorkers deletes the task queues of single workers, and the tasks in them: each start of the process leaves
// some. The workers of the server ran in the process that had the directory before, so none polls these queues any
// more. A run whose task was in one gets another task when that one times out.
func (s store) forgetWorkers(ctx context.Context) error {
	return s.transact(ctx, deleteQueuesOfWorkers)
}

func deleteQueuesOfWorkers(ctx context.Context, tx *sql.Tx) error {
	for queues, tasks := range queueTables {
		ids, err := queuesOfWorkers(ctx, tx, queues)
		if err != nil {
			return err
		}
		for _, id := range ids {
			for _, table := range []string{tasks, queues} {
				if _, err := tx.ExecContext(ctx, fmt.Sprintf(
					"DELETE FROM %s WHERE range_hash = ? AND task_queue_id = ?",
					table), id.hash, id.id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// queueID is the key of a task queue.
type queueID struct {
	hash any
	id   []byte
}

// queuesOfWorkers returns the task queues that only one worker ever polls.
func queuesOfWorkers(ctx context.Context, tx *sql.Tx, table string) (ids []queueID, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT range_hash, task_queue_id, data FROM "+table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id queueID
		var data []byte
		if err := rows.Scan(&id.hash, &id.id, &data); err != nil {
			return nil, err
		}
		var info persistencespb.TaskQueueInfo
		if info.Unmarshal(data) != nil {
			continue // the server says so when it reads it
		}
		if info.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY || strings.HasPrefix(info.GetName(), workerCommands) {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}
