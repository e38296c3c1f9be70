package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes/kind"
)

type serveCommand struct {
	Dir string `arg:"" optional:"" env:"EVERHOOK_FLOWS" help:"Directory of flow files to apply at the start."`
	processFlags
	Role []string `enum:"receiver,worker,admin" default:"receiver,worker,admin" placeholder:"ROLE" help:"Parts to run: receiver, worker, admin. Fewer than all need --temporal-address. Default: all."`
}

// processFlags are the flags of dev and serve.
type processFlags struct {
	configFlag
	server.Options
}

func (c *serveCommand) Run(ctx context.Context, s streams, registry *kind.Registry) error {
	logger := c.NewLogger(s.err)
	if c.Dir != "" {
		if c.Store != "" {
			return errors.New("a directory of flows cannot be served from a PostgreSQL store: a process with old " +
				"files would apply them again for all; leave the directory out, and deploy with `everhook flow apply`")
		}
		if err := flowdir.Check(c.Dir); err != nil {
			return err
		}
	}
	running, err := server.Start(ctx, &c.Options, server.Surroundings{
		Registry: registry, Logger: logger, Environ: os.Environ(), Version: Version, Roles: c.Role,
		Prepare: func(ctx context.Context, starting *server.Server) error {
			return c.apply(ctx, logger, registry, starting)
		},
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	go running.Catalog().Follow(following)
	logFlows(logger, running)
	link, err := firstLink(ctx, running)
	if err != nil {
		return err
	}
	if link != "" {
		// Not a line of the log: it would let every reader of a log become admin.
		fmt.Fprintf(s.err, "No one can sign in yet. Open this link within 15 minutes to become the admin; it works "+
			"once:\n%s\n", link)
	}
	logger.Info("started", "roles", c.Role, "webhooks", running.BaseURL(), "admin", running.AdminURL(), "flows",
		len(running.Catalog().Flows()))
	return running.Wait(ctx)
}

// firstLink returns the link by which the first person of a server becomes its admin; empty if there is another way in.
func firstLink(ctx context.Context, running *server.Server) (string, error) {
	link, _, err := running.FirstLink(ctx)
	return link, err
}

// logFlows logs the URL of each enabled flow, or why it is not served.
func logFlows(logger *slog.Logger, running *server.Server) {
	for _, flow := range running.Catalog().Flows() {
		switch url := running.HookURL(flow.Token); {
		case flow.Version == 0:
		case !flow.Served:
			logger.Warn("flow is not served", "flow", flow.Key, "reason", flow.Note)
		case url != "":
			logger.Info("flow is served", "flow", flow.Key, "version", flow.Version, "url", url)
		default:
			logger.Info("flow is served", "flow", flow.Key, "version", flow.Version, "trigger", flow.Trigger)
		}
	}
}

// apply applies and enables the flows of the directory, if there is one.
func (c *serveCommand) apply(ctx context.Context, logger *slog.Logger, registry *kind.Registry,
	starting *server.Server) error {
	if c.Dir == "" {
		return nil
	}
	dir, err := flowdir.New(c.Dir, registry, starting.Catalog(), flowLogger{logger})
	if err != nil {
		return err
	}
	starting.ShowFiles(dir.Broken)
	return dir.Sync(ctx)
}

// flowLogger logs what happens to flow files.
type flowLogger struct{ *slog.Logger }

var _ flowdir.Listener = flowLogger{}

func (l flowLogger) Applied(file string, version everhook.Version, problems flowfile.Problems) {
	l.Info("flow is enabled", "file", file, "flow", version.Definition.Key, "version", version.Number)
	for _, problem := range problems {
		l.Warn("flow file has a warning", "file", file, "problem", problem.String())
	}
}

func (l flowLogger) Refused(file string, problems flowfile.Problems) {
	for _, problem := range problems.Errors() {
		l.Error("flow file is not applied; the version that was enabled before stays", "file", file, "problem",
			problem.String())
	}
}

func (l flowLogger) Removed(file, key string) {
	l.Info("flow is disabled: its file is gone or has another key", "file", file, "flow", key)
}

func (l flowLogger) Ignored(files []string) {
	l.Info("files are not flows: they have no key and trigger", "files", files)
}
