// Package cmd is the command line of Everhook. A module with kinds of its own makes a binary of three lines around
// Main.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/everhook/everhook/nodes/kind"
)

// Main runs the command line with the arguments of the process and returns its exit status. Flows can use the kinds of
// the registry.
func Main(registry *kind.Registry) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	return run(ctx, registry, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the command line. Each command is a struct with its flags and a method Run.
type commands struct {
	Dev      devCommand       `cmd:"" help:"Run everything in one process, with the flows of a directory, and watch them."`
	Serve    serveCommand     `cmd:"" help:"Run everything in one process, or parts of it."`
	Flow     flowCommands     `cmd:"" help:"Write, check and call flows."`
	Run      runCommands      `cmd:"" help:"List, show, cancel and retry the runs of a server."`
	Token    tokenCommands    `cmd:"" help:"List, make and revoke the tokens of a server."`
	Person   personCommands   `cmd:"" help:"List, invite and change the people of a server."`
	Inbox    inboxCommands    `cmd:"" help:"List deliveries that wait to be started; retry or drop those that cannot be."`
	Delivery deliveryCommands `cmd:"" help:"Show deliveries on record, and replay them."`
	Erase    eraseCommand     `cmd:"" help:"Delete the runs of a person: those that were started with a value."`
	Secret   secretCommands   `cmd:"" help:"Secrets in the store, encrypted."`
	Backup   backupCommand    `cmd:"" help:"Copy the data of a running server."`
	Store    storeCommands    `cmd:"" help:"Move the store."`
	Audit    auditCommand     `cmd:"" help:"Read who changed what on a server."`
	Health   healthCommand    `cmd:"" help:"Ask a server on this machine whether it is ready; exit status 1 if not."`
	Version  versionCommand   `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
}

// onlySettingsFromVariables removes the variables of flags that belong to one call of a command, such as --output: a
// variable must not change every later command.
func onlySettingsFromVariables(k *kong.Kong) error {
	settings := map[string]bool{"server": true, "admin-token": true, "secrets-dir": true, "config": true,
		"data": true, "store": true, "payload-dir": true, "secrets-key": true, "secrets-key-file": true}
	for _, command := range k.Model.Leaves(false) {
		if slices.Contains([]string{"dev", "serve", "health"}, command.Name) {
			continue
		}
		for _, flag := range command.Flags {
			if !settings[flag.Name] {
				flag.Envs, flag.Tag.Envs = nil, nil
			}
		}
	}
	return nil
}

// reported is the error of a command that has already printed its message.
type reported struct{}

func (reported) Error() string { return "see above" }

func run(ctx context.Context, registry *kind.Registry, args []string, s streams) (status int) {
	s.out, s.err = terminal{s.out}, terminal{s.err}
	var c commands
	// exit is the panic value that replaces Kong's exit of the process after help, so that Main can return.
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
		kong.Description("Everhook receives webhooks and runs durable flows on Temporal.\n\nTry it: everhook dev "+
			"./examples"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.DefaultEnvars("EVERHOOK"),
		kong.PostBuild(onlySettingsFromVariables),
		kong.Vars{"version": versionText()},
		kong.Configuration(readConfig),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(registry, s),
	)
	if err != nil {
		fmt.Fprintln(s.err, "everhook:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "everhook: %v\nSee `%s --help`.\n", err, commandOf(err))
		return statusUsage
	}
	switch err := parsed.Run(); {
	case err == nil:
		return 0
	case ctx.Err() != nil: // the message of an interrupted command says nothing
		return statusInterrupted
	case !errors.Is(err, reported{}):
		fmt.Fprintln(s.err, "everhook:", err)
	}
	return 1
}

// Exit statuses besides 0 and 1, as shells use them.
const (
	statusUsage       = 2
	statusInterrupted = 130
)

// commandOf names the command with the wrong arguments.
func commandOf(err error) string {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context.Selected() != nil {
		return wrong.Context.Selected().FullPath()
	}
	return "everhook"
}
