package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/jobs"
)

type runCancel struct {
	serverFlags `embed:""`
	ID          string `arg:"" optional:"" help:"Run ID, or the beginning of that of a recent run, or FLOW/RUN."`
	bulkFlags   `embed:""`
	printed     `embed:""`
}

func (c *runCancel) Help() string {
	return "The runs of a filter are those that go on when the command starts. Disable a flow before, else new ones " +
		"start."
}

func (c *runCancel) Run(ctx context.Context, s streams) error {
	many, err := c.oneOrMany(c.ID)
	if err != nil {
		return err
	}
	if many {
		return c.runMany(ctx, &c.serverFlags, s, c.printed, jobs.Cancel, api.RetryRequest{})
	}
	named := namedRun{c.serverFlags, c.ID}
	path, query, err := named.find(ctx)
	if err != nil {
		return err
	}
	data, err := c.post(ctx, path+"/cancel", query, struct{}{})
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(cancelled api.Cancelled) error {
		_, err := fmt.Fprintf(s.out, "run %s of flow %s is asked to end; `everhook run show %s` tells when it has\n",
			cancelled.ID, printable(cancelled.Flow), cancelled.ID)
		return err
	})
}

type runRetry struct {
	serverFlags `embed:""`
	ID          string `arg:"" optional:"" help:"Run ID, or the beginning of that of a recent run, or FLOW/RUN."`
	bulkFlags   `embed:""`
	Current     bool   `env:"-" help:"Run the version of the flow that is enabled now, with the settings of now. Default: the version that the run had, with its settings."`
	From        string `env:"-" placeholder:"NODE" help:"Go on at this node, with the values that the run had before it; the steps before it do not run again. Default: begin at the beginning."`
	printed     `embed:""`
}

func (c *runRetry) Help() string {
	return "The runs of a filter are those that have ended otherwise than resolved, unless --status names others."
}

func (c *runRetry) Run(ctx context.Context, s streams) error {
	many, err := c.oneOrMany(c.ID)
	if err != nil {
		return err
	}
	wanted := api.RetryRequest{Current: c.Current, From: c.From}
	if many {
		return c.runMany(ctx, &c.serverFlags, s, c.printed, jobs.Retry, wanted)
	}
	named := namedRun{c.serverFlags, c.ID}
	path, query, err := named.find(ctx)
	if err != nil {
		return err
	}
	data, err := c.post(ctx, path+"/retry", query, wanted)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(retried api.Retried) error { return c.tell(s, retried) })
}

func (c *runRetry) tell(s streams, retried api.Retried) error {
	where := "from the beginning"
	if retried.From != "" {
		where = "from " + retried.From
	}
	text := fmt.Sprintf("run %s repeats %s with version %d of flow %s, %s\n", retried.ID, retried.RetryOf,
		retried.Version, printable(retried.Flow), where)
	if retried.From != c.From {
		text += fmt.Sprintf("%s stands inside %s, which begins anew: a run cannot be continued inside it\n", c.From,
			retried.From)
	}
	if retried.Note != "" {
		text += "note: " + printable(retried.Note) + "\n"
	}
	_, err := fmt.Fprintf(s.out, "%s%s%s\n", text, strings.TrimRight(c.Server, "/"), retried.URL)
	return err
}
