//go:build !noembedded

package embedded

import (
	"context"
	"errors"
	"fmt"
)

// Restart stops the server and starts it again in this process, at the same addresses and with the same certificates,
// so that clients connect again by themselves. It heals a server that has lost its way: after the clock was set back,
// its queues halt for as long as the step; after a failed flush, it acknowledges nothing more. Nothing that was
// acknowledged is lost. After an error the server does not run any more, and the process should end.
func (s *Server) Restart(ctx context.Context) error {
	s.engine.Lock()
	defer s.engine.Unlock()
	select {
	case <-s.stopped:
		return errors.New("the embedded Temporal server has stopped")
	default:
	}
	s.logger.serving.Store(false)
	stopped := make(chan struct{})
	go func() {
		_ = s.server.Stop() // what fails while it stops is what the restart is for
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		return fmt.Errorf("the embedded Temporal server does not stop: %w", context.Cause(ctx))
	}
	s.checkpoints.end()
	_ = errors.Join(s.history.close(), s.listing.close())
	s.history, s.listing = &flusher{}, &flusher{}
	if err := s.build(ctx); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return fmt.Errorf("the embedded Temporal server did not start again: %w", err)
	}
	s.restarts.Add(1)
	return nil
}

// Restarts counts the restarts.
func (s *Server) Restarts() int { return int(s.restarts.Load()) }

// Failing returns why nothing is acknowledged any more until a restart, or nil.
func (s *Server) Failing() error {
	if !s.engine.TryLock() {
		return errors.New("the embedded Temporal server is restarting")
	}
	defer s.engine.Unlock()
	return errors.Join(s.history.failed(), s.listing.failed())
}
