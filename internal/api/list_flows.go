package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// Flow is one flow as an operator sees it.
type Flow struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Mode is the flow's mode; empty if the file could not be read.
	Mode everhook.Mode `json:"mode,omitempty"`
	// Trigger is the kind of the flow's trigger; empty if the file could not be read.
	Trigger string `json:"trigger,omitempty"`
	// Version counts from 1; 0 if there is none yet.
	Version int `json:"version,omitempty"`
	// Enabled reports whether the trigger starts runs.
	Enabled bool `json:"enabled"`
	// Paused reports whether deliveries are kept and not run until the flow is resumed.
	Paused bool `json:"paused,omitempty"`
	// URL is the webhook URL; empty without a webhook trigger.
	URL string `json:"url,omitempty"`
	// Note says why the flow, or its latest version, is not served.
	Note string `json:"note,omitempty"`
	// Skipped counts the deliveries that the trigger's condition left out since this process began: they started no
	// run.
	Skipped int64 `json:"skipped,omitempty"`
	// Latest is the number of the newest version.
	Latest int `json:"latest,omitempty"`
	// Labels are words to group flows by.
	Labels []string `json:"labels,omitempty"`
	// Managed says where the flow is changed: store, or files for one that a server applies from a directory.
	Managed string `json:"managed,omitempty"`
	// Source says where the flow was last applied from.
	Source string `json:"source,omitempty"`
	// Updated is the time of the last change.
	Updated *time.Time `json:"updated,omitempty"`
}

// With returns the flow with what the store knows of it.
func (f Flow) With(stored store.Flow) Flow {
	f.Latest, f.Labels, f.Managed, f.Source = stored.Latest, stored.Labels, string(stored.Managed), stored.Source
	f.Paused = stored.Paused
	if !stored.UpdatedAt.IsZero() {
		f.Updated = &stored.UpdatedAt
	}
	return f
}

// FileProblem is an error of a flow file.
type FileProblem struct {
	// File, Line and Column are its place.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Node is the key of the node; empty outside nodes.
	Node string `json:"node,omitempty"`
	// Message says what is wrong, Fix what to do about it.
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// FlowList is a page of flows, by key.
type FlowList struct {
	Flows []Flow `json:"flows"`
	// Problems are the errors of flow files that are not applied as they are. Only the first page has them.
	Problems []FileProblem `json:"problems,omitempty"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

type listFlowsInput struct {
	State string `query:"state" enum:"served,failing,disabled" doc:"Only flows in this state: served; failing, which are enabled but not served; or disabled."`
	Label string `query:"label" maxLength:"100" doc:"Only flows with this label."`
	Text  string `query:"text" maxLength:"200" doc:"Only flows whose key or title contains this text, in any case."`
	Paging
}

func listFlows(s *service) {
	add(s, operation{id: "list-flows", method: http.MethodGet, path: "/api/v1/flows", tag: tagFlows,
		role: access.Viewer, summary: "List flows",
		description: "Flows are sorted by key. Flows that the actor may not see are left out."},
		func(ctx context.Context, in *listFlowsInput) (*reply[FlowList], error) {
			cursor := cursorOf("flows", in.State, in.Label, in.Text)
			after, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			flows, err := s.Flows.Flows(ctx)
			if err != nil {
				return nil, err
			}
			list := FlowList{Flows: []Flow{}}
			if after == "" && s.Problems != nil {
				list.Problems = s.Problems()
			}
			actor := access.From(ctx)
			at, found := slices.BinarySearchFunc(flows, after, func(f Flow, key string) int {
				return strings.Compare(f.Key, key)
			})
			if found {
				at++
			}
			for _, flow := range flows[at:] {
				if !actor.Sees(flow.Key, flow.Labels) || !in.selects(flow) {
					continue
				}
				if len(list.Flows) == in.limit() {
					list.Next = cursor.page(list.Flows[len(list.Flows)-1].Key)
					break
				}
				list.Flows = append(list.Flows, flow)
			}
			return answer(list), nil
		})
}

// selects reports whether a flow is in the list.
func (in *listFlowsInput) selects(flow Flow) bool {
	if in.State != "" && in.State != flow.State() {
		return false
	}
	if in.Label != "" && !slices.Contains(flow.Labels, in.Label) {
		return false
	}
	text := strings.ToLower(in.Text)
	return strings.Contains(flow.Key, text) || strings.Contains(strings.ToLower(flow.Title), text)
}

// State is served, failing (enabled, but not served) or disabled.
func (f Flow) State() string {
	switch {
	case f.Enabled:
		return "served"
	case f.Version > 0:
		return "failing"
	default:
		return "disabled"
	}
}
