package httprequest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
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

// maxMessage is how many bytes of a message are kept.
const maxMessage = 1 << 10

// failure is the end of an attempt without a result, and what decides whether to try again.
type failure struct {
	err *everhook.Error
	// cause is activities.RetryConnect, activities.RetryTimeout or a status. Empty: another attempt would end the same
	// way.
	cause string
	// unsent says that no byte of any request was sent.
	unsent bool
	// after is the pause that the other system asked for; 0: none.
	after time.Duration
}

func permanent(err *everhook.Error) *failure { return &failure{err: err} }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// retry is the rule of the frame for this effect. A pause that is longer than the node allows ends the node.
func retry(input activities.HTTPRequestInput, err error) (again bool, after time.Duration) {
	f, ok := errors.AsType[*failure](err)
	if !ok || !f.retryable(input.Method, input.RetryOn, input.RetryNever) {
		return false, 0
	}
	if most := cmp.Or(input.MaxRetryAfter.Std(), activities.DefaultMaxRetryAfter); f.after > most {
		at := everhook.FormatTime(time.Now().Add(f.after).UTC().Truncate(time.Second))
		f.err.Message = clip(fmt.Sprintf("%s and asks to be called again at %s, in %s, which is later than the node's "+
			"retry.maxRetryAfter (%s) allows", f.err.Message, at, short(f.after), short(most)), maxMessage)
		return false, 0
	}
	return true, f.after
}

// retryable reports whether another attempt can help, and cannot repeat an effect that must happen once.
func (f *failure) retryable(method string, on, never []string) bool {
	switch {
	case f.cause == "" || slices.ContainsFunc(never, f.is):
		return false
	case len(on) > 0:
		return slices.ContainsFunc(on, f.is) || slices.Contains(on, activities.RetryDefault) && f.byDefault(method)
	default:
		return f.byDefault(method)
	}
}

// byDefault reports whether another attempt is made unless the node says otherwise.
func (f *failure) byDefault(method string) bool {
	switch {
	case idempotent(method):
		return slices.ContainsFunc(retryIdempotent, f.is)
	default:
		return f.unsent || slices.ContainsFunc(retryOther, f.is)
	}
}

// is reports whether an entry of retry.on means the failure.
func (f *failure) is(entry string) bool {
	if entry == f.cause {
		return true
	}
	status, err := strconv.Atoi(f.cause)
	if err != nil {
		return false
	}
	statuses, err := activities.ParseStatusRange(entry)
	return err == nil && statuses.Has(status)
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

// lost is the failure if there is no answer, or only a part of one.
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
		f.err = everhook.Errorf(everhook.TypeConnection, "%s: the certificate of the other side is not valid: %s",
			e.request, utf8Text(err.Error()))
	default:
		f.cause = activities.RetryConnect
		f.err = everhook.Errorf(everhook.TypeConnection, "%s: no answer: %s", e.request, utf8Text(err.Error()))
	}
	return f
}

// expired reports that the deadline has passed, also if a connection noticed it before the context did.
func expired(ctx context.Context) bool {
	deadline, _ := ctx.Deadline()
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || ctx.Err() == nil && !time.Now().Before(deadline)
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date. It is 0 for a value that is in the past
// or cannot be read.
func retryAfter(value string, now time.Time) time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(most))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// short writes a duration like flows do: 10m, not 10m0s.
func short(d time.Duration) string {
	text := d.Truncate(time.Second).String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
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

// utf8Text makes text of bytes from another system.
func utf8Text(text string) string { return strings.ToValidUTF8(text, "\ufffd") }
