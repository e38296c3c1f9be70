package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

// operation describes one operation of the API.
type operation struct {
	// id names the operation for generated clients, for example "cancel-run". It is never edited.
	id           string
	method, path string
	// tag is the group of the operation in the document.
	tag string
	// role is the role that the actor needs. Every operation has one.
	role access.Role
	// everywhere is set if the role is needed without a limit to some flows.
	everywhere bool
	// summary says in one line what the operation does; description adds what a caller must know.
	summary, description string
	// status is that of a success. Default 200, or 204 without a body.
	status int
	// timeout bounds the operation. Default ReadTimeout.
	timeout time.Duration
	// media is the type of an answer that is a text and not JSON.
	media string
	// confidential is set if the answer has a secret: then it is not kept for a repeated request.
	confidential bool
	// maxBody bounds the body. Default maxAction.
	maxBody int64
	// accepted is set if the answer is 202 as long as the work goes on.
	accepted bool
	// responses are the statuses of refusals besides 400, 401, 403, 404, 429 and 503.
	refusals []int
}

// maxAction bounds the body of most operations.
const maxAction = 64 << 10

// Keys of the metadata of a huma operation.
const (
	metaRole       = "role"
	metaEverywhere = "everywhere"
	metaTimeout    = "timeout"
	// metaConfidential is set if the answer has a secret.
	metaConfidential = "confidential"
)

// headers are the parameters that an operation has besides those of its input.
func (op operation) headers() []*huma.Param {
	if op.method == http.MethodGet || op.confidential {
		return nil
	}
	return []*huma.Param{keyParameter()}
}

// add registers an operation with its handler.
func add[I, O any](s *service, op operation, handle func(context.Context, *I) (*O, error)) {
	if op.timeout == 0 {
		op.timeout = ReadTimeout
	}
	if op.method != http.MethodGet {
		op.refusals = append(op.refusals, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	if op.maxBody == 0 {
		op.maxBody = maxAction
	}
	responses := refusals(s.api, op.refusals)
	if op.media != "" {
		schema := &huma.Schema{Type: huma.TypeString}
		if op.media == yamlMedia {
			schema.Type = huma.TypeObject // a client may decode it
		}
		responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
			op.media: {Schema: schema}}}
	}
	huma.Register(s.api, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary,
		Description: op.description, DefaultStatus: op.status, MaxBodyBytes: op.maxBody, BodyReadTimeout: -1,
		RejectUnknownQueryParameters: true, Metadata: map[string]any{metaRole: op.role, metaEverywhere: op.everywhere,
			metaTimeout: op.timeout, metaConfidential: op.confidential},
		Responses: responses, Parameters: op.headers(),
	}, func(ctx context.Context, input *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, op.timeout)
		defer cancel()
		output, err := handle(ctx, input)
		if err != nil {
			return nil, s.problemOf(ctx, op, err)
		}
		return output, nil
	})
	if op.accepted {
		responses["202"] = &huma.Response{Description: http.StatusText(http.StatusAccepted),
			Content: responses["200"].Content, Headers: responses["200"].Headers}
	}
}

// permit refuses actors without the role of the operation, before anything of the request is read.
func (s *service) permit(ctx huma.Context, next func(huma.Context)) {
	needed, _ := ctx.Operation().Metadata[metaRole].(access.Role)
	require := access.Require
	if everywhere, _ := ctx.Operation().Metadata[metaEverywhere].(bool); everywhere {
		require = access.RequireEverywhere
	}
	if err := require(ctx.Context(), needed); err != nil {
		respond(ctx, fail(denied, err.Error()))
		return
	}
	next(ctx)
}

// timeoutOf bounds the operation of a request.
func timeoutOf(ctx huma.Context) time.Duration {
	timeout, _ := ctx.Operation().Metadata[metaTimeout].(time.Duration)
	return timeout
}

// bodyTimeout bounds how long a body may take.
const bodyTimeout = 10 * time.Second

// readBody reads the body within its bounds. Afterwards the connection has no deadline for reading: net/http takes one
// that passes while a handler works for the end of the client.
func (s *service) readBody(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	control := http.NewResponseController(w)
	// A writer without deadlines is that of a test.
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	most := ctx.Operation().MaxBodyBytes
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	_ = control.SetReadDeadline(time.Time{})
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		respond(ctx, fail(tooLarge, "the body is larger than "+everhook.Size(most).String()))
		return
	}
	if err != nil {
		respond(ctx, fail(malformed, "the body cannot be read: "+err.Error()))
		return
	}
	next(&bodied{ctx, body})
}

// humaContext is embedded under another name than that of its method Context.
type humaContext = huma.Context

// bodied is a request whose body was read.
type bodied struct {
	humaContext
	body []byte
}

// BodyReader returns the body from its beginning.
func (b *bodied) BodyReader() io.Reader { return bytes.NewReader(b.body) }

// Unwrap lets humago reach the request.
func (b *bodied) Unwrap() huma.Context { return b.humaContext }

// reply is an output with only a body.
type reply[T any] struct{ Body T }

func answer[T any](body T) *reply[T] { return &reply[T]{body} }
