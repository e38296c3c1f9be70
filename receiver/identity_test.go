package receiver_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

func TestTheClockAndTheRunIDsOfAReceiverCanBeGiven(t *testing.T) {
	t.Parallel()
	const run = everhook.RunID("abcdefghijklmnopqrstuvwxyz")
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	s := &starter{}
	service := serve(t, receiver.Options{Clock: func() time.Time { return now },
		NewRunID: func() everhook.RunID { return run }}, someFlows(), s)
	response, err := http.Post(service.url("/api/webhook:trigger/"+asyncToken), "application/json", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, string(run), response.Header.Get("Everhook-Run-Id"))
	got := s.got()
	require.Len(t, got, 1)
	require.Equal(t, run, got[0].RunID)
	require.Equal(t, now.UTC(), got[0].ReceivedAt)
	require.Equal(t, "2026-02-03T03:05:06Z", got[0].Trigger["receivedAt"])
}
