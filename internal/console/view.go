package console

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// Bounds of a page.
const (
	shownFlows = 50
	latestRuns = 20
	listedRuns = 50
)

type overviewBody struct {
	Flows flowsView
	Runs  runsView
}

// flowsView is the table of flows.
type flowsView struct {
	Flows []api.Flow
	// Search is the search text; Found counts the matching flows, Total all flows.
	Search       string
	Found, Total int
	// Broken are the errors of flow files that are not applied as they are.
	Broken []api.FileProblem
	// Problem is the reason why there is no list.
	Problem string
	// Creates is set if the actor may create and change flows.
	Creates bool
	// Drafts are the keys of flows that have a draft and no version.
	Drafts []string
}

// Example is the flow whose curl command is shown while there are no runs.
func (v flowsView) Example() *api.Flow {
	for i, flow := range v.Flows {
		if flow.Enabled && flow.URL != "" {
			return &v.Flows[i]
		}
	}
	return nil
}

// Hidden counts the matching flows that are not shown.
func (v flowsView) Hidden() int { return v.Found - len(v.Flows) }

func (c *console) listFlows(ctx context.Context, search string, all bool) flowsView {
	view := flowsView{Search: strings.TrimSpace(search)}
	flows, err := c.options.Flows.Flows(ctx)
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the flows could not be listed", "error", err)
		view.Problem = err.Error()
		return view
	}
	view.Total = len(flows)
	actor := access.From(ctx)
	if view.Creates = actor.May(access.Editor); view.Creates && c.options.Store != nil {
		view.Drafts = c.newDrafts(ctx, flows)
	}
	slices.SortStableFunc(flows, func(a, b api.Flow) int { return cmp.Compare(urgency(a), urgency(b)) })
	for _, flow := range flows {
		if !matches(flow, view.Search) {
			continue
		}
		view.Found++
		if all || len(view.Flows) < shownFlows {
			view.Flows = append(view.Flows, flow)
		}
	}
	return view
}

// newDrafts are the keys of drafts of flows that are not in the list of flows. If they cannot be read, there are none.
func (c *console) newDrafts(ctx context.Context, flows []api.Flow) []string {
	keys, err := c.options.Store.Drafts(ctx)
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the drafts could not be listed", "error", err)
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		return !access.From(ctx).Sees(key, nil) ||
			slices.ContainsFunc(flows, func(f api.Flow) bool { return f.Key == key })
	})
}

// urgency sorts flows that should be served but are not to the top, where they are seen.
func urgency(flow api.Flow) int {
	if !flow.Enabled && flow.Version > 0 {
		return 0
	}
	return 1
}

func matches(flow api.Flow, search string) bool {
	search = strings.ToLower(search)
	return strings.Contains(flow.Key, search) || strings.Contains(strings.ToLower(flow.Title), search)
}

// runsView is a table of runs.
type runsView struct {
	Runs []runRow
	// Filter selects the runs.
	Filter runs.Filter
	// Older is the address of the next page; empty on the last one.
	Older string
	// Now is when the page was made.
	Now time.Time
	// Problem is the reason why there is no list. BadPage is set if the request named a page that does not exist.
	Problem string
	badPage bool
}

// Filtered reports whether the list has a filter.
func (v runsView) Filtered() bool {
	f := v.Filter
	return f.Flow != "" || f.Run != "" || f.Status != "" || f.Unresolved || !f.After.IsZero() || !f.Before.IsZero()
}

// Status is the chosen value of the filter "status"; empty: any.
func (v runsView) Status() string {
	if v.Filter.Unresolved {
		return api.Unresolved
	}
	return string(v.Filter.Status)
}

// Statuses are the values of the filter.
func (runsView) Statuses() []string {
	statuses := []string{api.Unresolved}
	for _, status := range api.Listable {
		statuses = append(statuses, string(status))
	}
	return statuses
}

// After and Before are the bounds of the start, as a form field shows them; empty: none.
func (v runsView) After() string { return field(v.Filter.After) }

// Before is described at After.
func (v runsView) Before() string { return field(v.Filter.Before) }

// field writes a time, in the zone of the server, as a form field of the type datetime-local has it.
func field(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02T15:04")
}

// Recent are links to what is looked for most.
func (v runsView) Recent() []link {
	var links []link
	for _, l := range []struct{ text, status, after string }{
		{"Unresolved, last hour", api.Unresolved, "1h"}, {"Unresolved, last day", api.Unresolved, "24h"},
		{"Last hour", "", "1h"},
	} {
		query := url.Values{"after": {l.after}}
		if l.status != "" {
			query.Set("status", l.status)
		}
		if v.Filter.Flow != "" {
			query.Set("flow", v.Filter.Flow)
		}
		links = append(links, link{l.text, "/runs?" + query.Encode()})
	}
	return links
}

type link struct{ Text, Path string }

type runRow struct {
	runs.Summary
	Now      time.Time
	Temporal string
	// Superseded is set if the run was started again after this execution.
	Superseded bool
}

// Clock is when the run started, to the second, with the day if that is not today.
func (r runRow) Clock() string {
	text, _, _ := strings.Cut(clock(r.Started, r.Now), ".")
	return text
}

func (c *console) listRuns(ctx context.Context, filter runs.Filter) runsView {
	listed, next, err := c.options.Runs.List(ctx, filter)
	view := runsView{Filter: filter, Now: time.Now()}
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the runs could not be listed", "error", err)
		view.Problem, view.badPage = err.Error(), errors.Is(err, runs.ErrPage)
		return view
	}
	superseded := runs.Superseded(listed)
	for _, run := range listed {
		view.Runs = append(view.Runs, runRow{Summary: run, Now: view.Now, Temporal: c.options.TemporalURL(run),
			Superseded: superseded[run.Execution]})
	}
	if len(next) > 0 {
		query := url.Values{"page": {api.PageText(next)}}
		for name, value := range map[string]string{"flow": filter.Flow, "run": filter.Run, "status": view.Status(),
			"after": bound(filter.After), "before": bound(filter.Before)} {
			if value != "" {
				query.Set(name, value)
			}
		}
		view.Older = "/runs?" + query.Encode()
	}
	return view
}

// bound writes a time for an address; empty: the zero time.
func bound(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return machine(t)
}

// latest returns the runs that began last. Open and closed runs are listed apart: in one list, many runs that wait for
// weeks would hide the latest failures.
func (c *console) latest(ctx context.Context) runsView {
	going := c.listRuns(ctx, runs.Filter{Status: everhook.Pending, Limit: latestRuns})
	if going.Problem != "" {
		return going
	}
	view := c.listRuns(ctx, runs.Filter{Ended: true, Limit: latestRuns})
	// A run that ended between the two requests is in both lists. The later state is shown.
	view.Runs = append(view.Runs, going.Runs...)
	slices.SortStableFunc(view.Runs, func(a, b runRow) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Execution, b.Execution))
	})
	view.Runs = slices.CompactFunc(view.Runs,
		func(a, b runRow) bool { return a.ID == b.ID && a.Execution == b.Execution })
	listed := make([]runs.Summary, len(view.Runs))
	for i, row := range view.Runs {
		listed[i] = row.Summary
	}
	superseded := runs.Superseded(listed)
	for i := range view.Runs {
		view.Runs[i].Superseded = superseded[view.Runs[i].Execution]
	}
	view.Runs = view.Runs[:min(len(view.Runs), latestRuns)]
	return view
}
