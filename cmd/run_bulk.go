package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/jobs"
)

// runFilter are the flags that select runs.
type runFilter struct {
	Flow   string `env:"-" placeholder:"KEY" help:"Only runs of this flow."`
	Number int    `env:"-" name:"number" placeholder:"N" help:"Only runs of this version of --flow."`
	Label  string `env:"-" placeholder:"LABEL" help:"Only runs of flows with this label."`
	Text   string `env:"-" placeholder:"TEXT" help:"Only runs of flows whose key or title contains this text."`
	Status string `env:"-" placeholder:"STATUS" help:"Only runs with this status: pending, resolved, failed, error, aborted, cancelled or rejected; unresolved for all that ended otherwise than resolved."`
	After  string `env:"-" placeholder:"TIME" help:"Only runs that started then or later: a time such as 2026-07-30T12:00:00Z, or 2h for two hours ago."`
	Before string `env:"-" placeholder:"TIME" help:"Only runs that started before."`
}

// query is the filter as parameters of a list.
func (f *runFilter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"flow": f.Flow, "label": f.Label, "text": f.Text, "status": f.Status,
		"after": f.After, "before": f.Before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.Number != 0 {
		query.Set("version", strconv.Itoa(f.Number))
	}
	return query
}

// bulkFlags are the flags of commands that act on one run, or on all that a filter selects.
type bulkFlags struct {
	runFilter `embed:""`
	All       bool `env:"-" help:"Also without a filter."`
	DryRun    bool `env:"-" help:"Only count the runs of a filter."`
	Detach    bool `env:"-" help:"Do not wait until all runs of a filter are dealt with; see everhook run job."`
}

// oneOrMany reports whether the command is for the runs of a filter, not for the run with an ID.
func (b *bulkFlags) oneOrMany(id string) (many bool, err error) {
	filtered := b.runFilter != runFilter{}
	switch {
	case id == "" && !filtered && !b.All:
		return false, errors.New("write the ID of a run, or a filter such as --flow KEY for many runs, or --all")
	case id != "" && (filtered || b.All):
		return false, errors.New("write the ID of a run, or a filter for many runs, not both")
	case id != "" && (b.DryRun || b.Detach):
		return false, errors.New("--dry-run and --detach are for the runs of a filter")
	}
	return id == "", nil
}

// runMany acts on the runs of the filter by a job.
func (b *bulkFlags) runMany(ctx context.Context, server *serverFlags, s streams, p printed, action jobs.Action,
	retry api.RetryRequest) error {
	data, err := server.post(ctx, "/api/v1/jobs", nil, api.JobRequest{Action: string(action), Flow: b.Flow,
		Version: b.Number, Label: b.Label, Text: b.Text, Status: b.Status, After: b.After, Before: b.Before,
		Retry: retry, DryRun: b.DryRun})
	if err != nil {
		return err
	}
	var job jobs.Job
	if err := server.decode(data, &job); err != nil {
		return err
	}
	if b.Detach {
		return show(server, p, s.out, data, func(job jobs.Job) error { return printJob(s.out, job) })
	}
	follow := runJob{serverFlags: *server, ID: job.ID, Wait: true, printed: p}
	return follow.Run(ctx, s)
}

type runJob struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"ID of the job."`
	Wait        bool   `env:"-" help:"Wait until the job has ended."`
	printed     `embed:""`
}

// jobEvery is how often a job is asked for.
const jobEvery = 300 * time.Millisecond

// Run shows a job. The error says that some runs could not be acted on.
func (c *runJob) Run(ctx context.Context, s streams) error {
	for {
		data, err := c.ask(ctx, "/api/v1/jobs/"+url.PathEscape(c.ID), nil)
		if err != nil {
			return err
		}
		var job jobs.Job
		if err := c.decode(data, &job); err != nil {
			return err
		}
		if c.Wait && job.State != jobs.Ended {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(jobEvery):
			}
			continue
		}
		if err := show(&c.serverFlags, c.printed, s.out, data, func(job jobs.Job) error {
			return printJob(s.out, job)
		}); err != nil {
			return err
		}
		if job.Failed+job.Refused > 0 {
			return reported{}
		}
		return nil
	}
}

// did says what was done with what.
var did = map[jobs.Action]struct{ objects, done string }{jobs.Cancel: {"runs", "asked to end"},
	jobs.Retry: {"runs", "retried"}, jobs.Delete: {"runs", "deleted"}, jobs.Replay: {"deliveries", "replayed"}}

func printJob(w io.Writer, job jobs.Job) error {
	words := did[job.Action]
	switch {
	case job.State != jobs.Ended:
		fmt.Fprintf(w, "job %s: %d of %d %s are dealt with; `everhook run job %s --wait` waits for its end\n", job.ID,
			job.Done, job.Found, words.objects, job.ID)
	case job.DryRun:
		fmt.Fprintf(w, "%d %s would be %s\n", job.Found, words.objects, words.done)
	default:
		fmt.Fprintf(w, "%d %s are %s", job.Done-job.Refused-job.Failed, words.objects, words.done)
		for _, part := range []struct {
			count int
			text  string
		}{{job.Refused, "were refused"}, {job.Failed, "failed"}} {
			if part.count > 0 {
				fmt.Fprintf(w, ", %d %s", part.count, part.text)
			}
		}
		fmt.Fprintln(w)
	}
	for _, p := range job.Problems {
		fmt.Fprintf(w, "  %s: %s\n", jobItem(p.Item), printable(p.Detail))
	}
	if job.More {
		fmt.Fprintln(w, "the filter selects more than one job takes: repeat the command with another --before")
	}
	return nil
}

// jobItem names an object of a job, or the job itself.
func jobItem(item jobs.Item) string {
	switch {
	case item.Delivery != "":
		return "delivery " + item.Delivery
	case item.Run != "":
		return everhook.WorkflowID(item.Flow, item.Run)
	default:
		return "job"
	}
}

type runDelete struct {
	serverFlags `embed:""`
	ID          string `arg:"" optional:"" help:"Run ID, or the beginning of that of a recent run, or FLOW/RUN."`
	bulkFlags   `embed:""`
	printed     `embed:""`
}

func (c *runDelete) Help() string {
	return "The steps, values and answer of a run are gone, and a duplicate of its delivery would start a new run. " +
		"Counters stay. The runs of a filter are those that have ended."
}

func (c *runDelete) Run(ctx context.Context, s streams) error {
	many, err := c.oneOrMany(c.ID)
	if err != nil {
		return err
	}
	if many {
		return c.runMany(ctx, &c.serverFlags, s, c.printed, jobs.Delete, api.RetryRequest{})
	}
	named := namedRun{c.serverFlags, c.ID}
	path, query, err := named.find(ctx)
	if err != nil {
		return err
	}
	if _, err := c.send(ctx, http.MethodDelete, path, query, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is deleted.\n", c.ID)
	return err
}
