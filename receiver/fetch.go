package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/everhook/everhook/internal/signature"
)

// Limits of calls to providers: one at a time, ten a minute, and the certificates that are kept.
const (
	fetchesPerMinute = 10
	maxCertificates  = 16
	certificateLife  = 24 * time.Hour
)

// fetcher calls URLs of providers that a message contains, after checks of the message's topic and the URL's host.
type fetcher struct {
	// one is held while a URL is called.
	one   chan struct{}
	limit *rate.Limiter

	mu           sync.Mutex
	certificates map[string]keptCertificate
}

type keptCertificate struct {
	text  string
	until time.Time
}

func newFetcher() *fetcher {
	return &fetcher{one: make(chan struct{}, 1), certificates: map[string]keptCertificate{},
		limit: rate.NewLimiter(rate.Every(time.Minute/fetchesPerMinute), fetchesPerMinute)}
}

var errFetches = errors.New("too many URLs of providers are called; ten a minute are allowed")

// fetch calls a URL; calls run one at a time.
func (r *Receiver) fetch(address string) ([]byte, error) {
	if r.options.Fetch == nil {
		return nil, errors.New("this receiver calls no URLs")
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.options.StartTimeout)
	defer cancel()
	select {
	case r.fetcher.one <- struct{}{}:
	case <-ctx.Done():
		return nil, errFetches
	}
	defer func() { <-r.fetcher.one }()
	if !r.fetcher.limit.Allow() {
		return nil, errFetches
	}
	return r.options.Fetch(ctx, address)
}

// certificate returns the certificate of a message, from memory if it was fetched before.
func (r *Receiver) certificate(c *call, s *Signature) (string, error) {
	address, err := s.Preset.CertificateURL(c.body, s.Topics)
	if err != nil {
		return "", err
	}
	now := c.delivery.ReceivedAt
	if text, ok := r.fetcher.kept(address, now); ok {
		return text, nil
	}
	data, err := r.fetch(address)
	if err == nil {
		err = s.Preset.Certificate.Check(data, now)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	r.fetcher.keep(address, string(data), now)
	return string(data), nil
}

func (f *fetcher) kept(address string, now time.Time) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.certificates[address]
	return kept.text, now.Before(kept.until)
}

// keep stores a certificate. If there are too many, it drops all others: providers change their certificates about once
// a year.
func (f *fetcher) keep(address, text string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.certificates) >= maxCertificates {
		clear(f.certificates)
	}
	f.certificates[address] = keptCertificate{text, now.Add(certificateLife)}
}

// confirm calls the URL that confirms a subscription. The message with the URL was verified.
func (r *Receiver) confirm(c *call, q *signature.Question, h *Handshake) (reply, bool) {
	address := q.At(h.Call)
	certificate := c.route.Signature.Preset.Certificate
	if certificate == nil || !certificate.Allows(address) {
		c.cause = string(signature.OtherHost)
		return refuse(BadSignature, "the URL of the confirmation is not one of the provider's"), true
	}
	if _, err := r.fetch(address); err != nil {
		r.options.Logger.Error("a subscription cannot be confirmed", "flow", c.route.Flow, "error", err)
		return refuse(Unavailable, "the subscription cannot be confirmed now; try again").retryAfter(retrySeconds), true
	}
	return reply{}, false
}
