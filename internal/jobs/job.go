package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// Action is what a job does with each object. The texts are stored: never edit one.
type Action string

// The actions.
const (
	Cancel Action = "cancel"
	Retry  Action = "retry"
	Delete Action = "delete"
	Replay Action = "replay"
)

// Item is a run or a delivery that a job acts on.
type Item struct {
	Run  everhook.RunID `json:"run,omitempty"`
	Flow string         `json:"flow,omitempty"`
	// Delivery is empty for runs.
	Delivery string `json:"delivery,omitempty"`
}

// Most bounds the objects of one job.
const Most = 10_000

// Work is what the jobs with an action do. Its methods are called with the actor of the job in their context.
type Work interface {
	// Find returns the objects that a job is for, at most Most, and whether there are more. An object that is there
	// twice is acted on once.
	Find(ctx context.Context, of json.RawMessage) (found []Item, more bool, err error)
	// Act acts on an object. With the same key, it has its effect once.
	Act(ctx context.Context, of json.RawMessage, item Item, key []byte) error
}

// Of makes a Work of functions that take the decoded request.
func Of[T any](find func(context.Context, T) ([]Item, bool, error),
	act func(context.Context, T, Item, []byte) error) Work {
	return typed[T]{find, act}
}

type typed[T any] struct {
	find func(context.Context, T) ([]Item, bool, error)
	act  func(context.Context, T, Item, []byte) error
}

func (t typed[T]) Find(ctx context.Context, of json.RawMessage) ([]Item, bool, error) {
	var decoded T
	if err := json.Unmarshal(of, &decoded); err != nil {
		return nil, false, err
	}
	return t.find(ctx, decoded)
}

func (t typed[T]) Act(ctx context.Context, of json.RawMessage, item Item, key []byte) error {
	var decoded T
	if err := json.Unmarshal(of, &decoded); err != nil {
		return err
	}
	return t.act(ctx, decoded, item, key)
}

// State is how far a job is. The texts are stored: never edit one.
type State string

// The states.
const (
	// Looking: the runs are being looked for.
	Looking State = "looking"
	// Working: they are being acted on.
	Working State = "working"
	Ended   State = "ended"
)

// Request is what a job does. It is stored: fields are only added.
type Request struct {
	// Actor is the ID of the person or program with whose rights the job acts.
	Actor  string `json:"actor"`
	Action Action `json:"action"`
	// Of says which objects, and what to do with them: JSON for the Work of the action. Its times are absolute.
	Of json.RawMessage `json:"of"`
	// Dry is set to look for the objects only.
	Dry bool `json:"dry,omitempty"`
}

// Job is an action on many runs or deliveries.
type Job struct {
	ID     string `json:"id"`
	Action Action `json:"action" enum:"cancel,retry,delete,replay"`
	// State is looking while objects are looked for, working, or ended.
	State State `json:"state" enum:"looking,working,ended"`
	// DryRun is set if the job only looks for the objects.
	DryRun bool `json:"dryRun,omitempty"`
	// Found is how many objects the filter selected, Done how many of them were dealt with. Of these, Refused were not
	// acted on, because the action is not possible for them, and Failed because of an error.
	Found   int `json:"found"`
	Done    int `json:"done"`
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
	// More is set if the filter selects more than one job takes: repeat it.
	More bool `json:"more,omitempty"`
	// Problems are the first reasons of refusals and failures.
	Problems []Problem `json:"problems,omitempty"`
	Started  time.Time `json:"started"`
	// Ended is missing while the job goes on.
	Ended *time.Time `json:"ended,omitempty"`
	// Takeovers is how often another process went on with the job, because the one before had died. Then the objects
	// are looked for and counted anew.
	Takeovers int `json:"takeovers,omitempty"`

	// actor started the job.
	actor string
}

// Problem says why an object was not acted on. It names none if it is one of the job itself.
type Problem struct {
	Item
	Detail string `json:"detail"`
}

// Actor is the ID of the actor who started the job.
func (j *Job) Actor() string { return j.actor }

// keptProblems is how many problems a job has at most.
const keptProblems = 20

// note counts an object that was dealt with.
func (j *Job) note(item Item, err error) {
	j.Done++
	if err == nil {
		return
	}
	if _, refused := errors.AsType[*runs.Refusal](err); refused || errors.Is(err, everhook.ErrNoRun) ||
		errors.Is(err, deliverylog.ErrNoRecord) {
		j.Refused++
	} else {
		j.Failed++
	}
	j.problem(Problem{item, err.Error()})
}

func (j *Job) problem(p Problem) {
	if len(j.Problems) < keptProblems {
		j.Problems = append(j.Problems, p)
	}
}

// read makes a job of what is stored.
func read(stored store.Job) (job Job, request Request, err error) {
	err = errors.Join(json.Unmarshal([]byte(stored.Progress), &job), json.Unmarshal([]byte(stored.Request), &request))
	job.ID, job.Started, job.Takeovers, job.actor = stored.ID, stored.Started, stored.Takeovers, request.Actor
	return job, request, err
}

// written is a job as it is stored.
func (j *Job) written() store.Job {
	progress, err := json.Marshal(j)
	if err != nil {
		panic(err) // it has only texts, numbers and times
	}
	stored := store.Job{ID: j.ID, Progress: string(progress), Started: j.Started, Takeovers: j.Takeovers}
	if j.Ended != nil {
		stored.Ended = *j.Ended
	}
	return stored
}
