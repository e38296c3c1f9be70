package cmd

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

type serveCommand struct {
	Dir string `arg:"" optional:"" env:"EVERHOOK_FLOWS" help:"Directory of flow files to apply at the start."`
	processFlags
	Role []string `enum:"receiver,worker,admin" default:"receiver,worker,admin" placeholder:"ROLE" help:"Parts to run: receiver, worker, admin. Fewer than all need --temporal-address. Default: all."`
}

// processFlags are the flags of dev and serve.
type processFlags struct {
	Config kong.ConfigFlag `placeholder:"FILE" env:"EVERHOOK_CONFIG" help:"YAML file with these flags."`
	server.Options
}

func (c *serveCommand) Run(ctx context.Context, s streams, registry *nodes.Registry) error {
	logger := c.NewLogger(s.err)
	running, err := server.Start(ctx, &c.Options, server.Surroundings{
		Registry: registry, Logger: logger, Environ: os.Environ(), Version: Version, Roles: c.Role,
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	if c.Dir != "" {
		if err := c.apply(ctx, s, registry, running); err != nil {
			return err
		}
	}
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	go running.Catalog().Follow(following)
	logger.Info("started", "roles", c.Role, "webhooks", running.BaseURL(), "admin", running.AdminURL(), "flows", len(running.Catalog().Flows()))
	return running.Wait(ctx)
}

// apply makes the flows of the directory the enabled ones, once.
func (c *serveCommand) apply(ctx context.Context, s streams, registry *nodes.Registry, running *server.Server) error {
	dir, err := flowdir.New(c.Dir, registry, running.Catalog(), &flowPrinter{out: s.err, server: running, changes: true})
	if err != nil {
		return err
	}
	return dir.Sync(ctx)
}
