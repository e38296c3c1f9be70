package cmd

import (
	"context"
	"fmt"
	"net/http"
)

type runDelete struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"ID of the run."`
}

func (c *runDelete) Help() string {
	return "Its steps, values and answer are gone, and a duplicate of its delivery would start a new run. Counters " +
		"stay."
}

func (c *runDelete) Run(ctx context.Context, s streams) error {
	if _, err := c.send(ctx, http.MethodDelete, pathRuns+"/"+c.ID, nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s is deleted.\n", c.ID)
	return err
}
