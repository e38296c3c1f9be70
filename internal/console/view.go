package console

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/admin"
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
	Flows []admin.Flow
	// Search is the search text; Found counts the matching flows, Total all flows.
	Search       string
	Found, Total int
	// Problem is the reason why there is no list.
	Problem string
}

// Example is the flow whose curl command is shown while there are no runs.
func (v flowsView) Example() *admin.Flow {
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
	slices.SortStableFunc(flows, func(a, b admin.Flow) int { return cmp.Compare(urgency(a), urgency(b)) })
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

// urgency sorts flows that should be served but are not to the top, where they are seen.
func urgency(flow admin.Flow) int {
	if !flow.Enabled && flow.Version > 0 {
		return 0
	}
	return 1
}

func matches(flow admin.Flow, search string) bool {
	search = strings.ToLower(search)
	return strings.Contains(flow.Key, search) || strings.Contains(strings.ToLower(flow.Title), search)
}

// runsView is a table of runs.
type runsView struct {
	Runs []runRow
	// Flow and Status are the filter.
	Flow   string
	Status everhook.Status
	// Older is the address of the next page; empty on the last one.
	Older string
	// Problem is the reason why there is no list. BadPage is set if the request named a page that does not exist.
	Problem string
	badPage bool
}

// Filtered reports whether the list has a filter.
func (v runsView) Filtered() bool { return v.Flow != "" || v.Status != "" }

// Statuses are the values of the filter.
func (runsView) Statuses() []everhook.Status { return admin.Listable }

type runRow struct {
	runs.Summary
	Now      time.Time
	Temporal string
	// Superseded is set if the run was started again after this execution.
	Superseded bool
}

func (c *console) listRuns(ctx context.Context, filter runs.Filter) runsView {
	view := runsView{Flow: filter.Flow, Status: filter.Status}
	listed, next, err := c.options.Runs.List(ctx, filter)
	if err != nil {
		c.options.Logger.WarnContext(ctx, "the runs could not be listed", "error", err)
		view.Problem, view.badPage = err.Error(), errors.Is(err, runs.ErrPage)
		return view
	}
	now := time.Now()
	superseded := runs.Superseded(listed)
	for _, run := range listed {
		view.Runs = append(view.Runs, runRow{Summary: run, Now: now, Temporal: c.options.TemporalURL(run),
			Superseded: superseded[run.Execution]})
	}
	if len(next) > 0 {
		query := url.Values{"page": {admin.PageText(next)}}
		if filter.Flow != "" {
			query.Set("flow", filter.Flow)
		}
		if filter.Status != "" {
			query.Set("status", string(filter.Status))
		}
		view.Older = "/runs?" + query.Encode()
	}
	return view
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

// runView is the page of one run.
type runView struct {
	runRow
	Detail runs.Detail
	// Steps are the steps on the shown page. Page counts from 1.
	Steps       []stepRow
	Page, Pages int
}

// shownSteps is how many steps one page of a run shows.
const shownSteps = 200

// Missing counts the steps that the step log did not keep.
func (v runView) Missing() int { return max(0, v.Detail.Total-len(v.Detail.Steps)) }

// First and Last are the positions of the shown steps among the kept steps, counted from 1.
func (v runView) First() int { return (v.Page-1)*shownSteps + 1 }

// Last is described at First.
func (v runView) Last() int { return v.First() + len(v.Steps) - 1 }

// PagePath is the address of another page of steps; empty if there is no such page.
func (v runView) PagePath(step int) string {
	page := v.Page + step
	if page < 1 || page > v.Pages {
		return ""
	}
	return fmt.Sprintf("%s&steps=%d#steps-title", runPath(v.Summary), page)
}

// StepPath is the address of a step, which may be on another page.
func (v runView) StepPath(number int) string {
	page := pageOf(v.Detail.Steps, number)
	if page == v.Page {
		return fmt.Sprintf("#at-%d", number)
	}
	return fmt.Sprintf("%s&steps=%d#at-%d", runPath(v.Summary), page, number)
}

func pageOf(steps []everhook.Step, number int) int {
	at := slices.IndexFunc(steps, func(step everhook.Step) bool { return step.Number == number })
	return max(at, 0)/shownSteps + 1
}

// Latest is the latest execution of the run if the shown one is an earlier one, else nil.
func (v runView) Latest() *runs.Summary {
	if len(v.Detail.Others) > 0 && v.Detail.Others[0].Started.After(v.Started) {
		return &v.Detail.Others[0]
	}
	return nil
}

// shownAt bounds the running steps that are named at the top of the page.
const shownAt = 3

// At returns the first running steps.
func (v runView) At() []everhook.Step {
	at := v.Detail.Running()
	return at[:min(len(at), shownAt)]
}

// MoreAt counts the running steps that At leaves out.
func (v runView) MoreAt() int { return len(v.Detail.Running()) - len(v.At()) }

// FailedAt is the number of the step that caused the run's error; 0 if it is not shown.
func (v runView) FailedAt() int {
	if v.Detail.Outcome == nil || v.Detail.Outcome.Error == nil {
		return 0
	}
	for _, step := range slices.Backward(v.Detail.Steps) {
		if step.Node == v.Detail.Outcome.Error.Node && step.Error != nil {
			return step.Number
		}
	}
	return 0
}

// Command is a command for the operator; empty for a run that resolved.
func (v runView) Command() string {
	switch {
	case !v.Status.Ended():
		return "everhook run cancel " + string(v.ID)
	case v.Status != everhook.Resolved:
		return "everhook run retry " + string(v.ID)
	default:
		return ""
	}
}

type stepRow struct {
	everhook.Step
	Now time.Time
}

// Contents names the details of the step that its row does not show; empty for none.
func (s stepRow) Contents() string {
	var parts []string
	add := func(name string, there bool) {
		if there {
			parts = append(parts, name)
		}
	}
	add("called run", s.Subflow != "")
	add("input", len(s.Config) > 0)
	add("result", s.Result != nil)
	add("error", s.Error != nil)
	add("lines", len(s.Lines) > 0)
	return strings.Join(parts, ", ")
}

// runOf makes the view of a run. Page 0 is the page with the running steps, or with the failed one.
func runOf(detail runs.Detail, temporal string, now time.Time, page int) runView {
	view := runView{runRow: runRow{Summary: detail.Summary, Now: now, Temporal: temporal}, Detail: detail}
	view.Pages = max(1, (len(detail.Steps)+shownSteps-1)/shownSteps)
	if page < 1 || page > view.Pages {
		page = view.mainPage()
	}
	view.Page = page
	from := (page - 1) * shownSteps
	for _, step := range detail.Steps[from:min(from+shownSteps, len(detail.Steps))] {
		view.Steps = append(view.Steps, stepRow{step, now})
	}
	return view
}

func (v runView) mainPage() int {
	if at := v.Detail.Running(); len(at) > 0 {
		return pageOf(v.Detail.Steps, at[0].Number)
	}
	if failed := v.FailedAt(); failed > 0 {
		return pageOf(v.Detail.Steps, failed)
	}
	return 1
}

var functions = template.FuncMap{
	"ago": ago, "exact": exact, "machine": machine, "took": took, "pretty": pretty, "curl": curl,
	"clock":   func(t time.Time) string { return t.Local().Format("15:04:05.000") },
	"runPath": runPath,
	"runURL": func(workflowID string) string {
		flow, run, _ := everhook.ParseWorkflowID(workflowID)
		return runPath(runs.Summary{Flow: flow, ID: run})
	},
	"copying": func(text any, what ...string) copying { return copying{fmt.Sprint(text), strings.Join(what, " ")} },
	"runsOf":  func(flow string) string { return "/runs?flow=" + url.QueryEscape(flow) },
	"short":   func(id everhook.RunID) string { return string(id[:min(8, len(id))]) },
}

// runPath is the address of one execution of a run, or of the latest one.
func runPath(run runs.Summary) string {
	path := "/runs/" + string(run.ID) + "?flow=" + url.QueryEscape(run.Flow)
	if run.Execution != "" {
		path += "&execution=" + url.QueryEscape(run.Execution)
	}
	return path
}

// copying is a button that copies a text. What names the text for screen readers, for example "the URL of orders".
type copying struct{ Text, What string }

// ago returns the age of a time in words.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d d ago", d/(24*time.Hour))
	}
}

func exact(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 MST") }

func machine(t time.Time) string { return everhook.FormatTime(t.UTC()) }

// took returns the duration of a step or run in words, up to now if it has not ended.
func took(started time.Time, ended *time.Time, now time.Time) string {
	if ended == nil {
		return lasted(now.Sub(started)) + " so far"
	}
	return lasted(ended.Sub(started))
}

func lasted(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// pretty returns a value as indented JSON, and text unchanged.
func pretty(v any) string {
	if value, ok := v.(*everhook.Value); ok {
		if text, ok := value.V.(string); ok {
			return text
		}
	}
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	var indented bytes.Buffer
	if json.Indent(&indented, data, "", "  ") != nil {
		return string(data)
	}
	return indented.String()
}

// curl returns a command for a POSIX shell that calls a flow.
func curl(address string) string {
	return "curl -i '" + strings.ReplaceAll(address, "'", `'\''`) +
		`' -H 'Content-Type: application/json' -d '{"hello": "world"}'`
}

func entityTag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
