package workflows

import (
	"context"

	"go.temporal.io/sdk/interceptor"
)

// ResultGuard is what NewWorker puts before every effect.
func ResultGuard(options ...WorkerOption) interceptor.WorkerInterceptor {
	settings := workerSettings{maxResult: maxResult}
	for _, option := range options {
		option(&settings)
	}
	return &resultGuard{maxResult: settings.maxResult, stopping: context.Background()}
}
