package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// ReplayRequest is what a replay runs. All fields may be missing, and so may the body.
type ReplayRequest struct {
	Version int  `json:"version,omitempty" minimum:"0" doc:"Run this version of the flow. Default: the one that took the delivery."`
	Current bool `json:"current,omitempty" doc:"Run the enabled version of the flow."`
}

// Replayed is the new run of a replay.
type Replayed struct {
	runs.Replayed
	// URL is the page of the new run, as a path on the admin address.
	URL string `json:"url"`
}

type replayDeliveryInput struct {
	NamedDelivery
	Body *ReplayRequest
}

type replayDeliveryOutput struct {
	Location string `header:"Location" doc:"The new run, as a path."`
	Body     Replayed
}

func replayDelivery(s *service) {
	add(s, operation{id: "replay-delivery", method: http.MethodPost, path: "/api/v1/deliveries/{id}/replay",
		tag: tagDeliveries, role: access.Operator, summary: "Deliver again what was delivered",
		description: "The replay is a delivery of its own, with another ID, and starts a run of its own, whatever " +
			"the condition, the dedupe key and the mode of the flow are. When the answer comes, the run is " +
			"durable. A delivery whose request is not on record is replayed as its run got it. It is refused while " +
			"that run goes on.",
		status: http.StatusCreated, timeout: actTimeout},
		func(ctx context.Context, in *replayDeliveryInput) (*replayDeliveryOutput, error) {
			var wanted ReplayRequest
			if in.Body != nil {
				wanted = *in.Body
			}
			if err := wanted.check("/body"); err != nil {
				return nil, err
			}
			replayed, err := s.Deliveries.Replay(ctx, in.ID, wanted, keyOf(ctx))
			if err != nil {
				return nil, noDelivery(err)
			}
			s.Logger.InfoContext(ctx, "a delivery is replayed", "flow", replayed.Flow, "delivery", in.ID, "run",
				replayed.ID)
			return &replayDeliveryOutput{"/api/v1/runs/" + string(replayed.ID) + "?flow=" + replayed.Flow,
				Replayed{replayed, "/runs/" + string(replayed.ID) + "?flow=" + replayed.Flow}}, nil
		})
}

func (r ReplayRequest) check(at string) error {
	if r.Current && r.Version != 0 {
		return wrongf(at+"/version", "current stands for a version; send one of the two")
	}
	return nil
}

// ReplayJobRequest selects the deliveries that a job replays.
type ReplayJobRequest struct {
	DeliveryFilter
	Replay ReplayRequest `json:"replay,omitzero" doc:"What replays run."`
}

type replayDeliveriesInput struct{ Body ReplayJobRequest }

func replayDeliveries(s *service) {
	add(s, operation{id: "replay-deliveries", method: http.MethodPost, path: "/api/v1/deliveries/replay",
		tag: tagDeliveries, role: access.Operator, summary: "Replay many deliveries", status: http.StatusAccepted,
		description: "A job like those of runs. It takes the newest 10,000 deliveries that the filter selects, and " +
			"begins with the oldest of them. Replays and calls of waiting nodes are left out."},
		func(ctx context.Context, in *replayDeliveriesInput) (*startJobOutput, error) {
			filter, err := in.Body.Parse("/body", time.Now())
			if err != nil {
				return nil, err
			}
			if err := in.Body.Replay.check("/body/replay"); err != nil {
				return nil, err
			}
			if now := time.Now(); filter.Before.IsZero() || filter.Before.After(now) {
				filter.Before = now
			}
			return s.beginJob(ctx, jobs.Replay, false, replayJob{filter, in.Body.Replay}, store.Change{Action: "replay",
				Object: "deliveries", Name: in.Body.Flow, Detail: map[string]any{"outcome": in.Body.Outcome,
					"after": in.Body.After, "before": in.Body.Before}})
		})
}
