package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

// RunList is a page of runs.
type RunList struct {
	Runs []RunSummary `json:"runs"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

// RunSummary is one run in a list.
type RunSummary struct {
	runs.Summary
	// TemporalURL is the run's page in Temporal's UI: an address, or a path on the admin address. Empty without that
	// UI.
	TemporalURL string `json:"temporalUrl,omitempty"`
}

type listRunsInput struct {
	RunFilter
	Paging
}

func listRuns(s *service) {
	add(s, operation{id: "list-runs", method: http.MethodGet, path: "/api/v1/runs", tag: tagRuns,
		role: access.Viewer, summary: "List runs",
		description: "Runs that have not ended come first, the latest start first; then the others, the latest end " +
			"first. A run appears within a second of its start. A run that was started again has several executions. " +
			"A page can have fewer runs than the limit, also none: there are more as long as there is a next page."},
		func(ctx context.Context, in *listRunsInput) (*reply[RunList], error) {
			filter, err := in.parse(time.Now())
			if err != nil {
				return nil, err
			}
			if err := s.ofFlows(ctx, in.RunFilter, &filter); err != nil {
				return nil, err
			}
			cursor := cursorOf("runs", in.texts()...)
			place, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			if filter.Limit = in.limit(); place != "" {
				filter.Page = []byte(place)
			}
			found, next, err := s.Runs.List(ctx, filter)
			if err != nil {
				return nil, err
			}
			if found, err = s.visibleRuns(ctx, found); err != nil {
				return nil, err
			}
			return answer(RunList{Runs: s.summaries(found), Next: cursor.page(string(next))}), nil
		})
}

func (s *service) summaries(found []runs.Summary) []RunSummary {
	list := make([]RunSummary, len(found))
	for i, run := range found {
		list[i] = RunSummary{run, s.temporalURL(run)}
	}
	return list
}

func (s *service) temporalURL(run runs.Summary) string {
	if s.TemporalURL == nil {
		return ""
	}
	return s.TemporalURL(run)
}

// Unresolved is the value of "status" that stands for all runs that ended otherwise than resolved.
const Unresolved = "unresolved"

// Listable are the statuses by which runs can be filtered. A queued run is listed as pending.
var Listable = everhook.Statuses[1:]

// RunFilter are the parameters that select runs.
type RunFilter struct {
	Flow string `query:"flow" doc:"Only runs of the flow with this key."`
	Run  string `query:"run" doc:"Only runs whose ID begins with these four or more characters."`
	// Version needs Flow.
	Version int    `query:"version" minimum:"1" doc:"Only runs of this version of the flow."`
	Label   string `query:"label" maxLength:"100" doc:"Only runs of flows with this label."`
	Text    string `query:"text" maxLength:"200" doc:"Only runs of flows whose key or title contains this text, in any case."`
	Status  string `query:"status" doc:"Only runs with this status: pending, resolved, failed, error, aborted, cancelled or rejected; unresolved for all that ended otherwise than resolved."`
	After   string `query:"after" doc:"Only runs that started then or later: a time as RFC 3339, or how long ago it was, such as 90m or 7d." example:"2026-07-30T12:00:00Z"`
	Before  string `query:"before" doc:"Only runs that started before: see after."`
}

// Resolve refuses a filter that is none, before the operation runs.
func (f *RunFilter) Resolve(huma.Context) []error {
	if _, err := f.parse(time.Now()); err != nil {
		return []error{err}
	}
	return nil
}

func (f *RunFilter) texts() []string {
	return []string{f.Flow, f.Run, f.Status, f.After, f.Before, strconv.Itoa(f.Version), f.Label, f.Text}
}

// ofFlows limits a filter to the flows that the actor sees with the label and the text.
func (s *service) ofFlows(ctx context.Context, wanted RunFilter, filter *runs.Filter) error {
	if wanted.Label == "" && wanted.Text == "" {
		return nil
	}
	flows, err := s.visibleFlows(ctx)
	if err != nil {
		return err
	}
	selected := listFlowsInput{Label: wanted.Label, Text: wanted.Text}
	filter.Flows = []string{}
	for _, flow := range flows {
		if selected.selects(flow) && (wanted.Flow == "" || wanted.Flow == flow.Key) {
			filter.Flows = append(filter.Flows, flow.Key)
		}
	}
	return nil
}

// parse returns the filter of the runs. Its error is a problem with the pointer of the parameter.
func (f *RunFilter) parse(now time.Time) (runs.Filter, error) { return f.parseAt("/query", now) }

// parseAt is parse for fields below a pointer.
func (f *RunFilter) parseAt(at string, now time.Time) (runs.Filter, error) {
	filter := runs.Filter{Flow: f.Flow, Version: f.Version, Run: strings.TrimSpace(f.Run)}
	if filter.Flow != "" && !everhook.IsFlowKey(filter.Flow) {
		return filter, notFlowKey(at+"/flow", filter.Flow)
	}
	if filter.Version != 0 && filter.Flow == "" {
		return filter, wrongf(at+"/version", "a version is one of a flow; name the flow, too")
	}
	if filter.Run != "" && !runs.IsRunPrefix(filter.Run) {
		return filter, wrongf(at+"/run", "%q is not a run ID, nor the first four or more characters of one",
			everhook.Shorten(filter.Run, 60))
	}
	switch f.Status {
	case "":
	case Unresolved:
		filter.Unresolved = true
	default:
		status, err := everhook.ParseStatus(f.Status)
		if err != nil || status == everhook.Queued {
			return filter, wrongf(at+"/status", "%q is not a status that runs can be listed by; use one of %v or %s",
				everhook.Shorten(f.Status, 40), Listable, Unresolved)
		}
		filter.Status = status
	}
	var err error
	if filter.After, err = parseTime(at+"/after", f.After, now); err != nil {
		return filter, err
	}
	filter.Before, err = parseTime(at+"/before", f.Before, now)
	return filter, err
}

// ParseFilter parses the query of a page of runs: the parameters of the list of runs, "limit" (1 to 200, default 20)
// and "page", see PageText.
func ParseFilter(query url.Values) (runs.Filter, error) {
	parameters := RunFilter{Flow: query.Get("flow"), Run: query.Get("run"), Status: query.Get("status"),
		After: query.Get("after"), Before: query.Get("before")}
	filter, err := parameters.parse(time.Now())
	if err != nil {
		return filter, err
	}
	filter.Limit = 20
	if text := query.Get("limit"); text != "" {
		if filter.Limit, err = strconv.Atoi(text); err != nil || filter.Limit < 1 || filter.Limit > maxLimit {
			return filter, fmt.Errorf("%q is not a limit; use 1 to %d", everhook.Shorten(text, 40), maxLimit)
		}
	}
	if text := query.Get("page"); text != "" {
		if filter.Page, err = base64.RawURLEncoding.DecodeString(text); err != nil {
			return filter, runs.ErrPage
		}
	}
	return filter, nil
}

// PageText returns the parameter "page" of ParseFilter for a page token; empty for none.
func PageText(page []byte) string { return base64.RawURLEncoding.EncodeToString(page) }

// parseTime parses a time: RFC 3339; the same without a zone, which is that of the server, as forms of browsers send
// it; or how long ago it was, such as 90m or 7d. Empty: the zero time.
func parseTime(pointer, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	if ago, err := everhook.ParseDuration(text); err == nil {
		return now.Add(-ago.Std()), nil
	}
	return time.Time{}, wrongf(pointer, "%q is not a time; write for example 2026-07-30T12:00:00Z, or 2h for two "+
		"hours ago", everhook.Shorten(text, 40))
}

func notFlowKey(pointer, text string) error {
	return wrongf(pointer, "%q is not a flow key; use a-z, 0-9 and -", everhook.Shorten(text, 80))
}
