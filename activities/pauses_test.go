package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/activities"
)

func TestPausesGrowUpToTheirMaximum(t *testing.T) {
	t.Parallel()
	pauses := activities.Pauses{Initial: time.Second, Backoff: 3, Max: 20 * time.Second}
	var got []time.Duration
	for failures := 1; failures <= 5; failures++ {
		got = append(got, pauses.After(failures))
	}
	require.Equal(t, []time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 20 * time.Second,
		20 * time.Second}, got)
	require.Equal(t, time.Hour, activities.Pauses{Initial: time.Second, Backoff: 1000, Max: time.Hour}.After(1000))
}
