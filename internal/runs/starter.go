package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/singleflight"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/workflows"
)

// Starter starts runs and waits for their answers.
type Starter struct {
	client   client.Client
	versions *compile.Versions
	options  StarterOptions
	// lanes and bringing are of calls that are on their way to runs.
	lanes    lanes
	bringing singleflight.Group
}

// StarterOptions says how runs are started.
type StarterOptions struct {
	// Env gives the settings that flows may refer to as env.<NAME>.
	Env func() map[string]string
	// Async reports whether a flow is async: its runs have no answer that a caller waits for. Nil: no flow is.
	Async func(flow string) bool
	// Attributes is set when the namespace has the search attributes.
	Attributes bool
	// Eager is set when this process also runs a worker: the first workflow task of an async run then goes to it
	// directly.
	Eager bool
	// Budget bounds each execution; beyond it, loops continue in another one. Zero fields: the engine's own bounds.
	// Only tests set it.
	Budget workflows.Budget
	// Resume tells where the flow's runs are resumed ("<public URL>/api/webhook:resume/<everhook.ResumeToken>") and the
	// secret that their URLs are made with. It is asked for flows that wait for calls; nil: their runs have no such
	// URLs.
	Resume func(flow string) (base string, secret []byte, err error)
	// Resolve gives payloads of a history as they were before they were kept outside of it; nil: none are.
	Resolve func(ctx context.Context, payloads *commonpb.Payloads) (*commonpb.Payloads, error)
	// Links gives markdown links about a run, for its details in the Temporal UI; may be nil.
	Links func(flow string, run everhook.RunID) string
	// Level is the engine level that runs are started with. 0: this release's.
	Level int
	// MaxPayload is Start.MaxPayload of the runs: MaxStoredPayload where the client and every worker keep large
	// payloads outside of histories; 0: what Temporal itself takes.
	MaxPayload int
}

// Times of starting a run.
const (
	// startTimeout bounds one call that makes a run durable.
	startTimeout = 5 * time.Second
	// maxShownKey bounds what is shown of a dedupe key; the run ID is made of all of it.
	maxShownKey = 200
)

// NewStarter makes one. The client must use workflows.DataConverter.
func NewStarter(c client.Client, versions *compile.Versions, options StarterOptions) *Starter {
	if options.Level == 0 {
		options.Level = workflows.Level
	}
	return &Starter{client: c, versions: versions, options: options}
}

// compiled returns a version, compiled. The error tells a person that it cannot be started.
func (s *Starter) compiled(version *everhook.Version) (*compile.Version, error) {
	compiled, err := s.versions.Of(version)
	if err != nil {
		return nil, fmt.Errorf("version %d of flow %q cannot be started: %w", version.Number, version.Definition.Key,
			err)
	}
	return compiled, nil
}

// call is everything that starting one run takes.
type call struct {
	options    client.StartWorkflowOptions
	definition json.RawMessage
	start      workflows.Start
}

// call makes the arguments of a start. Definition and delivery that are too large together are an *everhook.Error of
// type limit.
func (s *Starter) call(version *everhook.Version, d everhook.Delivery) (*call, error) {
	flow, err := s.compiled(version)
	if err != nil {
		return nil, err
	}
	return s.arrange(version, flow, flow.JSON, workflows.Start{Version: version.Number, Delivery: d,
		Env: s.settings(flow)})
}

// settings returns the current settings that a version refers to.
func (s *Starter) settings(flow *compile.Version) map[string]string {
	if s.options.Env == nil {
		return nil
	}
	return flow.Settings(s.options.Env())
}

// arrange makes the call that starts a run of the version with these arguments.
func (s *Starter) arrange(version *everhook.Version, flow *compile.Version, definition json.RawMessage,
	start workflows.Start) (*call, error) {
	start.Level, start.Attributes, start.Budget = s.options.Level, s.options.Attributes, s.options.Budget
	start.MaxPayload, start.Resume = cmp.Or(s.options.MaxPayload, workflows.MaxPayload), nil
	if flow.TakesCalls() && s.options.Resume != nil {
		base, secret, err := s.options.Resume(version.Definition.Key)
		if err != nil {
			return nil, err
		}
		start.Resume = everhook.NewResume(base, secret, start.Delivery.RunID)
	}
	c, d, key := &call{definition: definition, start: start}, start.Delivery, version.Definition.Key
	if err := workflows.FitsStart(c.definition, c.start); err != nil {
		return nil, err
	}
	shown := workflows.Presentation{Flow: key, Title: version.Definition.Name(), Version: version.Number,
		Trigger: version.Definition.Trigger.Type, Run: d.RunID}
	c.options = client.StartWorkflowOptions{
		ID:                       everhook.WorkflowID(key, d.RunID),
		TaskQueue:                workflows.TaskQueue(s.options.Level),
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            shown.Summary(),
		StaticDetails:            everhook.Shorten(triggerDetails(flow.Flow, d), workflows.MaxDetails),
		Memo:                     shown.Memo(),
	}
	if d.DedupeKey != "" {
		c.options.Memo[workflows.MemoDelivery], c.options.Memo[workflows.MemoDigest] = d.ID, d.Digest
		c.options.Memo[workflows.MemoKey] = everhook.Shorten(d.DedupeKey, maxShownKey)
		c.options.StaticDetails += "\n* dedupe key: " + workflows.EscapeMarkdown(d.DedupeKey) + "\n"
	}
	if s.options.Links != nil {
		c.options.StaticDetails += "\n" + s.options.Links(key, d.RunID)
	}
	if s.options.Attributes {
		c.options.TypedSearchAttributes = shown.Attributes()
	}
	return c, nil
}

// Start returns when the run is durable. An *everhook.Error of type limit says that the delivery is too large, one of
// type key-reused that its dedupe key came with another body before; after any other error it is not known whether the
// run exists, and the caller must be told to come again.
func (s *Starter) Start(ctx context.Context, version *everhook.Version,
	d everhook.Delivery) (everhook.Started, error) {
	c, err := s.call(version, d)
	if err != nil {
		return everhook.Started{}, err
	}
	c.options.EnableEagerStart = s.options.Eager
	duplicate, err := s.confirm(ctx, c)
	return everhook.Started{Duplicate: duplicate}, err
}

// confirm makes the run durable, or finds it durable, and treats a duplicate as the delivery wants.
func (s *Starter) confirm(ctx context.Context, c *call) (duplicate bool, err error) {
	d := c.start.Delivery
	if d.Duplicates == nil {
		return false, s.start(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	fresh := *c
	fresh.options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	fresh.options.WorkflowExecutionErrorWhenAlreadyStarted = true
	if _, err := s.client.ExecuteWorkflow(ctx, fresh.options, workflows.RunWorkflow, c.definition,
		c.start); !isAlreadyStarted(err) {
		return false, err
	}
	earlier, err := s.client.DescribeWorkflowExecution(ctx, c.options.ID, "")
	if err != nil {
		return false, err
	}
	info := earlier.GetWorkflowExecutionInfo()
	first, digest := "", ""
	decode(info.GetMemo().GetFields()[workflows.MemoDelivery], &first)
	decode(info.GetMemo().GetFields()[workflows.MemoDigest], &digest)
	if first == d.ID {
		return false, nil
	}
	if d.Duplicates.SamePayload && digest != d.Digest {
		return false, keyReused()
	}
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || !d.Duplicates.Rerun {
		return true, nil
	}
	outcome, err := s.closeEvent(ctx, c.options.ID)
	if err != nil {
		return false, err
	}
	if outcome.Answer != nil || !heals(outcome.Status) {
		return true, nil
	}
	return false, s.rerun(ctx, c)
}

// heals reports whether a provider's retry starts a run again that ended so.
func heals(ended everhook.Status) bool {
	return ended == everhook.Failed || ended == everhook.Errored || ended == everhook.Aborted
}

// rerun starts a run again that failed. Of many at once one does; who comes when it runs already, or has ended well,
// joins it.
func (s *Starter) rerun(ctx context.Context, c *call) error {
	again := *c
	again.options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	return s.start(ctx, &again)
}

func keyReused() error {
	return everhook.Failuref(everhook.TypeKeyReused, "this key came before with another body; a new event needs a "+
		"new key")
}

// start makes the run durable. A run that exists already, running or closed, is success.
func (s *Starter) start(ctx context.Context, c *call) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err := s.client.ExecuteWorkflow(ctx, c.options, workflows.RunWorkflow, c.definition, c.start)
	if isAlreadyStarted(err) {
		return nil
	}
	return err
}

func isAlreadyStarted(err error) bool {
	_, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	return ok
}

// Run starts a run and waits for its answer, at most wait. Without one by then the reply has none; the run is durable.
// Errors are those of Start.
//
// A start that times out says nothing about whether the run exists, so nothing is acknowledged before a plain start has
// confirmed it.
func (s *Starter) Run(ctx context.Context, version *everhook.Version, d everhook.Delivery,
	wait time.Duration) (everhook.Started, error) {
	deadline := time.Now().Add(wait)
	c, err := s.call(version, d)
	if err != nil {
		return everhook.Started{}, err
	}
	answer, err := s.startAndWait(ctx, c, min(wait, startTimeout))
	if err == nil && d.Duplicates != nil && d.Duplicates.Rerun && heals(answer.Ended) && answer.Delivery != d.ID &&
		(!d.Duplicates.SamePayload || answer.Digest == d.Digest) {
		// A completed update keeps giving its outcome, whatever the policies of a start say: only a plain start begins
		// anew.
		if err := s.rerun(ctx, c); err != nil {
			return everhook.Started{}, err
		}
		answer, err = s.startAndWait(ctx, c, min(time.Until(deadline), startTimeout))
	}
	if err == nil {
		return replyTo(d, answer)
	}
	// The confirmation outlives a receiver that stops: it decides between 202 and 503.
	duplicate, err := s.confirm(context.WithoutCancel(ctx), c)
	if err != nil {
		return everhook.Started{}, err
	}
	left := time.Until(deadline)
	if left <= 0 {
		return everhook.Started{Duplicate: duplicate}, nil
	}
	if answer = s.await(ctx, c.options.ID, d.RunID, left); answer == nil {
		return everhook.Started{Duplicate: duplicate}, nil
	}
	return replyTo(d, answer)
}

// replyTo tells a duplicate by the delivery that the answer names.
func replyTo(d everhook.Delivery, answer *everhook.Answer) (everhook.Started, error) {
	duplicate := d.Duplicates != nil && answer.Delivery != d.ID
	if duplicate && d.Duplicates.SamePayload && answer.Digest != d.Digest {
		return everhook.Started{}, keyReused()
	}
	return everhook.Started{Answer: answer, Duplicate: duplicate}, nil
}

// startAndWait is one round trip: the update starts the run and gives its answer.
func (s *Starter) startAndWait(ctx context.Context, c *call, wait time.Duration) (*everhook.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	handle, err := s.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.client.NewWithStartWorkflowOperation(c.options, workflows.RunWorkflow, c.definition,
			c.start),
		UpdateOptions: answerUpdate(c.options.ID),
	})
	if err != nil {
		return nil, err
	}
	var answer everhook.Answer
	if err := handle.Get(ctx, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

func answerUpdate(workflowID string) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{WorkflowID: workflowID, UpdateID: workflows.AnswerUpdate,
		UpdateName:   workflows.AnswerUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted}
}
