package receiver

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/time/rate"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/clients"
)

// Options configure a Receiver. The zero value of every field is its default.
type Options struct {
	// PublicURL is what third parties call, without a path ("https://hooks.example.org"). Empty: locations are given
	// without a host.
	PublicURL string
	// TrustedProxies are the addresses of proxies before the receiver. The caller is the right-most address of
	// X-Forwarded-For or Forwarded (RFC 7239) that is not one of them. List only proxies that write one of these
	// headers themselves. Default: none.
	TrustedProxies []netip.Prefix
	// MaxHeld bounds the callers of sync flows that wait for an answer at one time, those that ask for the answer of an
	// earlier run with ?wait, and those that resume a run: as many of each. Over it they get 503. The last fifth is for
	// flows that hold fewer than a twentieth. Default 1000.
	MaxHeld int
	// MaxValues bounds the values in a body, counted as everhook.CountValues counts them: a short text can hold very
	// many, each of which takes more memory than its text. Over it 413. Default
	// everhook.DefaultMaxValues.
	MaxValues int
	// MaxBodyBytes bounds the bytes of all bodies that are received and parsed at one time, by their declared lengths;
	// a body without one counts as the flow's MaxBody, and one whose content encodings are removed as its own bytes and
	// the MaxBody that it may become. Over it 503. Default 64 MiB.
	MaxBodyBytes int64
	// ClientRate bounds the requests of one client address (of a /64 for IPv6) in a second; over it 429. Trusted
	// proxies are not bounded, their clients are. Default 1000.
	ClientRate float64
	// ClientBurst is how many of them may come at once after a quiet time. Default: as many as in a second.
	ClientBurst int
	// Guesses is how many wrong credentials a client address may show at once for one flow; then it gets 429 for a
	// while, and one more every six seconds. Default clients.GuessesAtOnce.
	Guesses int
	// MaxConnections bounds the connections, and ClientConnections those of one client address (of a /64 for IPv6);
	// connections of trusted proxies are not bounded by the latter. Over it, the connection is closed that has waited
	// longest for its client, or the new one if none waits. Default: half of the files that the process may open, at
	// most 4096 or four times MaxHeld; and half of that.
	MaxConnections, ClientConnections int
	// MaxHeader bounds the request line and headers of a request, in bytes; over it 431. Default 16 KiB.
	MaxHeader int
	// HeadTimeout bounds the reading of a request's line and headers, and of a body that comes with them. Default 10s,
	// or ReadTimeout if that is less.
	HeadTimeout time.Duration
	// ReadTimeout bounds the reading of a body. Default 30s.
	ReadTimeout time.Duration
	// WriteTimeout bounds the writing of one reply. Default 30s.
	WriteTimeout time.Duration
	// IdleTimeout bounds the time between two requests of a connection. Default 75s.
	IdleTimeout time.Duration
	// StartTimeout bounds the time until a run is durable. Default 5s.
	StartTimeout time.Duration
	// StopGrace is how long held callers wait on after Shutdown. Default 5s.
	StopGrace time.Duration
	// Logger takes one line a call. Default: slog.Default().
	Logger *slog.Logger
	// Ready returns the reason why the process can't serve yet, or nil. It decides /readyz. Default: ready.
	Ready func() error
	// Clock gives the time at which a delivery is received. Default: time.Now.
	Clock func() time.Time
	// NewRunID makes the run ID of a delivery. Default: everhook.NewRunID.
	NewRunID func() everhook.RunID
	// Observe is called once a call, when its reply is decided: for metrics. It must be fast. Default: nothing.
	Observe func(Record)
	// Journal is called once for each delivery and each call of a waiting node, taken or refused, whose URL is that of
	// a flow. It must be fast. Nil: it is not called.
	Journal func(Entry)
	// Fetch gets what is at an https URL of a provider that was checked before. It bounds time and size, verifies the
	// certificate of the host, follows no redirect, and gives an error for a status other than 200. Default: none, and
	// deliveries of providers that need it get 503.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Tracer makes a span of every delivery whose caller is let in. Default: none; a caller's trace goes on all the
	// same.
	Tracer trace.Tracer
}

func (o Options) withDefaults() Options {
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	o.MaxHeld = cmp.Or(o.MaxHeld, 1000)
	o.MaxValues = cmp.Or(o.MaxValues, everhook.DefaultMaxValues)
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 64<<20)
	o.ClientRate = cmp.Or(o.ClientRate, 1000)
	o.ClientBurst = cmp.Or(o.ClientBurst, int(math.Ceil(o.ClientRate)))
	o.Guesses = cmp.Or(o.Guesses, clients.GuessesAtOnce)
	o.MaxConnections = cmp.Or(o.MaxConnections, min(clients.OpenFiles()/2, max(4096, 4*o.MaxHeld)))
	o.ClientConnections = cmp.Or(o.ClientConnections, max(1, o.MaxConnections/2))
	o.MaxHeader = cmp.Or(o.MaxHeader, 16<<10)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 30*time.Second)
	o.HeadTimeout = min(cmp.Or(o.HeadTimeout, 10*time.Second), o.ReadTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 75*time.Second)
	o.StartTimeout = cmp.Or(o.StartTimeout, 5*time.Second)
	o.StopGrace = cmp.Or(o.StopGrace, 5*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NewRunID == nil {
		o.NewRunID = everhook.NewRunID
	}
	if o.Observe == nil {
		o.Observe = func(Record) {}
	}
	if o.Tracer == nil {
		o.Tracer = noop.Tracer{}
	}
	return o
}

// Receiver serves webhooks.
type Receiver struct {
	options Options
	flows   FlowSource
	starter Starter
	app     *fiber.App

	buckets buckets
	rates   *clients.Meter[netip.Addr]
	guesses *clients.Guesses
	bodies  budget
	turns   *turns
	fetcher *fetcher

	// held are the callers of sync flows, asking those that wait for the answer of an earlier run, and resuming those
	// whose call is on its way to its run.
	held, asking, resuming *places
	callers                callers
	// holding ends when callers are held no longer because the receiver stops.
	holding context.Context
	letGo   context.CancelFunc

	mu        sync.Mutex
	stopping  bool
	listeners []net.Listener
}

// New makes a receiver that serves nothing yet.
func New(o Options, flows FlowSource, starter Starter) *Receiver {
	r := &Receiver{options: o.withDefaults(), flows: flows, starter: starter}
	r.rates = clients.NewMeter[netip.Addr](r.options.ClientRate, r.options.ClientBurst)
	r.guesses = clients.NewGuesses(r.options.Guesses)
	r.bodies.total, r.bodies.byClient, r.turns = r.options.MaxBodyBytes, map[netip.Addr]int64{}, newTurns()
	r.buckets.byFlow = map[string]*rate.Limiter{}
	r.fetcher = newFetcher()
	r.held, r.asking, r.resuming = newPlaces(r.options.MaxHeld), newPlaces(r.options.MaxHeld),
		newPlaces(r.options.MaxHeld)
	r.callers.waiting = map[*caller]struct{}{}
	r.holding, r.letGo = context.WithCancel(context.Background())
	r.app = fiber.New(fiber.Config{
		// Bodies are read by the checks, in their order and within the flow's own limit: fasthttp only ever prefetches
		// 8 KiB of one.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    math.MaxInt,
		ReadBufferSize:               r.options.MaxHeader,
		ReadTimeout:                  r.options.HeadTimeout,
		WriteTimeout:                 r.options.WriteTimeout,
		IdleTimeout:                  r.options.IdleTimeout,
		CaseSensitive:                true,
		StrictRouting:                true,
		DisableStartupMessage:        true,
		DisableDefaultContentType:    true,
	})
	// An unescaped colon would start a parameter.
	r.app.All("/api/webhook\\:trigger/:token", r.endpoint(r.trigger))
	r.app.All("/api/webhook\\:answer/:token/:run", r.endpoint(r.answer))
	r.app.All("/api/webhook\\:resume/:token/:run/:node", r.endpoint(r.resume))
	r.app.All(healthPath, r.endpoint(r.health))
	r.app.All(readyPath, r.endpoint(r.ready))
	r.app.Use(r.endpoint(r.nothing))

	server := r.app.Server()
	server.Handler = r.guard(r.app.Handler())
	server.ErrorHandler = r.protocolError
	server.ExpectHandler = r.expect
	server.HeaderReceived = r.timeFor
	server.CloseOnShutdown = true
	return r
}

// timeFor gives a request with a body more time than for its head.
func (r *Receiver) timeFor(head *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if length := head.ContentLength(); length > prefetched || length == -1 {
		return fasthttp.RequestConfig{ReadTimeout: r.options.ReadTimeout}
	}
	return fasthttp.RequestConfig{}
}

// prefetched is how much of a body fasthttp reads before it calls its handler.
const prefetched = 8 << 10

// Serve serves the connections of l, which it closes, until Shutdown; then it returns nil at once, while Shutdown waits
// for replies.
func (r *Receiver) Serve(l net.Listener) error {
	l = &listener{Listener: clients.Limit(l, clients.Limits{Total: r.options.MaxConnections,
		PerClient: r.options.ClientConnections, Exempt: r.options.TrustedProxies})}
	if !r.register(l) {
		return l.Close()
	}
	return r.app.Listener(l)
}

// Shutdown stops: new connections are refused at once, callers that are held get their 202 after StopGrace at the
// latest, and it returns when every reply is written, or with the error of ctx when that ends first. A receiver that
// has stopped is not served again.
func (r *Receiver) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.stopping = true
	for _, l := range r.listeners {
		_ = l.Close()
	}
	r.mu.Unlock()
	grace := time.AfterFunc(r.options.StopGrace, r.letGo)
	defer grace.Stop()
	return r.app.ShutdownWithContext(ctx)
}

// Held counts the callers of sync flows that wait for an answer now.
func (r *Receiver) Held() int { return r.held.count() }

// Asking counts the callers that wait for the answer of an earlier run now.
func (r *Receiver) Asking() int { return r.asking.count() }

// Resuming counts the calls that are on their way to their runs now.
func (r *Receiver) Resuming() int { return r.resuming.count() }

// BodyBytes counts the bytes of bodies that are received and parsed now, as MaxBodyBytes bounds them.
func (r *Receiver) BodyBytes() int64 { return r.bodies.used.Load() }

func (r *Receiver) register(l net.Listener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, l)
	return !r.stopping
}

func (r *Receiver) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}
