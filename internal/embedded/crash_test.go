//go:build !noembedded

package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// The environment of a child process: this test binary again, as a program that owns a data directory.
const (
	childMode      = "EVERHOOK_EMBEDDED_CHILD"
	childDirectory = "EVERHOOK_EMBEDDED_DIRECTORY"
	childRuns      = "EVERHOOK_EMBEDDED_RUNS"

	modeStartRuns = "start runs" // starts runs until it is killed, and reports each acknowledged one
	modeFinish    = "finish"     // waits until the runs of childRuns have completed

	// rounds is the number of kills, runsPerRound the number of runs that are started before each.
	rounds       = 3
	runsPerRound = 15
)

func TestRunsGoOnAfterTheProcessWasKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var started []string
	var ready []string
	for range rounds {
		process, lines := spawn(t, dir, modeStartRuns, nil)
		ready = append(ready, next(t, lines, "ready "))
		_, err := Start(t.Context(), Options{Directory: dir})
		require.ErrorContains(t, err, fmt.Sprintf("is in use by process %d", process.Process.Pid))
		for range runsPerRound {
			started = append(started, next(t, lines, "started "))
		}
		require.NoError(t, process.Process.Kill())
		require.Error(t, process.Wait())
	}
	process, lines := spawn(t, dir, modeFinish, started)
	ready = append(ready, next(t, lines, "ready "))
	for _, id := range started {
		require.Equal(t, id+": before and after", next(t, lines, "completed "))
	}
	require.NoError(t, process.Wait())
	for _, took := range ready[1:] {
		again, err := time.ParseDuration(took)
		require.NoError(t, err)
		require.Less(t, again, 10*time.Second, "no start waits for what the killed process has left behind: %v", ready)
	}
	t.Log("ready after", ready)
}

func spawn(t *testing.T, dir, mode string, runs []string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDirectory+"="+dir, childRuns+"="+strings.Join(runs, " "),
		"GOCOVERDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

// next returns the child's next line without the prefix, which must be there.
func next(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	require.True(t, lines.Scan(), "the child has ended: %v", lines.Err())
	rest, ok := strings.CutPrefix(lines.Text(), prefix)
	require.True(t, ok, "the child said %q", lines.Text())
	return rest
}

// child runs the child process and returns its exit code.
func child(mode string) int {
	if err := runChild(mode); err != nil {
		fmt.Println("failed", err)
		return 1
	}
	return 0
}

func runChild(mode string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	s, err := Start(ctx, Options{Directory: os.Getenv(childDirectory), Logger: quiet()})
	if err != nil {
		return err
	}
	fmt.Println("ready", time.Since(began))
	c, err := newClient(s)
	if err != nil {
		return err
	}
	w := newWorker(c)
	if err := w.Start(); err != nil {
		return err
	}
	if mode == modeStartRuns {
		for {
			run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: answerQueue}, resumeWorkflow,
				100*time.Millisecond)
			if err != nil {
				return err
			}
			fmt.Println("started", run.GetID())
		}
	}
	for _, id := range strings.Fields(os.Getenv(childRuns)) {
		var result string
		if err := c.GetWorkflow(ctx, id, "").Get(ctx, &result); err != nil {
			return err
		}
		fmt.Printf("completed %s: %s\n", id, result)
	}
	w.Stop()
	return s.Stop(ctx)
}
