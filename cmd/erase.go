package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook/internal/api"
)

type eraseCommand struct {
	Match  string `required:"" placeholder:"PATH=VALUE" help:"Where the value is in the body of the delivery, or in the whole of it, and the value: order.customer=c-42, query.user=ann."`
	DryRun bool   `help:"Only print the runs that match."`
	serverFlags
}

func (c *eraseCommand) Help() string {
	return "Finds the runs of a person by a value of the deliveries that started them, and deletes those that have " +
		"ended with all their values, with the runs that they called, and with the records of their deliveries. " +
		"Then it deletes the records of other deliveries with the value. Counters stay. It reads every run of the " +
		"server. Large values are deleted by the next sweeps. The exit status is 1 if runs match that go on, or if " +
		"runs could not be read."
}

// deliveries deletes what is on record of deliveries with the value.
func (c *eraseCommand) deliveries(ctx context.Context, s streams, path, value, verb string) error {
	found := 0
	for page, first := "", true; first || page != ""; first = false {
		data, err := c.post(ctx, pathDeliveries+"/erase", nil, api.EraseRequest{Path: path, Value: value, Dry: c.DryRun,
			Page: page})
		if err != nil {
			return err
		}
		var erased api.ErasedDeliveries
		if err := c.decode(data, &erased); err != nil {
			return err
		}
		found, page = found+len(erased.Deliveries), erased.Next
	}
	_, err := fmt.Fprintf(s.out, "%d more deliveries on record %s.\n", found, verb)
	return err
}

func (c *eraseCommand) Run(ctx context.Context, s streams) error {
	path, value, ok := strings.Cut(c.Match, "=")
	if !ok || path == "" || value == "" {
		return errors.New("--match is PATH=VALUE; write for example --match order.customer=c-42")
	}
	var total api.ErasedRuns
	ended, open := 0, 0
	for page, first := "", true; first || page != ""; first = false {
		data, err := c.post(ctx, "/api/v1/runs/erase", nil, api.EraseRequest{Path: path, Value: value, Dry: c.DryRun,
			Page: page})
		if err != nil {
			return err
		}
		var found api.ErasedRuns
		if err := c.decode(data, &found); err != nil {
			return err
		}
		for _, run := range found.Runs {
			word := "deleted"
			switch {
			case !run.Status.Ended():
				word, open = "goes on", open+1
			case c.DryRun:
				word, ended = "would be deleted", ended+1
			default:
				ended++
			}
			fmt.Fprintf(s.out, "%s/%s  %s, %s\n", run.Flow, run.ID, run.Status, word)
		}
		total.Examined, total.Unreadable = total.Examined+found.Examined, total.Unreadable+found.Unreadable
		page = found.Next
	}
	verb := "deleted"
	if c.DryRun {
		verb = "would be deleted"
	}
	fmt.Fprintf(s.out, "%d of %d runs %s.\n", ended, total.Examined, verb)
	if err := c.deliveries(ctx, s, path, value, verb); err != nil {
		return err
	}
	switch {
	case open > 0:
		return fmt.Errorf("%d runs match and go on; cancel them with `everhook run cancel ID`, and erase again", open)
	case total.Unreadable > 0:
		return fmt.Errorf("%d runs could not be read, so they may match; the log of the server says more",
			total.Unreadable)
	}
	return nil
}
