package httprequest

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
)

const (
	// maxRetryAfter bounds the pause that another system may ask for.
	maxRetryAfter = time.Hour
	// maxMessage is how many bytes of a message are kept.
	maxMessage = 1 << 10
)

// failure is how an attempt ended, and what matters for trying again.
type failure struct {
	err *everhook.Error
	// cause is activities.RetryConnect, activities.RetryTimeout or a status; empty: another attempt would end the same
	// way.
	cause string
	// unsent tells that not a byte of any request left.
	unsent bool
	// after is the pause that the other system asked for; 0: none.
	after time.Duration
}

func permanent(err *everhook.Error) *failure { return &failure{err: err} }

// retryable reports whether another attempt can help, and cannot do a thing twice that must be done once.
func (f *failure) retryable(method string, on []string) bool {
	switch {
	case f.cause == "":
		return false
	case len(on) > 0:
		return slices.ContainsFunc(on, func(entry string) bool { return f.is(entry) })
	case idempotent(method):
		return slices.ContainsFunc(retryIdempotent, f.is)
	default:
		return f.unsent || slices.ContainsFunc(retryOther, f.is)
	}
}

func (f *failure) is(entry string) bool {
	entry = strings.ToLower(entry)
	return entry == f.cause || len(f.cause) == 3 && entry == f.cause[:1]+"xx"
}

var (
	retryIdempotent = []string{activities.RetryConnect, activities.RetryTimeout, "408", "425", "429", "5xx"}
	retryOther      = []string{"429", "503"}
)

// idempotent is RFC 9110, 9.2.2.
func idempotent(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}

// lost explains why there is no answer, or not a whole one.
func (e *exchange) lost(ctx context.Context, err error) *failure {
	f := &failure{unsent: !e.sent.Load()}
	switch refused, isRefused := errors.AsType[*egress.Refused](err); {
	case isRefused:
		f.err = everhook.Errorf(everhook.TypeRefused, "%s: %s", e.request, refused)
	case expired(ctx):
		f.cause = activities.RetryTimeout
		f.err = everhook.Errorf(everhook.TypeTimeout, "%s: no complete answer within %s; raise the node's timeout if "+
			"that is not enough", e.request, e.limit)
	case isCertificate(err):
		f.err = everhook.Errorf(everhook.TypeConnection, "%s: the other side cannot prove who it is: %s", e.request,
			utf8Text(err.Error()))
	default:
		f.cause = activities.RetryConnect
		f.err = everhook.Errorf(everhook.TypeConnection, "%s: no answer: %s", e.request, utf8Text(err.Error()))
	}
	return f
}

// expired also tells when a connection noticed the deadline before the context did.
func expired(ctx context.Context) bool {
	deadline, _ := ctx.Deadline()
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || ctx.Err() == nil && !time.Now().Before(deadline)
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date. What is no pause or cannot be read is 0.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(at.Sub(now), maxRetryAfter))
	}
	return 0
}

// clip cuts a text to so many bytes, between characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// utf8Text makes a stranger's bytes text.
func utf8Text(text string) string { return strings.ToValidUTF8(text, "\ufffd") }
