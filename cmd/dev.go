package cmd

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes/kind"
)

type devCommand struct {
	Dir string `arg:"" optional:"" default:"." help:"Directory of flow files; those below it count too. Default: here."`
	processFlags
}

func (c *devCommand) Run(ctx context.Context, s streams, registry *kind.Registry) error {
	logger := c.NewLogger(s.err)
	if err := flowdir.Check(c.Dir); err != nil {
		return err
	}
	if c.Listen == "" { // by default only this machine can call
		c.Listen = "127.0.0.1:13000"
	}
	listener := &flowPrinter{out: s.out}
	var dir *flowdir.Dir
	running, err := server.Start(ctx, &c.Options, server.Surroundings{
		Registry: registry, Logger: logger, Environ: os.Environ(), SelfCalls: true, MayOpen: true, Version: Version,
		DotEnv: filepath.Join(c.Dir, ".env"),
		Prepare: func(ctx context.Context, starting *server.Server) (err error) {
			listener.server = starting
			if dir, err = flowdir.New(c.Dir, registry, starting.Catalog(), listener); err != nil {
				return err
			}
			starting.ShowFiles(dir.Broken)
			return dir.Sync(ctx)
		},
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	link, err := firstLink(ctx, running)
	if err != nil {
		return err
	}
	listener.banner(c.Dir, link)
	following, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { running.Catalog().Follow(following) })
	background.Go(func() {
		if err := dir.Watch(following,
			func(err error) { logger.Error("the directory of flows", "error", err) }); err != nil {
			logger.Error("the directory of flows is not watched; restart to apply changes", "error", err)
		}
	})
	err = running.Wait(ctx)
	listener.printf("\nStopping. Calls that wait are answered first; Ctrl-C stops at once.\n")
	cancel()
	background.Wait()
	return err
}
