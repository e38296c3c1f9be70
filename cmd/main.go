// Package cmd is the command line of Everhook. Whoever adds node kinds makes a binary of three lines around Main.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/everhook/everhook/nodes"
)

// Main runs the command line with the arguments of the process and gives its exit status. Flows can use the kinds of the registry.
func Main(registry *nodes.Registry) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, registry, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the whole command line; each command is a struct with its flags and a method Run.
type commands struct {
	Dev     devCommand     `cmd:"" help:"Run everything in one process, with the flows of a directory, and watch them."`
	Serve   serveCommand   `cmd:"" help:"Run everything in one process, or parts of it."`
	Flow    flowCommands   `cmd:"" help:"Write, check and call flows."`
	Run     runCommands    `cmd:"" help:"Look at runs of a server."`
	Health  healthCommand  `cmd:"" help:"Ask a server on this machine whether it is ready; exit status 1 if not."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// reported is the error of a command that has told what is wrong already.
type reported struct{}

func (reported) Error() string { return "see above" }

func run(ctx context.Context, registry *nodes.Registry, args []string, s streams) (status int) {
	var c commands
	// Kong ends the process after printing help; here that is a value of its own, so that Main can return.
	type exit int
	defer func() {
		if r := recover(); r != nil {
			code, ok := r.(exit)
			if !ok {
				panic(r)
			}
			status = int(code)
		}
	}()
	parser, err := kong.New(&c,
		kong.Name("everhook"),
		kong.Description("Everhook receives webhooks and runs durable flows on Temporal.\n\nTry it: everhook dev ./examples"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.DefaultEnvars("EVERHOOK"),
		kong.Configuration(readConfig),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(registry, s),
	)
	if err != nil {
		fmt.Fprintln(s.err, "everhook:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "everhook: %v\nSee `everhook --help`.\n", err)
		return 2
	}
	if err := parsed.Run(); err != nil {
		if !errors.Is(err, reported{}) {
			fmt.Fprintln(s.err, "everhook:", err)
		}
		return 1
	}
	return 0
}
