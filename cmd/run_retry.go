package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

type runCancel struct {
	serverFlags `embed:""`
	ID          string `arg:"" optional:"" help:"Run ID, or the beginning of that of a recent run, or FLOW/RUN."`
	Flow        string `env:"-" placeholder:"KEY" help:"Ask all runs of this flow that go on, in place of one run. Disable the flow before, else new ones start."`
	printed     `embed:""`
}

func (c *runCancel) Run(ctx context.Context, s streams) error {
	if (c.ID == "") == (c.Flow == "") {
		return errors.New("write the ID of a run, or --flow KEY for all runs of a flow")
	}
	if c.Flow != "" {
		return c.all(ctx, s)
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

// all asks the runs of a flow to end, until none is left that was not asked.
func (c *runCancel) all(ctx context.Context, s streams) error {
	if !everhook.IsFlowKey(c.Flow) {
		return fmt.Errorf("--flow %q is not a flow key", c.Flow)
	}
	total := api.CancelledFlow{Flow: c.Flow}
	for asked := -1; asked != 0; total.Asked += asked {
		data, err := c.post(ctx, "/api/v1/flows/"+c.Flow+"/cancel", nil, struct{}{})
		if err != nil {
			return err
		}
		var some api.CancelledFlow
		if err := c.decode(data, &some); err != nil {
			return err
		}
		asked = some.Asked
	}
	if c.forPrograms() {
		return c.printValue(s.out, total)
	}
	_, err := fmt.Fprintf(s.out, "%d runs of flow %s are asked to end; `everhook run list --flow %s --status pending` "+
		"tells which go on\n", total.Asked, c.Flow, c.Flow)
	return err
}

type runRetry struct {
	namedRun `embed:""`
	Current  bool   `env:"-" help:"Run the version of the flow that is enabled now, with the settings of now. Default: the version that the run had, with its settings."`
	From     string `env:"-" placeholder:"NODE" help:"Go on at this node, with the values that the run had before it; the steps before it do not run again. Default: begin at the beginning."`
	printed  `embed:""`
}

func (c *runRetry) Run(ctx context.Context, s streams) error {
	path, query, err := c.find(ctx)
	if err != nil {
		return err
	}
	data, err := c.post(ctx, path+"/retry", query, api.RetryRequest{Current: c.Current, From: c.From})
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
