// Package httprequest is the effect that sends one HTTP request. It puts secrets into the request, and takes them out
// of everything that it returns.
package httprequest

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
)

// Options are the settings of all requests of a process.
type Options struct {
	// Tracer makes a span of each request. Nil: none; a trace that the activity belongs to is passed on in any case.
	Tracer trace.Tracer
	// MaxResult is how many bytes a result may have as JSON, if large results are stored outside of Temporal's
	// histories. 0: as many as Temporal takes.
	MaxResult int
	// MaxValues bounds the values in an answer of JSON, counted as everhook.CountValues counts them. Default
	// everhook.DefaultMaxValues.
	MaxValues int
}

// New makes the effect. It sends requests with the transport of Dependencies.HTTP.
func New(o Options) activities.Effect {
	return effect.New(effect.Spec[activities.HTTPRequestInput, activities.HTTPRequestResult]{
		Name: activities.HTTPRequest, Redacted: true, ChecksHosts: true, Retry: retry,
		Build: func(d activities.Dependencies) effect.Function[activities.HTTPRequestInput,
			activities.HTTPRequestResult] {
			s := &sender{secrets: d.Secrets, transport: d.HTTP.Transport, tracer: o.Tracer,
				maxResult: cmp.Or(o.MaxResult, defaultMaxResult),
				maxValues: cmp.Or(o.MaxValues, everhook.DefaultMaxValues)}
			if s.tracer == nil {
				s.tracer = noop.Tracer{}
			}
			return s.send
		},
	})
}

// sender sends requests over one pool of connections. It is safe for concurrent use.
type sender struct {
	secrets   activities.Secrets
	transport http.RoundTripper
	tracer    trace.Tracer
	maxResult int
	maxValues int
}

// send makes one attempt. Its result and its error hold no secrets. The error is a *failure.
func (s *sender) send(ctx context.Context, input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
	r, problem := build(input, s.secrets.Lookup)
	redactor := redactor{s.secrets}
	if r.credential != "" {
		redactor.secrets = s.secrets.With(r.credentialSecret, r.credential)
	}
	if problem != nil {
		return activities.HTTPRequestResult{}, permanent(problem).redacted(redactor)
	}
	r.redactor = redactor
	limit := cmp.Or(input.Timeout.Std(), activities.DefaultHTTPTimeout)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	exchange := exchange{transport: s.transport, tracer: s.tracer, request: r, limit: limit}
	exchange.rules, _ = s.secrets.(activities.RestrictedSecrets)
	result, failed := s.perform(ctx, &exchange, input)
	if failed != nil {
		return activities.HTTPRequestResult{}, failed.redacted(redactor)
	}
	result.Attempts = int(activity.GetInfo(ctx).Attempt)
	if input.OnlyBody {
		result.Status, result.Headers, result.SetCookie = 0, nil, nil
	}
	return result, nil
}

// perform sends the request and reads the answer.
func (s *sender) perform(ctx context.Context, e *exchange,
	input activities.HTTPRequestInput) (result activities.HTTPRequestResult, _ *failure) {
	response, failed := e.follow(ctx, input.Redirects)
	if failed != nil {
		return result, failed
	}
	defer drain(response)
	reader := reader{exchange: e, redactor: e.request.redactor, lenient: input.Lenient,
		max: cmp.Or(input.MaxResponse, activities.DefaultMaxResponse), maxResult: s.maxResult, maxValues: s.maxValues}
	if !expected(response.StatusCode, input.Expect) {
		return result, reader.unexpected(response, time.Now())
	}
	return reader.read(ctx, response)
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

// redactor takes secrets out of what leaves the effect.
type redactor struct{ secrets activities.Secrets }

func (r redactor) text(text string) string {
	redacted, _ := r.secrets.Redact(text).(string)
	return redacted
}

func (r redactor) value(v any) any { return r.secrets.Redact(v) }

// redacted takes secrets out of a failure.
func (f *failure) redacted(r redactor) *failure {
	f.err.Message = clip(r.text(f.err.Message), maxMessage)
	if f.err.Response != nil {
		f.err.Response = everhook.Of(r.value(f.err.Response.V))
	}
	return f
}
