package cmd

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store/storetest"
	"github.com/everhook/everhook/nodes"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"everhook": func() { os.Exit(Main(nodes.Standard())) },
		"curl":     func() { os.Exit(curl(os.Args[1:], os.Stdout)) },
	})
}

// TestScripts runs the command line as a shell does. Beyond testscript's own commands there is
//
//	await FILE REGEXP [VARIABLE]
//
// which waits until a file matches, and sets the variable to the first group.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "script", nil)
}

// TestScriptsWithPostgres runs scripts that find an empty database at $POSTGRES.
func TestScriptsWithPostgres(t *testing.T) {
	t.Parallel()
	runScripts(t, "postgres", map[string]string{"POSTGRES": storetest.Postgres(t)})
}

func runScripts(t *testing.T, folder string, variables map[string]string) {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			for name, value := range variables {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
	})
}

// patience bounds what should take a second on an idle machine.
const patience = 60 * time.Second

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await FILE REGEXP [VARIABLE]")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < patience; <-ticker.C {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil {
			continue
		}
		if found := pattern.FindSubmatch(data); found != nil {
			if len(args) == 3 {
				ts.Setenv(args[2], string(found[1]))
			}
			return
		}
	}
	data, _ := os.ReadFile(ts.MkAbs(args[0]))
	ts.Fatalf("%s did not come to match %s:\n%s", args[0], args[1], data)
}

// repeated collects the values of a repeatable flag.
type repeated []string

func (r *repeated) String() string { return strings.Join(*r, ", ") }

func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

// curl implements the flags of curl that dev prints, so that the tests need no curl.
func curl(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("curl", flag.ExitOnError)
	flags.Bool("i", false, "show the head of the answer")
	user, data := flags.String("u", "", "name:password"), flags.String("d", "", "body, or @file")
	var headers repeated
	flags.Var(&headers, "H", "header")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	body := *data
	if name, ok := strings.CutPrefix(body, "@"); ok {
		content, err := os.ReadFile(name)
		if err != nil {
			return 26
		}
		body = strings.NewReplacer("\r", "", "\n", "").Replace(string(content))
	}
	request, err := http.NewRequest(http.MethodPost, flags.Arg(0), strings.NewReader(body))
	if err != nil {
		return 3
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		request.Header.Add(name, strings.TrimSpace(value))
	}
	if name, password, ok := strings.Cut(*user, ":"); ok {
		request.SetBasicAuth(name, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintln(out, err)
		return 7
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Fprintf(out, "HTTP/1.1 %s\n", response.Status)
	_ = response.Header.Write(out)
	fmt.Fprintln(out)
	_, _ = io.Copy(out, response.Body)
	fmt.Fprintln(out)
	return 0
}
