package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

type runCommands struct {
	List runList `cmd:"" help:"List runs: those that go on, the latest first, then those that ended last."`
	Show runShow `cmd:"" help:"Show a run with every step: status, timing, input and result."`

	Start  runStart  `cmd:"" help:"Call a flow of a server that has a call trigger, and print its answer."`
	Answer runAnswer `cmd:"" help:"Print the answer of a run, or wait for it."`
	Cancel runCancel `cmd:"" help:"Ask a run that goes on, or all that a filter selects, to end as cancelled."`
	Retry  runRetry  `cmd:"" help:"Run a delivery again whose run has ended: from the beginning, or from one of its nodes; or those of a filter."`
	Delete runDelete `cmd:"" help:"Delete a run that has ended, with all its values, or those of a filter."`
	Job    runJob    `cmd:"" help:"Show how far the job is that acts on the runs of a filter."`
}

// pathRuns is the path of the runs in the admin API.
const pathRuns = "/api/v1/runs"

type runList struct {
	serverFlags `embed:""`
	runFilter   `embed:""`
	Limit       int `default:"20" placeholder:"N" help:"How many, at most 1000. Default 20."`
	printed     `embed:""`
}

func (c *runList) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 || c.Limit > maxListed {
		return fmt.Errorf("--limit %d is not a number from 1 to %d", c.Limit, maxListed)
	}
	list, err := c.list(ctx, c.query())
	if err != nil {
		return err
	}
	if c.forPrograms() {
		return c.printValue(s.out, list)
	}
	return printRuns(s.out, list)
}

// Bounds of a list.
const (
	// maxListed bounds --limit, and pageSize is what the server gives at a time.
	maxListed = 1000
	pageSize  = 200
)

// list asks for pages until it has as many runs as wanted.
func (c *runList) list(ctx context.Context, query url.Values) (api.RunList, error) {
	all := api.RunList{Runs: []api.RunSummary{}}
	for {
		query.Set("limit", strconv.Itoa(min(c.Limit-len(all.Runs), pageSize)))
		data, err := c.ask(ctx, pathRuns, query)
		if err != nil {
			return all, err
		}
		var page api.RunList
		if err := c.decode(data, &page); err != nil {
			return all, err
		}
		all.Runs, all.Next = append(all.Runs, page.Runs...), page.Next
		if page.Next == "" || len(all.Runs) >= c.Limit {
			return all, nil
		}
		query.Set("page", page.Next)
	}
}

func printRuns(w io.Writer, list api.RunList) error {
	if len(list.Runs) == 0 {
		_, err := fmt.Fprintln(w, "no runs")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tFLOW\tVERSION\tSTATUS\tSTARTED\tTOOK")
	listed := make([]runs.Summary, len(list.Runs))
	for i, run := range list.Runs {
		listed[i] = run.Summary
	}
	superseded := runs.Superseded(listed)
	for _, run := range listed {
		status := string(run.Status)
		if superseded[run.Execution] {
			status += ", started again"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", run.ID, run.Flow, run.Version, status, clock(run.Started),
			took(run.Started, run.Ended))
	}
	return table.Flush()
}

// namedRun is the run that a command names.
type namedRun struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"Run ID, or the beginning of that of a recent run, or FLOW/RUN."`
}

type runShow struct {
	namedRun  `embed:""`
	Execution string `env:"-" placeholder:"UUID" help:"Show this execution of a run that was started again. Default: the latest."`
	printed   `embed:""`
}

func (c *runShow) Run(ctx context.Context, s streams) error {
	path, query, err := c.find(ctx)
	if err != nil {
		return err
	}
	if c.Execution != "" {
		if query == nil {
			query = url.Values{}
		}
		query.Set("execution", c.Execution)
	}
	data, err := c.ask(ctx, path, query)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(run api.RunDetail) error {
		if strings.HasPrefix(run.TemporalURL, "/") {
			run.TemporalURL = strings.TrimRight(c.Server, "/") + run.TemporalURL
		}
		return printRun(s.out, run)
	})
}

// foundRuns bounds the executions that are asked for by the beginning of their run's ID.
const foundRuns = 100

// find returns the path of the run in the API. A whole run ID is used unchanged, also in Temporal's form FLOW/RUN. A
// beginning must match exactly one recent run.
func (c *namedRun) find(ctx context.Context) (string, url.Values, error) {
	if id, ok := everhook.ParseRunID(c.ID); ok {
		return pathRuns + "/" + string(id), nil, nil
	}
	if flow, id, ok := everhook.ParseWorkflowID(c.ID); ok {
		return pathRuns + "/" + string(id), url.Values{"flow": {flow}}, nil
	}
	if !runs.IsRunPrefix(c.ID) {
		return "", nil, fmt.Errorf("%q is not a run ID, nor the first four or more characters of one; see `everhook "+
			"run list`", everhook.Shorten(c.ID, 60))
	}
	data, err := c.ask(ctx, pathRuns, url.Values{"run": {c.ID}, "limit": {strconv.Itoa(foundRuns)}})
	if err != nil {
		return "", nil, err
	}
	var list api.RunList
	if err := c.decode(data, &list); err != nil {
		return "", nil, err
	}
	var found []api.RunSummary // one for each run, which can have several executions
	for _, run := range list.Runs {
		known := slices.ContainsFunc(found,
			func(f api.RunSummary) bool { return f.ID == run.ID && f.Flow == run.Flow })
		if !known {
			found = append(found, run)
		}
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("no run has an ID that begins with %s, or it has expired", c.ID)
	case 1:
		return pathRuns + "/" + string(found[0].ID), url.Values{"flow": {found[0].Flow}}, nil
	default:
		return "", nil, fmt.Errorf("%d runs have an ID that begins with %s; write more of it", len(found), c.ID)
	}
}

func printRun(w io.Writer, run api.RunDetail) error {
	var text bytes.Buffer
	head := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(head, "%s\t%s\n", name, printable(value))
		}
	}
	line("Run", string(run.ID))
	line("Flow", run.Flow)
	if run.Title != run.Flow {
		line("Title", run.Title)
	}
	line("Version", strconv.Itoa(run.Version))
	line("Status", string(run.Status))
	line("Retry of", retryOf(run.Summary))
	line("Caller", run.Caller)
	line("Started by", run.Actor)
	if run.Waiting != nil {
		line("Waiting", waitingText(*run.Waiting))
	} else {
		line("Started", clock(run.Started))
	}
	line("Took", took(run.Started, run.Ended))
	line("At", whereabouts(run.Running()))
	if run.Outcome != nil && run.Outcome.Error != nil {
		line("Error", run.Outcome.Error.Error())
	}
	if run.Outcome != nil && run.Outcome.Answer != nil {
		line("Answer", "HTTP "+strconv.Itoa(run.Outcome.Answer.Status))
	}
	line("Temporal", run.TemporalURL)
	for _, other := range run.Others {
		line("Other", fmt.Sprintf("%s, started %s, --execution %s", other.Status, clock(other.Started),
			other.Execution))
	}
	line("Note", run.Note)
	_ = head.Flush()
	if len(run.Steps) > 0 {
		text.WriteByte('\n')
		printSteps(&text, run.Started, run.Steps)
	}
	if missing := run.Total - len(run.Steps); missing > 0 {
		fmt.Fprintf(&text, "\nthe step log did not keep %d more steps\n", missing)
	}
	_, err := w.Write(text.Bytes())
	return err
}

// waitingText says what a run that is not started waits for.
func waitingText(w runs.Waiting) string {
	text := fmt.Sprintf("delivery %d in the inbox since %s", w.Delivery, clock(w.Since))
	if w.Reason != "" {
		text += "; it cannot be started: " + w.Reason
	}
	return text
}

// whereabouts names the running steps, as far as they fit into a line.
func whereabouts(steps []everhook.Step) string {
	var names []string
	for _, step := range steps[:min(len(steps), 3)] {
		names = append(names, fmt.Sprintf("%s, %s since %s", stepName(step), step.Kind, clock(step.Started)))
	}
	if more := len(steps) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, "; ")
}

func stepName(step everhook.Step) string {
	if step.Iteration == "" {
		return step.Node
	}
	return step.Node + " (" + step.Iteration + ")"
}

func retryOf(run runs.Summary) string {
	if run.RetryFrom == "" {
		return string(run.RetryOf)
	}
	return fmt.Sprintf("%s, from %s", run.RetryOf, run.RetryFrom)
}

// printSteps writes a table of steps, with the values of each step below its row. The rows are formatted first, because
// the values would break their columns.
func printSteps(text *bytes.Buffer, started time.Time, steps []everhook.Step) {
	var rows bytes.Buffer
	table := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "#\tSTEP\tKIND\tSTATUS\tSTARTED\tTOOK\tATTEMPTS")
	for _, step := range steps {
		attempts := ""
		switch {
		case step.Retrying != nil:
			attempts = strconv.Itoa(step.Retrying.Attempt)
		case step.Attempts > 0:
			attempts = strconv.Itoa(step.Attempts)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", step.Number, printable(stepName(step)), printable(step.Kind),
			step.Status, stepClock(step.Started, started), took(step.Started, step.Ended), attempts)
	}
	_ = table.Flush()
	lines := strings.Split(strings.TrimSuffix(rows.String(), "\n"), "\n")
	fmt.Fprintln(text, strings.TrimRight(lines[0], " "))
	for i, step := range steps {
		fmt.Fprintln(text, strings.TrimRight(lines[i+1], " "))
		printStep(text, step)
	}
}

func printStep(text *bytes.Buffer, step everhook.Step) {
	if step.Title != "" {
		printPart(text, "title", step.Title)
	}
	if step.Retrying != nil {
		printPart(text, "retry", step.Retrying.Describe(time.Now()))
	}
	if len(step.Config) > 0 {
		printPart(text, "input", shownJSON(step.Config))
	}
	if step.Subflow != "" {
		printPart(text, "run", step.Subflow)
	}
	if step.Result != nil {
		printPart(text, "result", shownJSON(step.Result))
	}
	if step.Error != nil {
		printPart(text, "error", step.Error.Message)
		if step.Error.Response != nil {
			printPart(text, "response", shownJSON(step.Error.Response))
		}
	}
	for _, line := range step.Lines {
		printPart(text, "line", line)
	}
}

// printPart writes one value of a step, indented below its row.
func printPart(text *bytes.Buffer, name, value string) {
	for i, line := range strings.Split(value, "\n") {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(text, "   %-8s %s\n", name, printable(line))
	}
}

// maxOneLine is the longest value, in characters, that is printed in one line.
const maxOneLine = 100

func shownJSON(v any) string {
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	if len(data) <= maxOneLine {
		return string(data)
	}
	var indented bytes.Buffer
	if json.Indent(&indented, data, "", "  ") != nil {
		return string(data)
	}
	return indented.String()
}

func printJSON(w io.Writer, data json.RawMessage) error {
	_, err := fmt.Fprintf(w, "%s\n", bytes.TrimSpace(data))
	return err
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// stepClock is the time of day, with the day if the run started on another one. The zone stands at the start of the
// run.
func stepClock(t, started time.Time) string {
	t, started = t.Local(), started.Local()
	if t.Format(time.DateOnly) == started.Format(time.DateOnly) {
		return t.Format("15:04:05.000")
	}
	return t.Format("2006-01-02 15:04:05.000")
}

// took returns the duration; empty if it has not ended.
func took(started time.Time, ended *time.Time) string {
	if ended == nil {
		return ""
	}
	return ended.Sub(started).Round(time.Millisecond).String()
}
