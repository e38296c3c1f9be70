package workflows

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/activities"
)

// IndexedTypes are the search attributes with their types, as an operator of Temporal registers them.
func IndexedTypes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, attribute := range SearchAttributes() {
		types[attribute.GetName()] = attribute.GetValueType()
	}
	return types
}

// RegisterSearchAttributes adds the search attributes that a namespace lacks, and returns when the server takes them. An error says why not;
// runs can then be started without them.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	operator := c.OperatorService()
	known, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, typ := range IndexedTypes() {
		switch have, ok := known.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = typ
		case have != typ:
			return fmt.Errorf("the search attribute %s exists with type %s, and %s is needed", name, have, typ)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing}); err != nil {
		return fmt.Errorf("add search attributes: %w", err)
	}
	return awaitSearchAttributes(ctx, c, namespace)
}

// attributeProbe is the pause between two looks at whether the server knows new search attributes.
const attributeProbe = 100 * time.Millisecond

// awaitSearchAttributes asks for runs by the search attributes until the server understands: it refreshes what it knows of a namespace every
// few seconds, and refuses to start runs until then.
func awaitSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	var terms []string
	for _, attribute := range SearchAttributes() {
		terms = append(terms, attribute.GetName()+" = 'none'")
	}
	request := &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: strings.Join(terms, " OR ")}
	for {
		_, err := c.CountWorkflow(ctx, request)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not know the search attributes that were added: %w", err)
		case <-time.After(attributeProbe):
		}
	}
}

// Pollers and slots of a worker: the SDK's defaults of two pollers each hold up sync callers.
const (
	maxPollers              = 32
	initialPollers          = 8
	minPollers              = 4
	eagerActivitiesPerTask  = 32
	maxConcurrentActivities = 500
	// workerStopTimeout is what effects under way have when the worker stops: with the five seconds of held callers before it, a process ends
	// within the ten seconds that containers have. What is cut off is done again by another worker, with the same Idempotency-Key.
	workerStopTimeout = 3 * time.Second
	// deadlockAfter is when the SDK takes workflow code for deadlocked, and has its task tried again. A stretch of evaluation is far shorter than its
	// default of a second, but reading and measuring a body of 10 MiB is not on a busy machine. A workflow task may take ten seconds.
	deadlockAfter = 8 * time.Second
)

// NewWorker makes a worker for runs of this release's level. Effects maps names of activities to their functions; the interpreter's own are added.
func NewWorker(c client.Client, interpreter *Interpreter, effects map[string]any, options ...WorkerOption) worker.Worker {
	settings := workerSettings{maxResult: maxResult}
	for _, option := range options {
		option(&settings)
	}
	eager := eagerActivitiesPerTask
	w := worker.New(c, TaskQueue(Level), worker.Options{
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
			InitialNumberOfPollers: initialPollers, MinimumNumberOfPollers: minPollers, MaximumNumberOfPollers: maxPollers,
		}),
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
			InitialNumberOfPollers: initialPollers, MinimumNumberOfPollers: minPollers, MaximumNumberOfPollers: maxPollers,
		}),
		MaxConcurrentActivityExecutionSize:          maxConcurrentActivities,
		MaxEagerActivityReservationsPerWorkflowTask: &eager,
		WorkerStopTimeout:                           workerStopTimeout,
		DeadlockDetectionTimeout:                    deadlockAfter,
		// Where the server does not tell workers of cancelled activities, their heartbeats do.
		MaxHeartbeatThrottleInterval: activities.HeartbeatEvery,
		DisableRegistrationAliasing:  true,
		Interceptors:                 []interceptor.WorkerInterceptor{&resultGuard{maxResult: settings.maxResult}},
	})
	w.RegisterWorkflowWithOptions(interpreter.Run, workflow.RegisterOptions{Name: RunWorkflow})
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: activities.Yield})
	for name, function := range effects {
		w.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	return w
}
