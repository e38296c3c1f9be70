package server

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/telemetry"
)

// watch is what operators see of a process. It is there before all that it watches, and ends after it.
type watch struct {
	*telemetry.Telemetry
	// listener and server are those of --metrics.
	listener net.Listener
	server   *http.Server
}

// flushTimeout bounds what a stop waits for the last spans to be exported.
const flushTimeout = 5 * time.Second

// startWatch counts the flows, and serves the address of --metrics.
func (s *Server) startWatch() error {
	if s.watch.listener != nil {
		s.watch.server = admin.Server(admin.NewMetrics(admin.Options{
			Metrics: s.watch.Handler(), Ready: s.ready, Token: s.options.AdminToken,
			Loopback: isLoopback(s.options.Metrics), Logger: s.logger,
		}))
		go func() { s.failed <- s.watch.server.Serve(s.watch.listener) }()
	}
	return s.watch.WatchFlows(s.countFlows)
}

// MetricsURL is where this machine finds the metrics of --metrics; empty without that address.
func (s *Server) MetricsURL() string {
	if s.watch.listener == nil {
		return ""
	}
	return localURL(s.watch.listener) + admin.MetricsPath
}

// countFlows counts flows as metrics show them.
func (s *Server) countFlows() telemetry.Flows {
	var count telemetry.Flows
	for _, flow := range s.catalog.Flows() {
		switch {
		case flow.Served:
			count.Served++
		case flow.Version > 0:
			count.Broken++
		default:
			count.Disabled++
		}
	}
	return count
}

// stopWatch exports what the other parts left when they stopped.
func (s *Server) stopWatch() {
	if s.watch.server != nil {
		_ = s.watch.server.Close()
	}
	if s.watch.Telemetry == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := s.watch.Shutdown(ctx); err != nil {
		s.logger.Warn("not every span was exported", "error", err)
	}
}
