package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// Calls start runs of flows that can be called, and read their answers.
type Calls interface {
	// Start starts a run of the enabled version of a flow as an actor, and returns when it is durable. It waits up to
	// wait for the answer of a sync flow, or as long as the flow says if wait is negative. Starts with the same key,
	// which is not empty, start one run. It returns an *everhook.Error if the flow cannot be called, and a
	// *WrongInput.
	Start(ctx context.Context, flow string, call Call) (StartedRun, error)
	// Answer returns the state of a run, and the actor who started it by Start; empty for other runs. It waits up to
	// wait for the answer. It returns everhook.ErrNoRun if the run is unknown or has expired.
	Answer(ctx context.Context, flow string, id everhook.RunID, wait time.Duration) (RunAnswer, string, error)
}

// Call is a call of a flow.
type Call struct {
	// Actor is the ID of the caller.
	Actor string
	Input any
	// Wait is how long to wait for the answer of a sync flow; negative: as the flow says.
	Wait time.Duration
	// Name is the Idempotency-Key, as the caller wrote it, and Key identifies the request; empty without a key.
	Name string
	Key  []byte
}

// WrongInput is an input that does not fit the schema of the flow. The pointers lead into the input.
type WrongInput struct{ Problems []everhook.ProblemDetail }

func (w *WrongInput) Error() string { return "the input does not fit the flow" }

// RunStart is what a flow is called with.
type RunStart struct {
	Input everhook.Value `json:"input,omitzero" doc:"What the flow gets as trigger.input; it must fit the schema of the trigger."`
	Wait  *int           `json:"waitSeconds,omitempty" minimum:"0" maximum:"50" doc:"How long to wait for the answer of a sync flow. Default: as long as the flow says, at most 50 seconds."`
}

// wait is how long to wait; negative: as the flow says.
func (s *RunStart) wait() time.Duration {
	if s.Wait == nil {
		return -1
	}
	return time.Duration(*s.Wait) * time.Second
}

// StartedRun is a run that was started.
type StartedRun struct {
	RunAnswer
	// Skipped is set if the trigger's condition left the call out: there is no run.
	Skipped bool `json:"skipped,omitempty"`
	// Duplicate is set if an earlier request with the same key started the run.
	Duplicate bool `json:"duplicate,omitempty"`
}

// RunAnswer is the state of a run for its caller.
type RunAnswer struct {
	ID      everhook.RunID  `json:"id,omitempty"`
	Flow    string          `json:"flow"`
	Version int             `json:"version,omitempty"`
	Status  everhook.Status `json:"status,omitempty" doc:"pending while the run goes on: an answer can come before its end. Missing if it is not known."`
	// Answer is nil while there is none. A run without a response node has one when it ends: its output, or a problem.
	Answer *everhook.Answer `json:"answer,omitempty" doc:"Missing while there is none. A run without a response node has one when it ends: its output, or a problem."`
}

type startRunInput struct {
	NamedFlow
	Body *RunStart
}

type startRunOutput struct {
	Status   int
	Location string `header:"Location" doc:"The answer of the run, as a path."`
	Body     StartedRun
}

func startRun(s *service) {
	add(s, operation{id: "start-run", method: http.MethodPost, path: "/api/v1/flows/{key}/runs", tag: tagRuns,
		role: access.Caller, summary: "Call a flow",
		description: "Starts a run of a flow with a call trigger. The answer is 200 with the answer of a sync flow, " +
			"or if the condition of the trigger leaves the call out; else 202: get the answer from Location then.",
		timeout: actTimeout, maxBody: maxCall, status: http.StatusOK, accepted: true},
		func(ctx context.Context, in *startRunInput) (*startRunOutput, error) {
			if _, err := s.stored(ctx, in.Key); err != nil {
				return nil, err
			}
			if err := s.may(ctx, access.Caller, in.Key); err != nil {
				return nil, err
			}
			wanted := RunStart{}
			if in.Body != nil {
				wanted = *in.Body
			}
			call := Call{Actor: access.From(ctx).ID, Input: wanted.Input.V, Wait: wanted.wait(), Key: keyOf(ctx),
				Name: keyName(ctx)}
			started, err := s.Calls.Start(ctx, in.Key, call)
			if err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "a flow is called", "flow", in.Key, "run", started.ID, "actor", call.Actor,
				"skipped", started.Skipped, "duplicate", started.Duplicate)
			out := &startRunOutput{Status: http.StatusOK, Body: started}
			if !started.Skipped {
				out.Location = "/api/v1/flows/" + in.Key + "/runs/" + string(started.ID) + "/answer"
				if started.Answer == nil {
					out.Status = http.StatusAccepted
				}
			}
			return out, nil
		})
}

// maxCall bounds the body of a call, as it does that of a webhook.
const maxCall = 1 << 20
