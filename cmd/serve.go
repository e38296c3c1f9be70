package cmd

import (
	"context"
	"fmt"
	"os"

	"github.com/everhook/everhook/nodes"
)

type serveCommand struct {
	serverOptions
}

func (c *serveCommand) Run(ctx context.Context, s streams, registry *nodes.Registry) error {
	logger := c.logger(s.err)
	server, err := startServer(ctx, registry, &c.serverOptions, logger, os.Environ(), false)
	if err != nil {
		return err
	}
	defer server.stop()
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	go server.catalog.Follow(following)
	fmt.Fprintf(s.out, "Everhook %s\n  webhooks  %s\n  admin     %s\n", Version, server.baseURL(), server.adminURL())
	logger.Info("started", "webhooks", server.baseURL(), "admin", server.adminURL(), "flows", len(server.catalog.Flows()))
	return server.wait(ctx)
}
