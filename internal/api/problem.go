package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// The problems of the API.
var (
	notFound  = everhook.Problem{Type: everhook.ProblemNotFound, Title: "Not found", Status: http.StatusNotFound}
	badMethod = everhook.Problem{Type: everhook.ProblemMethod, Title: "Method not allowed",
		Status: http.StatusMethodNotAllowed}
	malformed = everhook.Problem{Type: everhook.ProblemMalformed, Title: "Malformed request",
		Status: http.StatusBadRequest}
	tooLarge = everhook.Problem{Type: everhook.ProblemTooLarge, Title: "Body too large",
		Status: http.StatusRequestEntityTooLarge}
	mediaType = everhook.Problem{Type: everhook.ProblemMediaType, Title: "Unsupported media type",
		Status: http.StatusUnsupportedMediaType}
	denied    = everhook.Problem{Type: everhook.ProblemDenied, Title: "Not permitted", Status: http.StatusForbidden}
	conflict  = everhook.Problem{Type: everhook.ProblemConflict, Title: "Not possible", Status: http.StatusConflict}
	keyReused = everhook.Problem{Type: everhook.ProblemKeyReused, Title: "Idempotency key reused",
		Status: http.StatusUnprocessableEntity}
	tooMany = everhook.Problem{Type: everhook.ProblemRateLimited, Title: "Too many requests",
		Status: http.StatusTooManyRequests}
	stale = everhook.Problem{Type: everhook.ProblemStale, Title: "Changed since it was read",
		Status: http.StatusPreconditionFailed}
	invalidFlow = everhook.Problem{Type: everhook.ProblemInvalidBody, Title: "Invalid flow",
		Status: http.StatusUnprocessableEntity}
	invalidInput = everhook.Problem{Type: everhook.ProblemInvalidBody, Title: "Invalid input",
		Status: http.StatusUnprocessableEntity}
	unavailable = everhook.Problem{Type: everhook.ProblemUnavailable, Title: "Unavailable",
		Status: http.StatusServiceUnavailable}
	internal = everhook.Problem{Type: everhook.ProblemInternal, Title: "Internal error",
		Status: http.StatusInternalServerError}
)

// problem is the answer to a request that is refused: application/problem+json.
type problem struct {
	everhook.Problem
	header http.Header
}

var (
	_ huma.StatusError       = (*problem)(nil)
	_ huma.HeadersError      = (*problem)(nil)
	_ huma.ContentTypeFilter = (*problem)(nil)
)

// fail makes a problem. The detail says what the caller can do.
func fail(kind everhook.Problem, detail string, wrong ...everhook.ProblemDetail) *problem {
	kind.Detail, kind.Errors = detail, wrong
	return &problem{Problem: kind}
}

// wrongf is a malformed request with one wrong field. The pointer leads into the request, see pointerOf.
func wrongf(pointer, format string, a ...any) *problem {
	text := fmt.Sprintf(format, a...)
	_, name, _ := strings.Cut(pointer[1:], "/")
	return fail(malformed, name+": "+text, pointed(pointer, text))
}

// pointed is one wrong field.
func pointed(pointer, detail string) everhook.ProblemDetail {
	return everhook.ProblemDetail{Pointer: pointer, Detail: detail}
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) GetHeaders() http.Header   { return p.header }
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// with adds a header.
func (p *problem) with(name, value string) *problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// write sends a problem outside of an operation.
func write(w http.ResponseWriter, p *problem) {
	data, err := everhook.EncodeJSON(p.Problem)
	if err != nil {
		panic(err) // the struct has only texts and numbers
	}
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(data, '\n')) // the client may have closed the connection
}

// respond sends a problem in place of an operation.
func respond(ctx huma.Context, p *problem) {
	data, err := everhook.EncodeJSON(p.Problem)
	if err != nil {
		panic(err) // the struct has only texts and numbers
	}
	for name, values := range p.header {
		for _, value := range values {
			ctx.SetHeader(name, value)
		}
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_, _ = ctx.BodyWriter().Write(append(data, '\n')) // the client may have closed the connection
}

// problemOf is the answer to a request whose operation returned an error.
func (s *service) problemOf(ctx context.Context, op operation, err error) error {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if errors.Is(err, everhook.ErrNoRun) {
		return fail(notFound, "no such run, or it has expired")
	}
	if errors.Is(err, runs.ErrPage) {
		return wrongf("/query/page", "%v", err)
	}
	if p := ofStore(err); p != nil {
		return p
	}
	if wrong, ok := errors.AsType[*access.Wrong](err); ok {
		return wrongf("/body/"+wrong.Field, "%s", wrong.Message)
	}
	if errors.Is(err, access.ErrNotFound) {
		return fail(notFound, err.Error())
	}
	if errors.Is(err, access.ErrTaken) {
		return fail(conflict, err.Error())
	}
	if refusal, ok := errors.AsType[*runs.Refusal](err); ok {
		return fail(conflict, refusal.Error())
	}
	if missing, ok := errors.AsType[*access.Denied](err); ok {
		return fail(denied, missing.Error())
	}
	if p := ofCall(err); p != nil {
		return p
	}
	s.Logger.WarnContext(ctx, "an admin request could not be answered", "operation", op.id, "error", err)
	return fail(unavailable, err.Error()).with("Retry-After", "5")
}

// ofCall is the answer to a call of a flow that is refused; nil for other errors.
func ofCall(err error) *problem {
	if wrong, ok := errors.AsType[*WrongInput](err); ok {
		p := fail(invalidInput, wrong.Error())
		for _, one := range wrong.Problems {
			p.Errors = append(p.Errors, pointed("/body/input"+one.Pointer, one.Detail))
		}
		if len(p.Errors) == 1 {
			p.Detail += ": " + strings.TrimPrefix(p.Errors[0].Pointer, "/body/") + ": " + p.Errors[0].Detail
		}
		return p
	}
	if impossible, ok := errors.AsType[*everhook.Error](err); ok {
		if impossible.Type == everhook.TypeLimit {
			return fail(invalidInput, impossible.Message, pointed("/body/input", impossible.Message))
		}
		return fail(conflict, impossible.Message)
	}
	return nil
}

// ofStore is the answer to a request that the store refused; nil for other errors.
func ofStore(err error) *problem {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fail(notFound, err.Error())
	case errors.Is(err, store.ErrStale):
		return fail(stale, err.Error()+"; read it again", pointed("/header/If-Match", "another revision"))
	case errors.Is(err, store.ErrTokenTaken):
		return fail(conflict, err.Error(), pointed("/body/trigger/token", "another flow has this token"))
	case errors.Is(err, store.ErrManagedByFiles), errors.Is(err, store.ErrTokenNamed):
		return fail(conflict, err.Error())
	default:
		return nil
	}
}

// useProblems makes huma answer with the problems of Everhook, and say that lists are never null. Huma has one form of
// errors for a process.
var useProblems = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, text string, errs ...error) huma.StatusError {
		return problemFor(nil, status, text, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, text string, errs ...error) huma.StatusError {
		return problemFor(ctx.Operation(), status, text, errs)
	}
})

// problemFor is the answer to a request that does not have the form of its operation.
func problemFor(op *huma.Operation, status int, text string, errs []error) *problem {
	kind := malformed
	switch status {
	case http.StatusUnsupportedMediaType:
		kind = mediaType
	case http.StatusRequestEntityTooLarge:
		kind = tooLarge
	case http.StatusInternalServerError:
		kind = internal
	}
	p := fail(kind, text)
	var texts []string
	for _, err := range errs {
		if wrong, ok := errors.AsType[*problem](err); ok {
			p.Errors = append(p.Errors, wrong.Errors...)
			texts = append(texts, wrong.Detail)
			continue
		}
		detail, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			texts = append(texts, err.Error())
			continue
		}
		wrong := everhook.ProblemDetail{Pointer: pointerOf(detail.Location), Detail: explained(op, detail)}
		p.Errors = append(p.Errors, wrong)
		_, name, _ := strings.Cut(detail.Location, ".")
		if name != "" {
			name += ": "
		}
		texts = append(texts, name+wrong.Detail)
	}
	if len(texts) > 0 {
		p.Detail = strings.Join(texts[:min(len(texts), shownErrors)], "; ")
	}
	return p
}

// shownErrors bounds how many wrong fields the detail of a problem names.
const shownErrors = 5

// pointerOf turns a location such as "body.items[3].tags" into a JSON pointer into the request, which is taken as an
// object with path, query, header and body.
func pointerOf(location string) string {
	var pointer strings.Builder
	for part := range strings.FieldsFuncSeq(location, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		pointer.WriteString("/" + pointerEscape.Replace(part))
	}
	return pointer.String()
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// explained adds to the message about a field what would be right.
func explained(op *huma.Operation, detail *huma.ErrorDetail) string {
	switch {
	case op != nil && detail.Message == "unknown query parameter":
		var known []string
		for _, p := range op.Parameters {
			if p.In == "query" {
				known = append(known, p.Name)
			}
		}
		if len(known) == 0 {
			return "this operation has no query parameters"
		}
		slices.Sort(known)
		return "not a parameter of this operation; use " + strings.Join(known, ", ")
	case detail.Message == validation.MsgUnexpectedProperty:
		return "unknown field"
	default:
		return detail.Message
	}
}

// refusals documents the statuses of an operation's refusals.
func refusals(api huma.API, more []int) map[string]*huma.Response {
	schema := api.OpenAPI().Components.Schemas.Schema(problemSchema, true, "Problem")
	documented := map[string]*huma.Response{}
	for _, status := range append([]int{400, 401, 403, 404, 429, 503}, more...) {
		documented[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status),
			Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
	}
	return documented
}
