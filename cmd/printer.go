package cmd

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/internal/flowdir"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
)

// flowPrinter prints what happens to flow files.
type flowPrinter struct {
	out    io.Writer
	server *server.Server
	// changes is set after the start. Before, applied files are printed together by the banner.
	changes bool
	mutex   sync.Mutex
}

var _ flowdir.Listener = (*flowPrinter)(nil)

func (l *flowPrinter) printf(format string, args ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	fmt.Fprintf(l.out, format, args...)
}

func (l *flowPrinter) Applied(file string, version everhook.Version, problems flowfile.Problems) {
	l.printProblems(problems)
	if l.changes {
		l.printf("%s is applied: %s v%d is enabled%s\n", file, version.Definition.Key, version.Number,
			l.howServed(version.Definition.Key))
	}
}

// howServed says how an applied flow is called, or why it is not served.
func (l *flowPrinter) howServed(key string) string {
	flows := l.server.Catalog().Flows()
	i := slices.IndexFunc(flows, func(f catalog.Flow) bool { return f.Key == key })
	if i < 0 {
		return ""
	}
	if !flows[i].Served {
		return ", but not served: " + printable(flows[i].Note)
	}
	return l.howStarted(flows[i], " at ")
}

// howStarted returns at and the flow's URL, or what else starts its runs.
func (l *flowPrinter) howStarted(flow catalog.Flow, at string) string {
	what := "started by " + flow.Trigger
	if flow.Callable {
		what = "called by other flows"
	}
	switch url := l.server.HookURL(flow.Token); {
	case url != "":
		return at + url
	case at == "":
		return what
	default:
		return ", " + what
	}
}

func (l *flowPrinter) Refused(file string, problems flowfile.Problems) {
	l.printProblems(problems)
	l.printf("%s is not applied; what was enabled before stays.\n", file)
}

func (l *flowPrinter) printProblems(problems flowfile.Problems) {
	for _, problem := range problems {
		l.printf("%s\n", problem)
	}
}

func (l *flowPrinter) Removed(file, key string) {
	l.printf("%s is gone or has another key: flow %s is disabled.\n", file, key)
}

// namedFiles bounds the files that one line names.
const namedFiles = 5

func (l *flowPrinter) Ignored(files []string) {
	more := ""
	if n := len(files) - namedFiles; n > 0 {
		files, more = files[:namedFiles], fmt.Sprintf(" and %d more", n)
	}
	l.printf("No flows, as key and trigger are missing at the top level: %s%s\n", strings.Join(files, ", "), more)
}

// banner prints all addresses, the link for the first person if there is one, and a command to try.
func (l *flowPrinter) banner(dir, firstLink string) {
	var text strings.Builder
	fmt.Fprintf(&text, "\nEverhook %s\n\nFlows\n", Version)
	listed := 0
	var examples []example
	for _, flow := range l.server.Catalog().Flows() {
		if flow.Version == 0 {
			continue
		}
		listed++
		fmt.Fprintf(&text, "  %s (%s)\n    %s\n", printable(flow.Title), flow.Mode, l.howStarted(flow, ""))
		if !flow.Served {
			fmt.Fprintf(&text, "    not served: %s\n", printable(flow.Note))
			continue
		}
		if route, ok := l.server.Catalog().Route(flow.Token); ok {
			examples = append(examples, newExample(flow, route, l.server.HookURL(flow.Token)))
		}
	}
	if listed == 0 {
		fmt.Fprintf(&text, "  none yet: `everhook flow new my-flow -o %s` writes one\n",
			filepath.Join(dir, "my-flow.yaml"))
	}
	fmt.Fprintf(&text, "\nPages        %s/\n", l.server.PeopleURL())
	if ui := l.server.TemporalUI(); ui != "" {
		fmt.Fprintf(&text, "Temporal UI  %s\n", ui)
	}
	if firstLink != "" {
		fmt.Fprintf(&text, "\nNo one can sign in yet. Open this link within 15 minutes to become the admin; it "+
			"works once.\n  %s\n", firstLink)
	}
	if line := bestLine(examples); line != "" {
		fmt.Fprintf(&text, "\nTry it\n  %s\n", line)
	}
	fmt.Fprintf(&text, "\nWatching %s; Ctrl-C stops.\n\n", dir)
	l.printf("%s", text.String())
	l.changes = true
}
