package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// HookCall is a call of the webhook of a flow.
type HookCall struct {
	Method  string       `json:"method,omitempty" maxLength:"10" doc:"POST, PUT or GET. Default: POST."`
	Query   string       `json:"query,omitempty" maxLength:"8192" doc:"The query of the URL, without its question mark."`
	Headers []HookHeader `json:"headers,omitempty" maxItems:"50" doc:"Default: Content-Type: application/json."`
	Body    string       `json:"body,omitempty" maxLength:"1048576"`
}

// HookHeader is one header.
type HookHeader struct {
	Name  string `json:"name" minLength:"1" maxLength:"200"`
	Value string `json:"value" maxLength:"8192"`
}

// HookAnswer is what the caller got.
type HookAnswer struct {
	Status  int          `json:"status"`
	Headers []HookHeader `json:"headers"`
	// Body is the text of the answer, at most 64 KiB of it.
	Body string `json:"body"`
	// Milliseconds is how long the caller waited.
	Milliseconds int64 `json:"milliseconds"`
	// Run is the ID of the run that the call started; empty if it started none.
	Run string `json:"run,omitempty"`
}

type callFlowInput struct {
	NamedFlow
	Body HookCall
}

func callFlow(s *service) {
	add(s, operation{id: "call-flow", method: http.MethodPost, path: "/api/v1/flows/{key}/call", tag: tagFlows,
		role: access.Editor, summary: "Call the webhook of a flow", timeout: actTimeout, maxBody: 2 << 20,
		description: "The server calls the URL as any caller would, so a run starts and has its effects. It shows no " +
			"credentials but those in the headers."},
		func(ctx context.Context, in *callFlowInput) (*reply[HookAnswer], error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			flow, err := s.stored(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodGet}, in.Body.Method) {
				return nil, wrongf("/body/method", "write POST, PUT or GET")
			}
			if s.CallHook == nil {
				return nil, fail(conflict, "this process does not receive webhooks; ask one with the role receiver")
			}
			// The call has left even if its answer is lost: the audit trail has it before.
			if err := s.Store.Record(ctx, store.Change{Action: "call", Object: "flow", Name: in.Key}); err != nil {
				return nil, err
			}
			called, err := s.CallHook(ctx, flow.Token, in.Body)
			if err != nil {
				return nil, fail(conflict, "the URL could not be called: "+err.Error())
			}
			return answer(called), nil
		})
}
