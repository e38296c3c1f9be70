// Package httprequest is the activity that sends one HTTP request. Secrets are put in here and taken out of everything
// that leaves.
package httprequest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
	"github.com/everhook/everhook/internal/secrets"
)

// Options are what requests need.
type Options struct {
	// Secrets gives the values of secrets, and takes them out of answers and errors.
	Secrets *secrets.Provider
	// Guard decides which addresses may be reached.
	Guard *egress.Guard
	// Proxy is where all requests go through (http, https or socks5); nil: none. The environment's proxies are ignored.
	Proxy *url.URL
	// Tracer makes a span of every request. Nil: none; a trace that the activity belongs to is handed on all the same.
	Tracer trace.Tracer
	// MaxResult is how many bytes a result may have as JSON, where large ones are kept outside of Temporal's histories.
	// 0: what Temporal takes.
	MaxResult int
}

// HTTPRequest sends requests over one pool of connections. It is safe for concurrent use.
type HTTPRequest struct {
	secrets   *secrets.Provider
	transport *http.Transport
	tracer    trace.Tracer
	beat      time.Duration
	maxResult int
}

// New makes the activity; register its Do as activities.HTTPRequest.
func New(o Options) *HTTPRequest {
	if o.Tracer == nil {
		o.Tracer = noop.Tracer{}
	}
	return &HTTPRequest{secrets: o.Secrets, transport: o.Guard.Transport(o.Proxy), tracer: o.Tracer,
		beat: activities.HeartbeatEvery, maxResult: cmp.Or(o.MaxResult, defaultMaxResult)}
}

// Close lets go of idle connections.
func (h *HTTPRequest) Close() { h.transport.CloseIdleConnections() }

// Do makes one attempt. Its error is one of activities.Fail, context.Canceled when Temporal cancelled the activity, or
// activity.ErrResultPending when the worker stops: then nothing is reported, and the attempt is made again once
// Temporal misses it, as after a crash.
func (h *HTTPRequest) Do(ctx context.Context, input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
	info := activity.GetInfo(ctx)
	limit := cmp.Or(input.Timeout.Std(), activities.DefaultHTTPTimeout)
	if limit > activities.HeartbeatOver || info.HeartbeatTimeout > 0 {
		defer h.heartbeat(ctx, int(info.Attempt))()
	}
	result, failed := h.attempt(ctx, input, limit)
	if failed == nil {
		result.Attempts = int(info.Attempt)
		return result, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		if temporal.IsCanceledError(context.Cause(ctx)) {
			return activities.HTTPRequestResult{}, context.Canceled
		}
		return activities.HTTPRequestResult{}, activity.ErrResultPending
	}
	failed.err.Attempts = int(info.Attempt)
	return activities.HTTPRequestResult{}, activities.Fail(failed.err, failed.retryable(input.Method, input.RetryOn),
		failed.after)
}

// heartbeat reports until the function that it returns is called.
func (h *HTTPRequest) heartbeat(ctx context.Context, attempt int) (stop func()) {
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(h.beat)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, activities.Heartbeat{Attempt: attempt})
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		reporting.Wait()
	}
}

// attempt sends the request and reads the answer. Nothing that it returns holds a secret.
func (h *HTTPRequest) attempt(ctx context.Context, input activities.HTTPRequestInput,
	limit time.Duration) (activities.HTTPRequestResult, *failure) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := build(input, h.secrets.Lookup)
	redactor := h.secrets.Redactor()
	if err != nil {
		return activities.HTTPRequestResult{}, permanent(err).redacted(redactor)
	}
	if r.credential != "" {
		redactor = redactor.With(r.credentialSecret, r.credential)
	}
	r.redactor = redactor
	exchange := exchange{transport: h.transport, tracer: h.tracer, request: r, limit: limit}
	response, failed := exchange.follow(ctx, input.Redirects)
	if failed != nil {
		return activities.HTTPRequestResult{}, failed.redacted(redactor)
	}
	defer drain(response)
	reader := reader{exchange: &exchange, redactor: redactor,
		max: cmp.Or(input.MaxResponse, activities.DefaultMaxResponse), maxResult: h.maxResult}
	if !expected(response.StatusCode, input.Expect) {
		return activities.HTTPRequestResult{}, reader.unexpected(response).redacted(redactor)
	}
	result, failed := reader.read(ctx, response)
	if failed != nil {
		return activities.HTTPRequestResult{}, failed.redacted(redactor)
	}
	if input.OnlyBody {
		return activities.HTTPRequestResult{Body: result.Body}, nil
	}
	return result, nil
}

func expected(status int, ranges []activities.StatusRange) bool {
	if len(ranges) == 0 {
		return status >= 200 && status <= 299
	}
	for _, r := range ranges {
		if r.Has(status) {
			return true
		}
	}
	return false
}

// redacted takes secrets out of what a failure says.
func (f *failure) redacted(redactor *secrets.Redactor) *failure {
	f.err.Message = clip(redactor.Text(f.err.Message), maxMessage)
	if f.err.Response != nil {
		f.err.Response = everhook.Of(redactor.Value(f.err.Response.V))
	}
	return f
}
