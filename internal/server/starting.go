package server

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/receiver"
)

// starting is a starter as the receiver needs it.
type starting struct{ *runs.Starter }

var _ receiver.Starter = starting{}

// Prepare makes a run that can be started.
func (s starting) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	prepared, err := s.Starter.Prepare(version, d)
	if err != nil {
		return nil, err
	}
	return prepared, nil
}

// PrepareCall makes a call that can be brought to its run.
func (s starting) PrepareCall(flow string, run everhook.RunID,
	call everhook.ResumeCall) (receiver.PreparedCall, error) {
	prepared, err := s.Starter.PrepareCall(flow, run, call)
	if err != nil {
		return nil, err
	}
	return prepared, nil
}
