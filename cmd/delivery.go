package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/jobs"
)

// deliveryCommands show what is on record of deliveries.
type deliveryCommands struct {
	List   deliveryList   `cmd:"" help:"List deliveries, also those that were refused."`
	Show   deliveryShow   `cmd:"" help:"Show a delivery, with its request if it is on record."`
	Replay deliveryReplay `cmd:"" help:"Deliver again what was delivered: one delivery, or all that a filter selects."`
}

// pathDeliveries is the path of deliveries in the admin API.
const pathDeliveries = "/api/v1/deliveries"

// deliveryFilter selects deliveries.
type deliveryFilter struct {
	Flow    string `env:"-" placeholder:"KEY" help:"Only deliveries to this flow."`
	Outcome string `env:"-" placeholder:"OUTCOME" help:"Only deliveries with this outcome: taken, refused, or one of them such as unauthorized."`
	Text    string `env:"-" placeholder:"TEXT" help:"A value of trigger.index (7), one of a path (order.id=7), a run ID or a delivery ID; ord-* stands for all values that begin so."`
	After   string `env:"-" placeholder:"TIME" help:"Only deliveries that came then or later: a time, or how long ago it was, such as 90m or 7d."`
	Before  string `env:"-" placeholder:"TIME" help:"Only deliveries that came before."`
}

func (f deliveryFilter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"flow": f.Flow, "outcome": f.Outcome, "text": f.Text, "after": f.After,
		"before": f.Before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

type deliveryList struct {
	serverFlags    `embed:""`
	deliveryFilter `embed:""`
	Page           string `env:"-" placeholder:"PAGE" help:"The next page, as the page before names it."`
	printed        `embed:""`
}

func (c *deliveryList) Run(ctx context.Context, s streams) error {
	query := c.query()
	if c.Page != "" {
		query.Set("page", c.Page)
	}
	data, err := c.ask(ctx, pathDeliveries, query)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(list api.DeliveryList) error {
		return printDeliveries(s.out, list)
	})
}

func printDeliveries(w io.Writer, list api.DeliveryList) error {
	if len(list.Deliveries) == 0 {
		fmt.Fprintln(w, "There are none.")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DELIVERY\tRECEIVED\tFLOW\tOUTCOME\tSTATUS\tSIZE\tRUN\tWHY")
	for _, d := range list.Deliveries {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, everhook.FormatTime(d.ReceivedAt), d.Flow,
			outcomeOf(d), statusOf(d), everhook.Size(d.Bytes), d.Run, printable(everhook.Shorten(d.Cause, 80)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if list.Next != "" {
		fmt.Fprintf(w, "There are more: --page %s\n", list.Next)
	}
	return nil
}

// outcomeOf is the outcome with what else a reader of a list must know.
func outcomeOf(d api.Delivery) string {
	text := d.Outcome
	if d.Duplicate {
		text += ", duplicate"
	}
	if d.ReplayOf != "" {
		text += ", replay"
	}
	if d.Omitted > 0 {
		text += fmt.Sprintf(", and %d more", d.Omitted)
	}
	return text
}

func statusOf(d api.Delivery) string {
	if d.Status == 0 {
		return ""
	}
	return fmt.Sprint(d.Status)
}

type deliveryShow struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"ID of the delivery, from delivery list."`
	printed     `embed:""`
}

func (c *deliveryShow) Run(ctx context.Context, s streams) error {
	data, err := c.ask(ctx, pathDeliveries+"/"+url.PathEscape(c.ID), nil)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(d api.DeliveryDetail) error {
		return printDelivery(s.out, d)
	})
}

func printDelivery(w io.Writer, d api.DeliveryDetail) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	version := ""
	if d.Version > 0 {
		version = fmt.Sprintf(" v%d", d.Version)
	}
	for _, line := range [][2]string{{"delivery", d.ID}, {"received", everhook.FormatTime(d.ReceivedAt)},
		{"flow", d.Flow + version}, {"node", d.Node}, {"outcome", outcomeOf(d.Delivery)}, {"why", printable(d.Cause)},
		{"status", statusOf(d.Delivery)}, {"took", (time.Duration(d.Micros) * time.Microsecond).String()},
		{"run", string(d.Run)}, {"replay of", d.ReplayOf}, {"client", d.Client}, {"caller", printable(d.Caller)},
		{"signature", d.Signature}} {
		if line[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
		}
	}
	for _, field := range d.Fields {
		fmt.Fprintf(table, "%s\t%s\n", printable(field.Name), printable(field.Value))
	}
	if err := table.Flush(); err != nil || d.Request == nil {
		return err
	}
	q := d.Request
	target := q.Method
	if q.Query != "" {
		target += " ?" + printable(q.Query)
	}
	fmt.Fprintf(w, "\n%s\n", target)
	for _, name := range everhook.SortedKeys(q.Headers) {
		fmt.Fprintf(w, "%s: %s\n", printable(name), printable(q.Headers[name]))
	}
	switch {
	case len(q.Base64) > 0:
		fmt.Fprintf(w, "\n%d bytes that are no text; --output json has them in base64\n", len(q.Base64))
	case q.Body != "":
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(q.Body, "\n"))
	}
	if q.Cut {
		fmt.Fprintf(w, "\nThe body goes on: of %s, only the beginning is on record.\n", everhook.Size(d.Bytes))
	}
	return nil
}

type deliveryReplay struct {
	serverFlags    `embed:""`
	deliveryFilter `embed:""`
	ID             string `arg:"" optional:"" help:"ID of the delivery, from delivery list. Without it, the filter selects."`
	To             int    `env:"-" placeholder:"N" help:"Run this version of the flow. Default: the one that took the delivery."`
	Current        bool   `env:"-" help:"Run the version of the flow that is enabled now."`
	DryRun         bool   `env:"-" help:"Only list the deliveries that the filter selects, up to 200."`
	printed        `embed:""`
}

func (c *deliveryReplay) Help() string {
	return "A replay is a delivery of its own and starts a run of its own, whatever the condition and the dedupe key " +
		"of the flow are. The steps of the new run have the idempotency keys of the run before."
}

func (c *deliveryReplay) Run(ctx context.Context, s streams) error {
	wanted := api.ReplayRequest{Version: c.To, Current: c.Current}
	switch {
	case c.ID == "" && c.deliveryFilter == (deliveryFilter{}):
		return errors.New("write the ID of a delivery, or a filter such as --flow KEY --after 1h")
	case c.ID != "" && (c.deliveryFilter != (deliveryFilter{}) || c.DryRun):
		return errors.New("write the ID of a delivery or a filter, not both")
	case c.DryRun:
		query := c.query()
		query.Set("limit", "200")
		data, err := c.ask(ctx, pathDeliveries, query)
		if err != nil {
			return err
		}
		return show(&c.serverFlags, c.printed, s.out, data, func(list api.DeliveryList) error {
			return printDeliveries(s.out, list)
		})
	case c.ID == "":
		return c.all(ctx, s, wanted)
	}
	data, err := c.post(ctx, pathDeliveries+"/"+url.PathEscape(c.ID)+"/replay", nil, wanted)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(replayed api.Replayed) error {
		_, err := fmt.Fprintf(s.out, "run %s repeats delivery %s with version %d of flow %s\n%s%s\n", replayed.ID,
			replayed.ReplayOf, replayed.Version, printable(replayed.Flow), strings.TrimRight(c.Server, "/"),
			replayed.URL)
		return err
	})
}

// all replays what the filter selects, and waits for the end of the job.
func (c *deliveryReplay) all(ctx context.Context, s streams, wanted api.ReplayRequest) error {
	data, err := c.post(ctx, pathDeliveries+"/replay", nil, api.ReplayJobRequest{DeliveryFilter: api.DeliveryFilter{
		Flow: c.Flow, Outcome: c.Outcome, Text: c.Text, After: c.After, Before: c.Before}, Replay: wanted})
	if err != nil {
		return err
	}
	var job jobs.Job
	if err := c.decode(data, &job); err != nil {
		return err
	}
	follow := runJob{serverFlags: c.serverFlags, ID: job.ID, Wait: true, printed: c.printed}
	return follow.Run(ctx, s)
}
