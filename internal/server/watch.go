package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/receiver"
)

// watch is the telemetry of a process. It starts before the parts that it observes and ends after them.
type watch struct {
	*telemetry.Telemetry
	// listener and server serve the address of --metrics.
	listener net.Listener
	server   *http.Server
	// skips counts the deliveries to each flow that started no run.
	skips sync.Map
}

// observe counts a call.
func (w *watch) observe(r receiver.Record) {
	w.Observe(r)
	if r.Reason == receiver.Skipped && r.Flow != "" {
		count, _ := w.skips.LoadOrStore(r.Flow, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
	}
}

// skipped is how many deliveries to a flow started no run since this process began.
func (w *watch) skipped(flow string) int64 {
	if count, ok := w.skips.Load(flow); ok {
		return count.(*atomic.Int64).Load()
	}
	return 0
}

// flushTimeout bounds how long a stop waits for the export of the last spans.
const flushTimeout = 5 * time.Second

// startWatch starts to count the flows, and serves the address of --metrics.
func (s *Server) startWatch() error {
	if s.watch.listener != nil {
		s.watch.server = admin.Server(admin.NewMetrics(admin.Options{
			Metrics: s.watch.Handler(), Ready: s.ready, Access: s.access,
			Local: isLoopback(s.options.Metrics), TrustedProxies: s.trustedProxies(), Logger: s.logger,
		}))
		go func() { s.failed <- s.watch.server.Serve(s.watch.listener) }()
	}
	return s.watch.WatchFlows(s.countFlows)
}

// MetricsURL returns the URL of the metrics of --metrics for this machine; empty without that address.
func (s *Server) MetricsURL() string {
	if s.watch.listener == nil {
		return ""
	}
	return localURL(s.watch.listener) + admin.MetricsPath
}

// countFlows counts the flows by state, for metrics.
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

// stopWatch exports the remaining telemetry of the stopped parts.
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
