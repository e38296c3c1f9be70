package cmd

import (
	"context"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

type serveCommand struct {
	processFlags
}

// processFlags are the flags of dev and serve.
type processFlags struct {
	Config kong.ConfigFlag `placeholder:"FILE" env:"EVERHOOK_CONFIG" help:"YAML file with these flags."`
	server.Options
}

func (c *serveCommand) Run(ctx context.Context, s streams, registry *nodes.Registry) error {
	logger := c.NewLogger(s.err)
	running, err := server.Start(ctx, &c.Options, server.Surroundings{Registry: registry, Logger: logger, Environ: os.Environ(), Version: Version})
	if err != nil {
		return err
	}
	defer running.Stop()
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	go running.Catalog().Follow(following)
	fmt.Fprintf(s.out, "Everhook %s\n  webhooks  %s\n  admin     %s\n", Version, running.BaseURL(), running.AdminURL())
	logger.Info("started", "webhooks", running.BaseURL(), "admin", running.AdminURL(), "flows", len(running.Catalog().Flows()))
	return running.Wait(ctx)
}
