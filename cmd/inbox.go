package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// inboxCommands show the deliveries whose runs are not started yet.
type inboxCommands struct {
	List  inboxList  `cmd:"" help:"List deliveries that wait to be started, or with --dead those that cannot be started."`
	Show  inboxShow  `cmd:"" help:"Show a delivery that waits, or a dead letter."`
	Retry inboxRetry `cmd:"" help:"Start a dead letter again."`
	Drop  inboxDrop  `cmd:"" help:"Delete a dead letter: its run is never started."`
}

// pathInbox is the path of the inbox in the admin API.
const pathInbox = "/api/v1/inbox"

type inboxList struct {
	serverFlags
	Flow string `placeholder:"KEY" help:"Only deliveries to this flow."`
	Dead bool   `help:"The dead letters: deliveries that cannot be started."`
	Page string `placeholder:"PAGE" help:"The next page, as the page before names it."`
	printed
}

func (c *inboxList) Run(ctx context.Context, s streams) error {
	query := url.Values{}
	if c.Flow != "" {
		query.Set("flow", c.Flow)
	}
	if c.Dead {
		query.Set("dead", "true")
	}
	if c.Page != "" {
		query.Set("page", c.Page)
	}
	data, err := c.ask(ctx, pathInbox, query)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(list api.WaitingDeliveries) error {
		return printInbox(s, list)
	})
}

func printInbox(s streams, list api.WaitingDeliveries) error {
	if len(list.Deliveries) == 0 {
		fmt.Fprintln(s.out, "There are none.")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tFLOW\tVERSION\tRUN\tRECEIVED\tSIZE\tREASON")
	for _, d := range list.Deliveries {
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\t%s\t%s\t%s\n", d.ID, d.Flow, d.Version, d.Run,
			everhook.FormatTime(d.ReceivedAt), everhook.Size(d.Bytes), printable(d.Reason))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if list.Next != "" {
		fmt.Fprintf(s.out, "There are more: --page %s\n", list.Next)
	}
	return nil
}

type inboxShow struct {
	serverFlags
	ID      int64 `arg:"" help:"ID of the delivery, from inbox list."`
	printed `embed:""`
}

func (c *inboxShow) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, pathInbox+"/"+strconv.FormatInt(c.ID, 10), nil)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(d api.WaitingDelivery) error {
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "ID\t%d\nFlow\t%s\nVersion\t%d\nRun\t%s\nReceived\t%s\nSize\t%s\n", d.ID, d.Flow, d.Version,
			d.Run, everhook.FormatTime(d.ReceivedAt), everhook.Size(d.Bytes))
		if d.DeadAt != nil {
			fmt.Fprintf(table, "Dead since\t%s\nReason\t%s\n", everhook.FormatTime(*d.DeadAt), printable(d.Reason))
		}
		return table.Flush()
	})
}

type inboxRetry struct {
	serverFlags
	ID int64 `arg:"" help:"ID of the dead letter, from inbox list --dead."`
}

func (c *inboxRetry) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, http.MethodPost, strconv.FormatInt(c.ID, 10)+"/retry", "waits to be started as run")
}

type inboxDrop struct {
	serverFlags
	ID int64 `arg:"" help:"ID of the dead letter, from inbox list --dead."`
}

func (c *inboxDrop) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, http.MethodDelete, strconv.FormatInt(c.ID, 10), "is deleted; it would have been run")
}

// change changes a dead letter.
func (f *serverFlags) change(ctx context.Context, s streams, method, path, done string) error {
	data, err := f.send(ctx, method, pathInbox+"/"+path, nil, nil)
	if err != nil {
		return err
	}
	var d api.WaitingDelivery
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The delivery %d to %s %s %s.\n", d.ID, d.Flow, done, d.Run)
	return nil
}
