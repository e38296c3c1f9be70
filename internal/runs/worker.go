package runs

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/workflows"
)

// Connect returns a function that makes the Temporal workers of a workflows.Worker.
func Connect(c client.Client) workflows.Connect {
	return func(taskQueue string, options worker.Options) worker.Worker { return worker.New(c, taskQueue, options) }
}
