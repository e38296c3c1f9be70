package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/receiver"
)

type devCommand struct {
	Dir string `arg:"" optional:"" default:"." help:"Directory of flow files; those below it count too. Default: here."`
	processFlags
}

func (c *devCommand) Run(ctx context.Context, s streams, registry *nodes.Registry) error {
	logger := c.NewLogger(s.err)
	variables, err := secrets.ReadDotEnv(filepath.Join(c.Dir, ".env"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Dir); err != nil {
		return fmt.Errorf("the directory of flows: %w", err)
	}
	running, err := server.Start(ctx, &c.Options, server.Surroundings{
		Registry: registry, Logger: logger, Environ: append(variables, os.Environ()...), SelfCalls: true, Version: Version,
	})
	if err != nil {
		return err
	}
	defer running.Stop()
	listener := &flowPrinter{out: s.out, server: running}
	dir, err := flowdir.New(c.Dir, registry, running.Catalog(), listener)
	if err != nil {
		return err
	}
	if err := dir.Sync(ctx); err != nil {
		return err
	}
	listener.banner(c.Dir)
	following, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { running.Catalog().Follow(following) })
	background.Go(func() {
		if err := dir.Watch(following, func(err error) { logger.Error("the directory of flows", "error", err) }); err != nil {
			logger.Error("the directory of flows is not watched; restart to apply changes", "error", err)
		}
	})
	err = running.Wait(ctx)
	cancel()
	background.Wait()
	return err
}

// flowPrinter tells people what happens to flow files.
type flowPrinter struct {
	out    io.Writer
	server *server.Server
	// changes is set when each applied file is told; before, the banner tells them together.
	changes bool
	mutex   sync.Mutex
}

func (l *flowPrinter) printf(format string, args ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	fmt.Fprintf(l.out, format, args...)
}

func (l *flowPrinter) Applied(file string, version everhook.Version, problems flowfile.Problems) {
	for _, problem := range problems {
		l.printf("%s\n", problem)
	}
	if l.changes {
		l.printf("%s applied: %s v%d is enabled%s\n", file, version.Definition.Key, version.Number, l.notServed(version.Definition.Key))
	}
}

func (l *flowPrinter) notServed(key string) string {
	if flow, ok := l.flow(key); ok && !flow.Served {
		return ", but not served: " + flow.Note
	}
	return ""
}

func (l *flowPrinter) flow(key string) (catalog.Flow, bool) {
	flows := l.server.Catalog().Flows()
	i := slices.IndexFunc(flows, func(f catalog.Flow) bool { return f.Key == key })
	if i < 0 {
		return catalog.Flow{}, false
	}
	return flows[i], true
}

func (l *flowPrinter) Refused(file string, problems flowfile.Problems) {
	for _, problem := range problems {
		l.printf("%s\n", problem)
	}
	l.printf("%s is not applied; what was enabled before stays.\n", file)
}

func (l *flowPrinter) Removed(file, key string) {
	l.printf("%s is gone or has another key: flow %s is disabled.\n", file, key)
}

func (l *flowPrinter) Ignored(files []string) {
	l.printf("No flows (no key and trigger at the top level): %s\n", strings.Join(files, ", "))
}

// banner tells where everything is, and how to try it.
func (l *flowPrinter) banner(dir string) {
	var text strings.Builder
	fmt.Fprintf(&text, "\nEverhook %s\n\nFlows\n", Version)
	served := 0
	var example string
	for _, flow := range l.server.Catalog().Flows() {
		if flow.Version == 0 {
			continue
		}
		fmt.Fprintf(&text, "  %s (%s)\n    %s\n", flow.Title, flow.Mode, l.server.HookURL(flow.Token))
		if !flow.Served {
			fmt.Fprintf(&text, "    not served: %s\n", flow.Note)
			continue
		}
		served++
		if example == "" {
			example = l.curl(flow)
		}
	}
	if served == 0 {
		fmt.Fprintf(&text, "  none yet: `everhook flow new my-flow -o %s` writes one\n", filepath.Join(dir, "my-flow.yaml"))
	}
	fmt.Fprintf(&text, "\nPages        %s/\nTemporal UI  %s\n", l.server.AdminURL(), l.server.TemporalUI())
	if example != "" {
		fmt.Fprintf(&text, "\nTry it\n  %s\n", example)
	}
	fmt.Fprintf(&text, "\nWatching %s; Ctrl-C stops.\n\n", dir)
	l.printf("%s", text.String())
	l.changes = true
}

// sampleFile is the name of a file beside a flow with the body of a sample call.
const sampleFile = "request.json"

// curl gives a line that calls the flow with the sample beside its file; empty without a sample, and for flows whose calls are signed. Credentials
// of the flow are in it: this is the terminal of whoever set them.
func (l *flowPrinter) curl(flow catalog.Flow) string {
	sample := filepath.Join(filepath.Dir(flow.Source), sampleFile)
	data, err := os.ReadFile(sample)
	if err != nil {
		return ""
	}
	body, err := everhook.ParseJSON(data)
	if err != nil {
		return ""
	}
	compact, err := everhook.EncodeJSON(body)
	if err != nil {
		return ""
	}
	route, ok := l.server.Catalog().Route(flow.Token)
	if !ok || route.Signature != nil {
		return ""
	}
	shown, err := credentialFlags(route)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("curl -i%s -H 'Content-Type: application/json' -d %s \\\n    %s", shown, shellQuote(string(compact)), shellQuote(l.server.HookURL(flow.Token)))
}

// credentialFlags are the flags with which curl shows the first credential of each kind.
func credentialFlags(route *receiver.Route) (string, error) {
	flags := ""
	if len(route.Basic) > 0 {
		password, err := route.Basic[0].Password()
		if err != nil {
			return "", err
		}
		flags += " -u " + shellQuote(route.Basic[0].Username+":"+password)
	}
	if len(route.Bearer) > 0 {
		token, err := route.Bearer[0]()
		if err != nil {
			return "", err
		}
		flags += " -H " + shellQuote("Authorization: Bearer "+token)
	}
	if route.APIKey != nil {
		key, err := route.APIKey.Values[0]()
		if err != nil {
			return "", err
		}
		flags += " -H " + shellQuote(route.APIKey.Header+": "+key)
	}
	return flags, nil
}

func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

var _ flowdir.Listener = (*flowPrinter)(nil)
