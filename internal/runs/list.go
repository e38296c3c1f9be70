package runs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// ErrPage means that Filter.Page is not a page that List returned.
var ErrPage = errors.New("the page is not one that an earlier list returned as next")

// Filter selects runs. Empty fields select all.
type Filter struct {
	Flow string
	// Flows are the only flows whose runs are listed. Nil: all.
	Flows  []string
	Status everhook.Status
	// Version is a version of Flow; 0: all.
	Version int
	// Run is a run ID or the beginning of one, see IsRunPrefix.
	Run string
	// Ended leaves out runs that have not ended, and Unresolved also those that resolved.
	Ended, Unresolved bool
	// After and Before select the runs that started at After or later, and before Before. Zero: no bound.
	After, Before time.Time
	// Limit is the length of a page. Default 20, at most 1,000.
	Limit int
	// Page is the token of the page, as the page before returned it; empty for the first page.
	Page []byte
}

const (
	defaultPage = 20
	maxPage     = 1000
)

// runPrefixExp matches at least four characters: fewer select too much.
var runPrefixExp = regexp.MustCompile(`^[a-z2-7]{4,26}$`)

// IsRunPrefix reports whether a text is a run ID or the beginning of one, of at least four characters.
func IsRunPrefix(text string) bool { return runPrefixExp.MatchString(text) }

// List returns a page of runs and the token of the next page (nil: this is the last page). Runs that have not ended
// come first, the latest start first; then the others, the latest end first. Temporal offers no other order. A run
// appears within a second of its start.
func (r *Operator) List(ctx context.Context, filter Filter) ([]Summary, []byte, error) {
	if filter.Flows != nil && len(filter.Flows) == 0 {
		return nil, nil, nil
	}
	query, err := r.query(filter)
	if err != nil {
		return nil, nil, err
	}
	token, ok := filter.token(filter.Page)
	if !ok {
		return nil, nil, ErrPage
	}
	limit := filter.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
		PageSize: int32(min(limit, maxPage)), NextPageToken: token})
	if err != nil {
		return nil, nil, explained(err)
	}
	runs := make([]Summary, 0, len(response.GetExecutions()))
	for _, info := range response.GetExecutions() {
		// A namespace without search attributes can't select runs by their ID or version, so a page may have few of
		// them.
		if summary, ok := summaryOf(info); ok && filter.matches(summary) {
			runs = append(runs, summary)
		}
	}
	return runs, filter.page(response.GetNextPageToken()), nil
}

// matches reports whether a run has the ID and the version.
func (f Filter) matches(run Summary) bool {
	return strings.HasPrefix(string(run.ID), f.Run) && (f.Version == 0 || run.Version == f.Version)
}

// pageMark is the length of the mark in front of a page token of Temporal. Temporal answers a token that is none of
// its own as if it were unavailable, so the client would try again until its time is over.
const pageMark = 8

// page makes the token of a page of the filter's list from the token of Temporal; nil stays nil.
func (f Filter) page(token []byte) []byte {
	if len(token) == 0 {
		return nil
	}
	return append(f.mark(token), token...)
}

// token is Temporal's token of a page. It returns false if the page is not one of the filter's list.
func (f Filter) token(page []byte) ([]byte, bool) {
	if len(page) == 0 {
		return nil, true
	}
	if len(page) <= pageMark {
		return nil, false
	}
	token := page[pageMark:]
	return token, bytes.Equal(page[:pageMark], f.mark(token))
}

// mark leaves out the bounds of time, which can be relative to the time of the question, and the flows, which can
// change between two pages.
func (f Filter) mark(token []byte) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s %s %t %t %s", f.Flow, f.Version, f.Run, f.Status, f.Ended,
		f.Unresolved, token))
	return sum[:pageMark]
}

func (r *Operator) query(filter Filter) (string, error) {
	terms := []string{"WorkflowType = '" + workflows.RunWorkflow + "'"}
	if filter.Flow != "" {
		if !everhook.IsFlowKey(filter.Flow) {
			return "", fmt.Errorf("%q is not a flow key", filter.Flow)
		}
		if r.attributes {
			terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.AttributeFlow.GetName(), filter.Flow))
		} else {
			terms = append(terms, fmt.Sprintf("WorkflowId STARTS_WITH '%s/'", filter.Flow))
		}
	}
	if filter.Version != 0 && r.attributes {
		terms = append(terms, fmt.Sprintf("%s = '%d'", workflows.AttributeVersion.GetName(), filter.Version))
	}
	if filter.Flows != nil {
		term, err := r.ofFlows(filter.Flows)
		if err != nil {
			return "", err
		}
		terms = append(terms, term)
	}
	if filter.Run != "" {
		if !IsRunPrefix(filter.Run) {
			return "", fmt.Errorf("%q is not the beginning of a run ID", filter.Run)
		}
		if r.attributes {
			terms = append(terms, fmt.Sprintf("%s STARTS_WITH '%s'", workflows.AttributeRun.GetName(), filter.Run))
		}
	}
	switch {
	case filter.Unresolved: // the others are few: an index finds them
		terms = append(terms, "ExecutionStatus IN ('Failed', 'Canceled', 'Terminated', 'TimedOut')")
	case filter.Ended:
		terms = append(terms, "ExecutionStatus != 'Running'")
	}
	if !filter.After.IsZero() {
		terms = append(terms, fmt.Sprintf("StartTime >= '%s'", everhook.FormatTime(filter.After.UTC())))
	}
	if !filter.Before.IsZero() {
		terms = append(terms, fmt.Sprintf("StartTime < '%s'", everhook.FormatTime(filter.Before.UTC())))
	}
	switch filter.Status {
	case "":
	case everhook.Pending:
		terms = append(terms, "ExecutionStatus = 'Running'")
	case everhook.Resolved:
		terms = append(terms, "ExecutionStatus = 'Completed'")
	case everhook.Cancelled:
		terms = append(terms, "(ExecutionStatus = 'Canceled' OR ExecutionStatus = 'Terminated')")
	case everhook.Failed, everhook.Errored, everhook.Aborted, everhook.Rejected:
		if !r.attributes {
			return "", fmt.Errorf("runs cannot be listed by status %q: the Temporal namespace lacks the search "+
				"attributes of Everhook", filter.Status)
		}
		terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.AttributeStatus.GetName(), filter.Status))
	default:
		return "", fmt.Errorf("runs cannot be listed by status %q", filter.Status)
	}
	return strings.Join(terms, " AND "), nil
}

// ofFlows selects the runs of some flows.
func (r *Operator) ofFlows(flows []string) (string, error) {
	terms := make([]string, len(flows))
	for i, flow := range flows {
		switch {
		case !everhook.IsFlowKey(flow):
			return "", fmt.Errorf("%q is not a flow key", flow)
		case r.attributes:
			terms[i] = "'" + flow + "'"
		default:
			terms[i] = fmt.Sprintf("WorkflowId STARTS_WITH '%s/'", flow)
		}
	}
	if r.attributes {
		return fmt.Sprintf("%s IN (%s)", workflows.AttributeFlow.GetName(), strings.Join(terms, ", ")), nil
	}
	return "(" + strings.Join(terms, " OR ") + ")", nil
}

// Find returns the flow of a run. If lists do not have the run, it tries the given flows. everhook.ErrNoRun: the run is
// unknown or has expired.
func (r *Operator) Find(ctx context.Context, flows []string, id everhook.RunID) (string, error) {
	listed, listErr := r.listed(ctx, id)
	if listed != "" {
		return listed, nil
	}
	for _, flow := range flows {
		_, err := r.client.DescribeWorkflowExecution(ctx, everhook.WorkflowID(flow, id), "")
		if err == nil {
			return flow, nil
		}
		if _, ok := errors.AsType[*serviceerror.NotFound](err); !ok {
			return "", explained(err)
		}
	}
	return "", cmp.Or(explained(listErr), everhook.ErrNoRun)
}

// listed finds the flow of a run by its search attribute. It returns an empty text if no list has the run (yet).
func (r *Operator) listed(ctx context.Context, id everhook.RunID) (string, error) {
	if !r.attributes {
		return "", nil
	}
	query := fmt.Sprintf("%s = '%s' AND WorkflowType = '%s'", workflows.AttributeRun.GetName(), id,
		workflows.RunWorkflow)
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
		PageSize: 1})
	for _, info := range response.GetExecutions() {
		if flow, _, ok := everhook.ParseWorkflowID(info.GetExecution().GetWorkflowId()); ok {
			return flow, nil
		}
	}
	return "", err
}

// Superseded returns the executions in a list that have a later execution of the same run in the list.
func Superseded(list []Summary) map[string]bool {
	latest := map[string]Summary{}
	for _, run := range list {
		id := everhook.WorkflowID(run.Flow, run.ID)
		if known, ok := latest[id]; !ok || run.Started.After(known.Started) {
			latest[id] = run
		}
	}
	superseded := map[string]bool{}
	for _, run := range list {
		if latest[everhook.WorkflowID(run.Flow, run.ID)].Execution != run.Execution {
			superseded[run.Execution] = true
		}
	}
	return superseded
}

// Changed returns the runs that started or ended at a time or later, at most limit, and whether there are more. It is
// one query.
func (r *Operator) Changed(ctx context.Context, since time.Time, limit int) ([]Summary, bool, error) {
	at := everhook.FormatTime(since.UTC())
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: int32(limit),
		Query: fmt.Sprintf("WorkflowType = '%s' AND (StartTime >= '%s' OR CloseTime >= '%s')", workflows.RunWorkflow,
			at, at)})
	if err != nil {
		return nil, false, explained(err)
	}
	var changed []Summary
	for _, info := range response.GetExecutions() {
		if summary, ok := summaryOf(info); ok {
			changed = append(changed, summary)
		}
	}
	return changed, len(response.GetNextPageToken()) > 0, nil
}
