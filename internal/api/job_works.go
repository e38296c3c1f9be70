package api

import (
	"context"
	"slices"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/runs"
)

// runsJob are the runs of a job, and what it does with them. It is stored: fields are only added.
type runsJob struct {
	Filter runs.Filter `json:"filter"`
	// Current and From are those of retries, see RetryRequest.
	Current bool   `json:"current,omitempty"`
	From    string `json:"from,omitempty"`
}

// replayJob are the deliveries of a job. It is stored: fields are only added.
type replayJob struct {
	Filter deliverylog.Filter `json:"filter"`
	Replay ReplayRequest      `json:"replay"`
}

// JobWorks is what jobs of the API do. It uses the options Runs, Actions, Erasing and Deliveries.
func JobWorks(o Options) map[jobs.Action]jobs.Work {
	s := &service{Options: o}
	return map[jobs.Action]jobs.Work{
		jobs.Cancel: jobs.Of(s.jobRuns, func(ctx context.Context, _ runsJob, item jobs.Item, _ []byte) error {
			return s.Actions.Cancel(ctx, item.Flow, item.Run)
		}),
		jobs.Retry: jobs.Of(s.jobRuns, func(ctx context.Context, of runsJob, item jobs.Item, key []byte) error {
			_, err := s.Actions.Retry(ctx, item.Flow, item.Run, RetryRequest{Current: of.Current, From: of.From}, key)
			return err
		}),
		jobs.Delete: jobs.Of(s.jobRuns, func(ctx context.Context, _ runsJob, item jobs.Item, _ []byte) error {
			if err := access.RequireEverywhere(ctx, access.Admin); err != nil {
				return err
			}
			return s.Erasing.Delete(ctx, item.Flow, item.Run)
		}),
		jobs.Replay: jobs.Of(s.jobDeliveries, func(ctx context.Context, of replayJob, item jobs.Item,
			key []byte) error {
			_, err := s.Deliveries.Replay(ctx, item.Delivery, of.Replay, key)
			return err
		}),
	}
}

// jobRuns finds the runs of a job.
func (s *service) jobRuns(ctx context.Context, of runsJob) (found []jobs.Item, more bool, err error) {
	filter := of.Filter
	filter.Limit = 1000
	for {
		reading, cancel := context.WithTimeout(ctx, ReadTimeout)
		page, next, err := s.Runs.List(reading, filter)
		cancel()
		if err != nil {
			return found, false, err
		}
		for _, run := range page {
			found = append(found, jobs.Item{Run: run.ID, Flow: run.Flow})
		}
		switch filter.Page = next; {
		case len(next) == 0:
			return found, false, nil
		case len(found) >= jobs.Most:
			return found, true, nil
		}
	}
}

// jobDeliveries finds the deliveries of a job, the oldest first. Replays and calls of waiting nodes are left out.
func (s *service) jobDeliveries(ctx context.Context, of replayJob) (found []jobs.Item, more bool, err error) {
	filter := of.Filter
	filter.Limit = 1000
	for {
		reading, cancel := context.WithTimeout(ctx, ReadTimeout)
		page, err := s.Deliveries.List(reading, filter)
		cancel()
		if err != nil {
			return nil, false, err
		}
		for _, r := range page {
			if r.ReplayOf == "" && r.Node == "" {
				found = append(found, jobs.Item{Run: r.Run, Flow: r.Flow, Delivery: r.ID})
			}
		}
		if len(page) < filter.Limit || len(found) > jobs.Most {
			break
		}
		filter.Below = page[len(page)-1].ID
	}
	if more = len(found) > jobs.Most; more {
		found = found[:jobs.Most]
	}
	slices.Reverse(found)
	return found, more, nil
}
