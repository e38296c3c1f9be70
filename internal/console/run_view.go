package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// runView is the page of one run.
type runView struct {
	runRow
	Detail runs.Detail
	// Steps are the shown steps; from and to are their positions among the kept steps.
	Steps    []stepRow
	from, to int
	// Origin is the scheme, host and port of the page.
	Origin string
}

// Bounds of the steps on one page. A page has at least one step.
const (
	shownSteps = 100
	// shownBytes bounds the sum of the steps as JSON, with stepBytes more for each.
	shownBytes = 96 << 10
	stepBytes  = 400
	// stepsAfter is the number of steps after the one that a page is opened for.
	stepsAfter = 20
)

// Missing counts the steps that the step log did not keep.
func (v runView) Missing() int { return max(0, v.Detail.Total-len(v.Detail.Steps)) }

// First and Last are the positions of the shown steps among the kept steps, counted from 1.
func (v runView) First() int { return v.from + 1 }

// Last is described at First.
func (v runView) Last() int { return v.to }

// Partial reports whether only some of the kept steps are shown.
func (v runView) Partial() bool { return len(v.Steps) < len(v.Detail.Steps) }

// Earlier is the address of the steps before the shown ones; empty if there are none.
func (v runView) Earlier() string {
	if v.from == 0 {
		return ""
	}
	return v.stepsPath(v.Detail.Steps[pageStart(v.Detail.Steps, v.from)].Number) + "#steps-title"
}

// Later is the address of the steps after the shown ones; empty if there are none.
func (v runView) Later() string {
	if v.to == len(v.Detail.Steps) {
		return ""
	}
	return v.stepsPath(v.Detail.Steps[v.to].Number) + "#steps-title"
}

// stepsPath is the address of the steps from a number on.
func (v runView) stepsPath(number int) string {
	return fmt.Sprintf("%s&from=%d", runPath(v.Summary), number)
}

// StepPath is the address of a step, which may be on another page.
func (v runView) StepPath(number int) string {
	if slices.ContainsFunc(v.Steps, func(step stepRow) bool { return step.Number == number }) {
		return fmt.Sprintf("#at-%d", number)
	}
	return fmt.Sprintf("%s#at-%d", v.stepsPath(number), number)
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
func (v runView) At() []stepRow {
	var at []stepRow
	for _, step := range v.Detail.Running() {
		if len(at) < shownAt {
			at = append(at, stepRow{step, v.Started, v.Now})
		}
	}
	return at
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
		return "everhook run cancel " + string(v.ID) + v.serverFlag()
	case v.Status != everhook.Resolved:
		return "everhook run retry " + string(v.ID) + v.serverFlag()
	default:
		return ""
	}
}

// origins are addresses of pages that can stand in a command.
var origins = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+$`)

// serverFlag makes the command work from elsewhere; it is empty if the address of the page is unusual.
func (v runView) serverFlag() string {
	switch {
	case !origins.MatchString(v.Origin):
		return ""
	case strings.Contains(v.Origin, "["):
		return " --server '" + v.Origin + "'"
	default:
		return " --server " + v.Origin
	}
}

// originOf is the scheme, host and port by which the browser knows the page.
func originOf(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

type stepRow struct {
	everhook.Step
	// RunStarted is when the run started, Now when the page was made.
	RunStarted, Now time.Time
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

// Clock is the time of the step's start, with the day if that is not the day of the run's start.
func (s stepRow) Clock() string { return clock(s.Started, s.RunStarted) }

// runOf makes the view of a run, with steps from a number on; 0 means the steps around the running ones, or around the
// failed one.
func runOf(detail runs.Detail, temporal string, now time.Time, from int) runView {
	view := runView{runRow: runRow{Summary: detail.Summary, Now: now, Temporal: temporal}, Detail: detail}
	view.from, view.to = view.shown(from)
	for _, step := range detail.Steps[view.from:view.to] {
		view.Steps = append(view.Steps, stepRow{step, detail.Started, now})
	}
	return view
}

// shown decides which of the kept steps are shown.
func (v runView) shown(number int) (from, to int) {
	steps := v.Detail.Steps
	if number > 0 {
		from = max(0, min(placeOf(steps, number), len(steps)-1))
		return from, pageEnd(steps, from)
	}
	wanted := v.FailedAt()
	if at := v.Detail.Running(); len(at) > 0 {
		wanted = at[0].Number
	}
	place := placeOf(steps, wanted)
	if to = pageEnd(steps, 0); place < to {
		return 0, to
	}
	to = min(place+stepsAfter, len(steps))
	if from = pageStart(steps, to); from > place { // the steps after it are large
		return place, pageEnd(steps, place)
	}
	return from, to
}

// placeOf returns the position of the first step with that number or a higher one.
func placeOf(steps []everhook.Step, number int) int {
	place, _ := slices.BinarySearchFunc(steps, number,
		func(step everhook.Step, number int) int { return step.Number - number })
	return place
}

// pageEnd returns the end of a page that begins at a position; pageStart returns the beginning of a page that ends
// before a position.
func pageEnd(steps []everhook.Step, from int) int {
	to, size := from, 0
	for to < len(steps) && to-from < shownSteps {
		if size += sizeOf(steps[to]); size > shownBytes && to > from {
			break
		}
		to++
	}
	return to
}

// pageStart is described at pageEnd.
func pageStart(steps []everhook.Step, to int) int {
	from, size := to, 0
	for from > 0 && to-from < shownSteps {
		if size += sizeOf(steps[from-1]); size > shownBytes && from < to {
			break
		}
		from--
	}
	return from
}

func sizeOf(step everhook.Step) int {
	data, err := everhook.EncodeJSON(step)
	if err != nil {
		return stepBytes
	}
	return stepBytes + len(data)
}

// runPath is the address of one execution of a run, or of the latest one.
func runPath(run runs.Summary) string {
	path := "/runs/" + string(run.ID) + "?flow=" + url.QueryEscape(run.Flow)
	if run.Execution != "" {
		path += "&execution=" + url.QueryEscape(run.Execution)
	}
	return path
}
