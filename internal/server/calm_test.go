package server

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRepeatedMessagesAreLeftOut(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	logger := calm(slog.New(slog.NewTextHandler(&text, nil)), nil)
	at := time.Unix(1e9, 0)
	say := func(message string) {
		record := slog.NewRecord(at, slog.LevelError, message, 0)
		require.NoError(t, logger.With("shard", 1).Handler().Handle(context.Background(), record))
	}
	for range 1000 {
		say("disk full")
	}
	say("another")
	require.Equal(t, repeats, strings.Count(text.String(), "disk full"))
	require.Contains(t, text.String(), "another")
	at = at.Add(repeatsEach)
	say("disk full")
	require.Contains(t, text.String(), "leftOut=995")
	say("disk full")
	require.Equal(t, 1, strings.Count(text.String(), "leftOut="))
}

func TestOnlyNamedMessagesAreLeftOut(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	logger := calm(slog.New(slog.NewTextHandler(&text, nil)), []string{"not ready"})
	for range 100 {
		logger.Info("delivery")
		logger.Warn("not ready")
	}
	require.Equal(t, 100, strings.Count(text.String(), "delivery"))
	require.Equal(t, repeats, strings.Count(text.String(), "not ready"))
}
