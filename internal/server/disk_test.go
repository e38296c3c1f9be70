package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCallsDoNotWaitForAFullDisk has one call under way when the disk becomes full, and others while it is.
func TestCallsDoNotWaitForAFullDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t.TempDir(), slog.New(slog.DiscardHandler))
	full := errors.New("no space left on device")
	quick := func(context.Context) (int, error) { return 7, nil }

	began, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	ended := make(chan error)
	go func() {
		_, err := whileWritable(t.Context(), d, func(context.Context) (int, error) {
			close(began)
			<-release
			return 7, nil
		})
		ended <- err
	}()
	<-began
	d.note(full)
	require.ErrorIs(t, <-ended, full)

	_, err := whileWritable(t.Context(), d, quick)
	require.ErrorIs(t, err, full)
	d.note(full)
	d.note(nil)
	got, err := whileWritable(t.Context(), d, quick)
	require.NoError(t, err)
	require.Equal(t, 7, got)
}

// TestADirectoryIsProbedByAWrite removes it, and makes it again.
func TestADirectoryIsProbedByAWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	require.ErrorContains(t, probeWrite(dir), "free some space, or check the disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, probeWrite(dir))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
