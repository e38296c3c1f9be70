package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// maxAction bounds the body of an action.
const maxAction = 64 << 10

// Cancelled is the answer of POST /api/v1/runs/{id}/cancel.
type Cancelled struct {
	ID   everhook.RunID `json:"id"`
	Flow string         `json:"flow"`
}

// CancelledFlow is the answer of POST /api/v1/flows/{key}/cancel.
type CancelledFlow struct {
	Flow string `json:"flow"`
	// Asked is how many runs were asked to end that had not been asked before. Ask again until it is 0.
	Asked int `json:"asked"`
}

// RetryRequest is the body of POST /api/v1/runs/{id}/retry. The body may be missing.
type RetryRequest struct {
	// Current retries with the enabled version of the flow. Default: the version of the run.
	Current bool `json:"current,omitempty"`
	// From is the key of the node to begin at, with the values of the steps before it. Default: the beginning.
	From string `json:"from,omitempty"`
}

// Retried is the answer of POST /api/v1/runs/{id}/retry.
type Retried struct {
	runs.Retried
	// URL is the page of the new run, as a path on the admin address.
	URL string `json:"url"`
}

func (s *site) cancel(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	flow, id, ok := s.actedOn(ctx, w, r)
	if !ok {
		return
	}
	if err := s.Actions.Cancel(ctx, flow, id); err != nil {
		s.failed(w, r, err)
		return
	}
	s.Logger.InfoContext(ctx, "a run is cancelled", "flow", flow, "run", id)
	writeJSON(w, http.StatusAccepted, Cancelled{id, flow})
}

// cancelFlow asks runs of a flow to end. The flow may be one that this server has no more: its runs may go on.
func (s *site) cancelFlow(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	flow := r.PathValue("key")
	if !everhook.IsFlowKey(flow) {
		refuse(w, malformed, fmt.Sprintf("%q is not a flow key", everhook.Shorten(flow, 80)))
		return
	}
	asked, err := s.Actions.CancelFlow(ctx, flow)
	if err != nil && asked == 0 {
		s.failed(w, r, err)
		return
	}
	s.Logger.InfoContext(ctx, "runs of a flow are cancelled", "flow", flow, "runs", asked)
	writeJSON(w, http.StatusAccepted, CancelledFlow{flow, asked})
}

func (s *site) retry(w http.ResponseWriter, r *http.Request) {
	wanted, err := readRetry(w, r)
	if err != nil {
		refuse(w, malformed, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	flow, id, ok := s.actedOn(ctx, w, r)
	if !ok {
		return
	}
	retried, err := s.Actions.Retry(ctx, flow, id, wanted.Current, wanted.From)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.Logger.InfoContext(ctx, "a run is retried", "flow", flow, "run", retried.ID, "retryOf", id, "version",
		retried.Version, "from", retried.From)
	w.Header().Set("Location", "/api/v1/runs/"+string(retried.ID))
	writeJSON(w, http.StatusCreated, Retried{retried, "/runs/" + string(retried.ID)})
}

// actedOn returns the run that an action names, or answers the request with the reason why there is none.
func (s *site) actedOn(ctx context.Context, w http.ResponseWriter,
	r *http.Request) (flow string, id everhook.RunID, ok bool) {
	flow, id, ok = namedRun(w, r)
	if !ok || flow != "" {
		return flow, id, ok
	}
	flow, err := s.flowOf(ctx, id)
	if err != nil {
		s.failed(w, r, err)
		return "", "", false
	}
	return flow, id, true
}

func readRetry(w http.ResponseWriter, r *http.Request) (RetryRequest, error) {
	var wanted RetryRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAction))
	if err != nil {
		return wanted, fmt.Errorf("the body cannot be read: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return wanted, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		return wanted, fmt.Errorf(`the body must look like {"current": true, "from": "NODE"}: %w`, err)
	}
	if decoder.More() {
		return wanted, errors.New("the body has more than one JSON value")
	}
	if wanted.From != "" && !everhook.IsNodeKey(wanted.From) {
		return wanted, fmt.Errorf("from: %q is not a node key", everhook.Shorten(wanted.From, 80))
	}
	return wanted, nil
}
