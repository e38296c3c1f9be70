package server

import (
	"context"
	"net/http"
	"net/url"

	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/sources"
	"github.com/everhook/everhook/receiver"
)

// dependencies returns what effects from outside get; they are as guarded as the built-in ones.
func (s *Server) dependencies(guard *egress.Guard, proxy *url.URL) activities.Dependencies {
	return activities.Dependencies{
		Secrets: s.secrets, Dial: guard.DialContext, Logger: s.logger,
		HTTP: &http.Client{
			Transport:     guard.Transport(proxy),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// startSources serves the triggers that start runs by themselves. They belong to the role receiver, which accepts
// deliveries.
func (s *Server) startSources(starter *runs.Starter) {
	s.sources = sources.New(sources.Options{
		Flows: s.catalog.Sourced, Start: starter.Start, Secret: s.secrets.Lookup, Logger: s.logger,
		Redact:  func(text string) string { return s.secrets.Redactor().Text(text) },
		Observe: func(r sources.Record) { s.watch.observe(observed(r)) },
	})
}

// observed converts an event to the record by which metrics count deliveries.
func observed(r sources.Record) receiver.Record {
	record := receiver.Record{
		Flow: r.Flow, Run: r.Run, Reason: receiver.Accepted, Bytes: r.Bytes, Duration: r.Took, Durable: r.Took,
		Duplicate: r.Duplicate,
	}
	if r.Skipped {
		record.Reason = receiver.Skipped
	}
	if r.Failed {
		record.Reason, record.Durable = receiver.Unavailable, 0
	}
	return record
}

// flowsChanged tells the sources and the inbox that flows have changed.
func (s *Server) flowsChanged() {
	if i := s.inbox.Load(); i != nil {
		i.Wake()
	}
	if s.sources != nil {
		s.sources.Changed()
	}
}

// stopSources stops the sources, and waits for starts in progress.
func (s *Server) stopSources() {
	if s.sources == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := s.sources.Stop(ctx); err != nil {
		s.logger.Warn("a trigger did not end in time; what it was about to start comes again", "error", err)
	}
}
