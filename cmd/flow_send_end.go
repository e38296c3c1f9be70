package cmd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// pollEvery is the time between two polls of a run.
const pollEvery = time.Second

// waitForEnd polls the admin API until the run has ended. It is used for async flows, whose answer says nothing about
// the run.
func (c *flowSend) waitForEnd(ctx context.Context, flow string, id everhook.RunID) (*everhook.Outcome, error) {
	query := url.Values{"flow": {flow}}
	for {
		data, err := c.ask(ctx, pathRuns+"/"+string(id), query)
		if err != nil {
			return nil, fmt.Errorf("the run %s goes on, and its end cannot be asked for: %w", id, err)
		}
		var run api.RunDetail
		if err := c.decode(data, &run); err != nil {
			return nil, err
		}
		if run.Ended != nil {
			if run.Outcome == nil {
				return &everhook.Outcome{Status: run.Status}, nil
			}
			return run.Outcome, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the run %s goes on: %w", id, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// printEnd prints the outcome of a run as text.
func printEnd(w io.Writer, outcome *everhook.Outcome) error {
	text := fmt.Sprintf("\nThe run ended %s\n", outcome.Status)
	if outcome.Error != nil {
		text += fmt.Sprintf("Error   %s\n", printable(outcome.Error.Error()))
	}
	if outcome.Output != nil {
		text += fmt.Sprintf("Output  %s\n", shownJSON(outcome.Output.V))
	}
	_, err := io.WriteString(w, text)
	return err
}
