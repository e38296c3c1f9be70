package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// StepList is a page of the steps of a run, in the order in which they began.
type StepList struct {
	Steps []everhook.Step `json:"steps"`
	// Total counts all steps, also those that the step log did not keep; Note says why some are missing.
	Total int    `json:"total"`
	Note  string `json:"note,omitempty"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

type listStepsInput struct {
	GetRunInput
	Node   string `query:"node" maxLength:"100" doc:"Only steps of the node with this key."`
	Status string `query:"status" enum:"pending,resolved,failed,error,aborted,cancelled,rejected" doc:"Only steps with this status."`
	Paging
}

func listSteps(s *service) {
	add(s, operation{id: "list-steps", method: http.MethodGet, path: "/api/v1/runs/{id}/steps", tag: tagRuns,
		role: access.Viewer, summary: "List the steps of a run", timeout: ShowTimeout},
		func(ctx context.Context, in *listStepsInput) (*reply[StepList], error) {
			cursor := cursorOf("steps", in.ID, in.Execution, in.Node, in.Status)
			place, err := in.after(cursor)
			if err != nil {
				return nil, err
			}
			detail, err := s.detail(ctx, in.GetRunInput)
			if err != nil {
				return nil, err
			}
			list := StepList{Steps: []everhook.Step{}, Total: detail.Total, Note: detail.Note}
			after, _ := strconv.Atoi(place)
			for _, step := range detail.Steps {
				if step.Number <= after || in.Node != "" && step.Node != in.Node ||
					in.Status != "" && string(step.Status) != in.Status {
					continue
				}
				if len(list.Steps) == in.limit() {
					list.Next = cursor.page(strconv.Itoa(list.Steps[in.limit()-1].Number))
					break
				}
				list.Steps = append(list.Steps, step)
			}
			return answer(list), nil
		})
}
