package effect

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// tries counts the attempts of one effect. Temporal counts every attempt that it began. Heartbeats carry how many of
// them reported a failure, and how many were handed back, from one attempt to the next. The others were lost with their
// workers. The node's own attempts are those that reported a failure.
type tries struct {
	// attempt counts from 1. Most are the node's own attempts, 0 if there is no bound.
	attempt, failures, handedBack, most int
}

// triesOf reads the counts of an attempt that begins.
func triesOf(ctx context.Context) tries {
	info := activity.GetInfo(ctx)
	t := tries{attempt: int(info.Attempt)}
	if info.IsLocalActivity {
		t.failures = t.attempt - 1
		return t
	}
	if info.RetryPolicy != nil && info.RetryPolicy.MaximumAttempts > 0 {
		t.most = max(1, int(info.RetryPolicy.MaximumAttempts)-activities.SpareAttempts)
	}
	beat := activities.BeatOf(ctx)
	t.failures, t.handedBack = beat.Failures, beat.HandedBack
	return t
}

// lost counts the attempts before this one whose worker did not report.
func (t tries) lost() int { return t.attempt - 1 - t.failures - t.handedBack }

// giveUp returns the error to end with instead of another attempt: too many workers were lost, or one was lost that may
// have done an effect that must happen once.
func (t tries) giveUp(once bool) *everhook.Error {
	var err *everhook.Error
	switch lost := t.lost(); {
	case once && lost > 0:
		err = everhook.Errorf(everhook.TypeOutcomeUnknown,
			"the worker was lost during the attempt, so it is not known "+
				"whether the effect happened; check, and retry the run from this node if it did not")
	case lost > activities.LostWorkers:
		err = everhook.Errorf(everhook.TypeUnavailable, "%d workers were lost during this effect; see whether its "+
			"answer "+
			"makes them crash", lost)
	default:
		return nil
	}
	err.Attempts = t.attempt - 1
	return err
}

// failed records that an attempt reports a failure, and returns whether another one may follow. The record reaches the
// server before the failure does.
func (t tries) failed(ctx context.Context, again bool) bool {
	again = again && (t.most == 0 || t.failures+1 < t.most)
	if again && !activity.GetInfo(ctx).IsLocalActivity {
		activity.RecordHeartbeat(ctx, t.beat(1))
	}
	return again
}

// beat is what is reported after some more failures.
func (t tries) beat(failures int) activities.Heartbeat {
	return activities.Heartbeat{Attempt: t.attempt, Failures: t.failures + failures, HandedBack: t.handedBack}
}

// heartbeat reports, if Temporal expects reports, until the function that it returns is called.
func heartbeat(ctx context.Context, tries tries) (stop func()) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout == 0 || info.IsLocalActivity {
		return func() {}
	}
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(activities.HeartbeatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, tries.beat(0))
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		reporting.Wait()
	}
}
