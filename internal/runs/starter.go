package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
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
	// definitions are those of versions, encoded.
	definitions *lru.Cache[*compile.Version, workflows.EncodedDefinition]
	// async and sync bound the starts under way: a start of a sync flow ends when a worker has begun the run.
	async, sync *admission
	// lanes and bringing hold the calls that are being delivered to runs.
	lanes    lanes
	bringing singleflight.Group
}

// StarterOptions configure a Starter.
type StarterOptions struct {
	// Env returns the settings that flows may refer to as env.<NAME>.
	Env func() map[string]string
	// Async reports whether a flow is async: its answers do not come from the run. Nil: no flow is.
	Async func(flow string) bool
	// Attributes is set if the namespace has the search attributes.
	Attributes bool
	// Eager is set if this process also runs a worker: the first workflow task of an async run is then given to it
	// directly.
	Eager bool
	// Budget bounds each execution; beyond it, loops continue in another one. Zero fields: the engine's own bounds.
	// Only tests set it.
	Budget workflows.Budget
	// Resume returns the base of a flow's resume URLs ("<public URL>/api/webhook:resume/<everhook.ResumeToken>") and
	// the secret that they are made with. It is called for flows that wait for calls; nil: their runs have no such
	// URLs.
	Resume func(flow string) (base string, secret []byte, err error)
	// Resolve replaces claims in payloads of a history by their values; nil: there are no claims.
	Resolve func(ctx context.Context, payloads *commonpb.Payloads) (*commonpb.Payloads, error)
	// Links returns markdown links about a run, for its details in the Temporal UI; may be nil.
	Links func(flow string, run everhook.RunID) string
	// Lag is the delay of Temporal and the workers with runs, see Lag; nil: unknown.
	Lag func() time.Duration
	// Level is the engine level of started runs. 0: the level of this release.
	Level int
	// MaxDescendants is how many runs of other flows one run may start; 0: workflows.MaxDescendants.
	MaxDescendants int
	// InFlight bounds the effects and called runs that one run waits for at the same time; 0: no bound but the
	// engine's.
	InFlight int
	// MaxPayload is Start.MaxPayload of the runs: MaxStoredPayload if the client and every worker keep large payloads
	// outside of histories; 0: Temporal's own limit.
	MaxPayload int
}

// Bounds of a start.
const (
	// startTimeout bounds one call that makes a run durable.
	startTimeout = 5 * time.Second
	// maxShownKey is the longest part of a dedupe key that is shown; the run ID depends on the whole key.
	maxShownKey = 200
	// maxDefinitions is how many versions are kept encoded.
	maxDefinitions = 200
)

// NewStarter returns a Starter. The client must use workflows.DataConverter.
func NewStarter(c client.Client, versions *compile.Versions, options StarterOptions) *Starter {
	if options.Level == 0 {
		options.Level = workflows.Level
	}
	definitions, _ := lru.New[*compile.Version, workflows.EncodedDefinition](maxDefinitions) // the size is valid
	return &Starter{client: c, versions: versions, options: options, definitions: definitions,
		async: newAdmission(time.Now, options.Lag, asyncLag), sync: newAdmission(time.Now, nil, 0)}
}

// definition returns the definition of a version, encoded once.
func (s *Starter) definition(flow *compile.Version) (workflows.EncodedDefinition, error) {
	if known, ok := s.definitions.Get(flow); ok {
		return known, nil
	}
	definition, err := workflows.EncodeDefinition(flow.JSON)
	if err == nil {
		s.definitions.Add(flow, definition)
	}
	return definition, err
}

// compiled returns a version, compiled. Its error says why the version cannot be started.
func (s *Starter) compiled(version *everhook.Version) (*compile.Version, error) {
	compiled, err := s.versions.Of(version)
	if err != nil {
		return nil, fmt.Errorf("version %d of flow %q cannot be started: %w", version.Number, version.Definition.Key,
			err)
	}
	return compiled, nil
}

// call has the arguments of one start.
type call struct {
	options   client.StartWorkflowOptions
	arguments workflows.Arguments
	version   *everhook.Version
	// delivery is that of the run, without its data.
	delivery everhook.Delivery
	// level is the engine level of the arguments, details describe the trigger, and attributes is set if the run has
	// search attributes.
	level      int
	details    string
	attributes bool
	// early is the answer that the caller has already; nil: it has none.
	early *everhook.Answer
}

// settings returns the current settings that a version refers to.
func (s *Starter) settings(flow *compile.Version) map[string]string {
	if s.options.Env == nil || len(flow.Env) == 0 {
		return nil
	}
	return flow.Settings(s.options.Env())
}

// arrange makes the start of a run of the version with these arguments.
func (s *Starter) arrange(version *everhook.Version, flow *compile.Version,
	definition workflows.EncodedDefinition, start workflows.Start) (*call, error) {
	start.Level, start.Attributes, start.Budget = s.options.Level, s.options.Attributes, s.options.Budget
	start.InFlight = s.options.InFlight
	if most := s.options.MaxDescendants; most > 0 && start.Depth == 0 {
		start.Descendants = &most
	}
	start.MaxPayload, start.Resume = cmp.Or(s.options.MaxPayload, workflows.MaxPayload), nil
	if flow.TakesCalls() && s.options.Resume != nil {
		base, secret, err := s.options.Resume(version.Definition.Key)
		if err != nil {
			return nil, err
		}
		start.Resume = everhook.NewResume(base, secret, start.Delivery.RunID)
	}
	arguments, err := workflows.StartArguments(definition, start)
	if err != nil {
		return nil, err
	}
	c := &call{arguments: arguments, version: version, delivery: start.Delivery, level: start.Level,
		details:    everhook.Shorten(triggerDetails(flow.Flow, start.Delivery), workflows.MaxDetails),
		attributes: start.Attributes}
	c.delivery.Trigger = nil
	s.present(c)
	return c, nil
}

// present sets the options of a start from its other fields.
func (s *Starter) present(c *call) {
	d, definition := c.delivery, c.version.Definition
	key := definition.Key
	shown := workflows.Presentation{Flow: key, Title: definition.Name(), Version: c.version.Number,
		Trigger: definition.Trigger.Type, Run: d.RunID}
	c.options = client.StartWorkflowOptions{
		ID:                       everhook.WorkflowID(key, d.RunID),
		TaskQueue:                workflows.TaskQueue(c.level),
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            shown.Summary(),
		StaticDetails:            c.details,
		Memo:                     shown.Memo(),
		Priority:                 shown.Priority(),
	}
	if d.DedupeKey != "" {
		c.options.Memo[workflows.MemoDelivery], c.options.Memo[workflows.MemoDigest] = d.ID, d.Digest
		c.options.Memo[workflows.MemoKey] = everhook.Shorten(d.DedupeKey, maxShownKey)
		c.options.StaticDetails += "\n* dedupe key: " + workflows.EscapeMarkdown(d.DedupeKey) + "\n"
		if d.Caller != "" {
			c.options.StaticDetails += "* caller: " + workflows.EscapeMarkdown(d.Caller) + "\n"
		}
	}
	if d.Actor != "" {
		c.options.Memo[workflows.MemoActor] = d.Actor
	}
	if s.options.Links != nil {
		c.options.StaticDetails += "\n" + s.options.Links(key, d.RunID)
	}
	if c.attributes {
		c.options.TypedSearchAttributes = shown.Attributes()
	}
}

// Start returns when the run is durable. It returns an *everhook.Error of type key-reused if the dedupe key was used
// with another body. After everhook.ErrOverloaded nothing was started. After any other error it is not known whether
// the run exists. In both cases the caller must be told to retry.
func (p *Prepared) Start(ctx context.Context) (everhook.Started, error) {
	s, c := p.starter, p.call
	starting, err := s.async.enter()
	if err != nil {
		return everhook.Started{}, err
	}
	defer starting.left()
	c.options.EnableEagerStart = s.options.Eager
	duplicate, err := s.confirm(ctx, c)
	starting.durable(err)
	return everhook.Started{Duplicate: duplicate}, err
}

// confirm makes the run durable, or finds it durable, and handles a duplicate as the delivery says.
func (s *Starter) confirm(ctx context.Context, c *call) (duplicate bool, err error) {
	d := c.delivery
	if d.Duplicates == nil {
		return false, s.start(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	fresh := *c
	fresh.options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	fresh.options.WorkflowExecutionErrorWhenAlreadyStarted = true
	if _, err := s.client.ExecuteWorkflow(ctx, fresh.options, workflows.RunWorkflow,
		c.arguments...); !isAlreadyStarted(err) {
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

// heals reports whether a repeated delivery runs a run with that status again.
func heals(ended everhook.Status) bool {
	return ended == everhook.Failed || ended == everhook.Errored || ended == everhook.Aborted
}

// rerun starts a failed run again. Of several concurrent callers, one starts it; the others join it, as do callers that
// find it running or resolved.
func (s *Starter) rerun(ctx context.Context, c *call) error {
	again := *c
	again.options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	return s.start(ctx, &again)
}

func keyReused() error {
	return everhook.Failuref(everhook.TypeKeyReused, "this key came before with another body; a new event needs a "+
		"new key")
}

// start makes the run durable. If the run exists already, open or closed, that is success.
func (s *Starter) start(ctx context.Context, c *call) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err := s.client.ExecuteWorkflow(ctx, c.options, workflows.RunWorkflow, c.arguments...)
	if isAlreadyStarted(err) {
		return nil
	}
	return err
}

func isAlreadyStarted(err error) bool {
	_, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	return ok
}

// Run starts a run and waits for its answer, for at most wait. If there is none by then, the reply has no answer, but
// the run is durable. Errors are those of Start.
//
// A start that times out says nothing about whether the run exists, so a plain start confirms the run before it is
// acknowledged.
func (p *Prepared) Run(ctx context.Context, wait time.Duration) (everhook.Started, error) {
	return p.RunTelling(ctx, wait, func() {})
}

// RunTelling is Run. It calls begun when a worker has begun the run.
func (p *Prepared) RunTelling(ctx context.Context, wait time.Duration, begun func()) (everhook.Started, error) {
	s, c, d := p.starter, p.call, p.call.delivery
	starting, err := s.sync.enter()
	if err != nil {
		return everhook.Started{}, err
	}
	defer starting.left()
	deadline := time.Now().Add(wait)
	answer, hasBegun, err := s.startAndWait(ctx, c, deadline, starting, begun)
	if err == nil && d.Duplicates != nil && d.Duplicates.Rerun && heals(answer.Ended) && answer.Delivery != d.ID &&
		(!d.Duplicates.SamePayload || answer.Digest == d.Digest) {
		// A completed update keeps its outcome, whatever the policies of a start say. Only a plain start runs the run
		// again.
		if err := s.rerun(ctx, c); err != nil {
			return everhook.Started{}, err
		}
		answer, hasBegun, err = s.startAndWait(ctx, c, deadline, starting, begun)
	}
	if err == nil {
		return replyTo(d, answer)
	}
	if hasBegun && d.Duplicates == nil && (ctx.Err() != nil || time.Until(deadline) <= 0) {
		return everhook.Started{}, nil
	}
	// The confirmation decides between 202 and 503, so it outlives a receiver that stops.
	confirming := time.Now()
	duplicate, err := s.confirm(context.WithoutCancel(ctx), c)
	starting.confirmed(time.Since(confirming), err)
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

// replyTo recognises a duplicate by the delivery that the answer names.
func replyTo(d everhook.Delivery, answer *everhook.Answer) (everhook.Started, error) {
	duplicate := d.Duplicates != nil && answer.Delivery != d.ID
	if duplicate && d.Duplicates.SamePayload && answer.Digest != d.Digest {
		return everhook.Started{}, keyReused()
	}
	return everhook.Started{Answer: answer, Duplicate: duplicate}, nil
}

// startAndWait starts the run by the update that returns its answer: one round trip if the run answers in its first
// workflow task. Begun is set if a worker has begun the run, which is durable then.
func (s *Starter) startAndWait(ctx context.Context, c *call, deadline time.Time,
	starting *admitted, tell func()) (answer *everhook.Answer, begun bool, err error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	first, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	update := answerUpdate(c.options.ID)
	// The server gives the outcome with the acceptance if it has both.
	update.WaitForStage = client.WorkflowUpdateStageAccepted
	handle, err := s.client.UpdateWithStartWorkflow(first, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.client.NewWithStartWorkflowOperation(c.options, workflows.RunWorkflow,
			c.arguments...),
		UpdateOptions: update,
	})
	if err != nil {
		return nil, false, err
	}
	starting.finished()
	tell()
	answer = &everhook.Answer{}
	return answer, true, handle.Get(ctx, answer)
}

func answerUpdate(workflowID string) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{WorkflowID: workflowID, UpdateID: workflows.AnswerUpdate,
		UpdateName:   workflows.AnswerUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted}
}
