package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
)

// The pause of an effect that was handed back doubles each time, between these two.
const firstHandBack, longestHandBack = time.Second, 30 * time.Second

// HandBack ends an attempt that has not begun: the worker has no place for it now. It returns the error with which the
// activity ends so that Temporal tries again later, or false if it was handed back too often. Attempts that were handed
// back do not count as attempts of the node.
func HandBack(ctx context.Context) (error, bool) { //nolint:revive // the error is a value that the caller hands on
	beat := BeatOf(ctx)
	if beat.HandedBack >= MostHandBacks {
		return nil, false
	}
	pause := min(firstHandBack<<min(beat.HandedBack, 10), longestHandBack)
	beat.Attempt, beat.HandedBack = int(activity.GetInfo(ctx).Attempt), beat.HandedBack+1
	activity.RecordHeartbeat(ctx, beat)
	return Fail(everhook.Errorf(everhook.TypeUnavailable, "it waits for a place: its flow has as many effects under "+
		"way as it may"), true, pause), true
}

// BeatOf is what the earlier attempts of an activity reported.
func BeatOf(ctx context.Context) (beat Heartbeat) {
	if !activity.GetInfo(ctx).IsLocalActivity && activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &beat)
	}
	return beat
}
