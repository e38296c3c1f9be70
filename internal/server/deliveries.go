package server

import (
	"context"
	"path/filepath"

	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/receiver"
)

// logFile is the delivery log in a data directory.
const logFile = "deliveries.db"

// openLog opens the delivery log: tables of the store if replicas share it, else a file in the data directory.
func (s *Server) openLog(ctx context.Context) (err error) {
	if !s.has(RoleReceiver) && !s.has(RoleAdmin) {
		return nil
	}
	logger := calm(s.logger, []string{"deliveries cannot be recorded"})
	options := deliverylog.Options{
		Keep: s.options.DeliveryRetention.Std(), MaxBytes: int64(s.options.DeliveryMaxBytes),
		Redact: func(text string) string { return s.secrets.Redactor().Text(text) },
		Failed: func(err error, lost int) {
			logger.Error("deliveries cannot be recorded", "lost", lost, "error", err)
		},
	}
	if s.store.Shared() {
		s.log = deliverylog.OpenShared(s.store.Postgres(), options)
		return nil
	}
	s.log, err = deliverylog.OpenFile(ctx, filepath.Join(s.options.Data, logFile), options)
	return err
}

// stopLog writes what waits and closes the log.
func (s *Server) stopLog() {
	if s.log == nil {
		return
	}
	if err := s.log.Close(); err != nil {
		s.logger.Warn("the delivery log was not closed well", "error", err)
	}
}

// recordDelivery puts a delivery on record.
func (s *Server) recordDelivery(e receiver.Entry) {
	r := &deliverylog.Record{ID: e.ID, Flow: e.Flow, Version: e.Version, Node: e.Node, Outcome: string(e.Reason),
		Cause: e.Cause, Status: e.Status, Bytes: e.Bytes, Duration: e.Duration, Run: e.Run, Duplicate: e.Duplicate,
		Caller: e.Caller}
	if e.Client.IsValid() {
		r.Client = e.Client.String()
	}
	switch {
	case e.Verified:
		r.Signature = deliverylog.Valid
	case e.Reason == receiver.BadSignature:
		r.Signature = deliverylog.Invalid
	}
	for _, field := range e.Fields {
		r.Fields = append(r.Fields, deliverylog.Field(field))
	}
	if q := e.Request; q != nil {
		r.Request = &deliverylog.Request{Method: q.Method, Query: q.Query, Headers: q.Headers, Body: q.Body, Cut: q.Cut}
	}
	if e.Reason.Taken() {
		s.log.Add(r)
	} else {
		s.log.Sample(r)
	}
}

// showLog describes the delivery log for metrics.
func (s *Server) showLog() telemetry.DeliveryLog {
	ctx, cancel := context.WithTimeout(context.Background(), totalsTimeout)
	defer cancel()
	total, err := s.log.Total(ctx)
	if err != nil {
		s.logger.Warn("the delivery log cannot be counted", "error", err)
	}
	return telemetry.DeliveryLog{Records: total.Records, Bytes: total.Bytes, Lost: s.log.Lost()}
}
