package cmd

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes"
)

// output collects what a command prints while it runs.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// stopping bounds how long dev takes to stop while a caller waits for an answer: five seconds for the caller, and the
// rest on a busy machine.
const stopping = 15 * time.Second

func TestDevStopsWithAnAnswerForTheCallerThatWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "slow.yaml"), []byte(`
key: slow
mode: sync
trigger: { type: webhook }
nodes: [ { key: wait, type: delay, config: { duration: 1h } } ]
`), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs := &output{}, &output{}
	status := make(chan int, 1)
	go func() {
		args := []string{"dev", dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data",
			filepath.Join(dir, "everhook-data")}
		status <- run(ctx, nodes.Standard(), args, streams{strings.NewReader(""), out, errs})
	}()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C stops") }, patience,
		10*time.Millisecond, "%s", errs)

	url := regexp.MustCompile(`http://\S+/api/webhook:trigger/\S+`).FindString(out.String())
	answers := make(chan int, 1)
	go func() {
		response, err := http.Post(url, "application/json", strings.NewReader("{}"))
		if err != nil {
			answers <- 0
			return
		}
		defer func() { _ = response.Body.Close() }()
		answers <- response.StatusCode
	}()
	base := regexp.MustCompile(`Pages +(\S+)/\n`).FindStringSubmatch(out.String())[1]
	require.Eventually(t, func() bool {
		var listed bytes.Buffer
		run(t.Context(), nodes.Standard(), []string{"run", "list", "--server", base},
			streams{strings.NewReader(""), &listed, errs})
		return strings.Contains(listed.String(), "slow")
	}, patience, 50*time.Millisecond)

	cancel()
	began := time.Now()
	require.Zero(t, <-status, "%s", errs)
	require.Less(t, time.Since(began), stopping)
	require.Equal(t, http.StatusAccepted, <-answers)
	require.Contains(t, out.String(), "Stopping.")
}

func TestACommandThatIsInterruptedAtItsStartSaysNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	out, errs := &output{}, &output{}
	args := []string{"dev", dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data",
		filepath.Join(dir, "data")}
	require.Equal(t, statusInterrupted, run(ctx, nodes.Standard(), args, streams{strings.NewReader(""), out, errs}))
	require.NotContains(t, errs.String(), "everhook:")
	require.Empty(t, out.String())
}

func TestFilesThatAreNoFlowsAreNamedInOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printer := &flowPrinter{out: &out}
	printer.Ignored(strings.Fields("a b c d e"))
	printer.Ignored(strings.Fields("a b c d e f g"))
	printer.Removed("flows/a.yaml", "a")
	require.Equal(t, `No flows, as key and trigger are missing at the top level: a, b, c, d, e
No flows, as key and trigger are missing at the top level: a, b, c, d, e and 2 more
flows/a.yaml is gone or has another key: flow a is disabled.
`, out.String())
}
