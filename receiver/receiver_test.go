package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const (
	asyncToken    = "async-token"
	syncToken     = "sync-token-"
	lockedToken   = "locked-token"
	disabledToken = "disabled-token"
	unknownToken  = "unknown-token"
	password      = "correct-horse-battery"
)

// flows is a FlowSource made of a map.
type flows map[string]*receiver.Route

func (f flows) Route(token string) (*receiver.Route, bool) {
	route, ok := f[token]
	return route, ok
}

func (f flows) Resumable(token string) (*receiver.Resumable, bool) {
	flow, ok := waitingFlows()[token]
	return flow, ok
}

func someFlows() flows {
	secret := func() (string, error) { return password, nil }
	all := flows{
		asyncToken:    {Flow: "async", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20},
		syncToken:     {Flow: "sync", Enabled: true, Mode: everhook.Sync, MaxBody: 1 << 20, Wait: 10 * time.Second},
		disabledToken: {Flow: "disabled", Mode: everhook.Async, MaxBody: 1 << 20},
		lockedToken: {
			Flow: "locked", Enabled: true, Mode: everhook.Async, MaxBody: 1000,
			Basic: []receiver.BasicCredential{{Username: "old", Password: secret},
				{Username: "shop", Password: secret}},
		},
	}
	maps.Copy(all, guardedFlows())
	maps.Copy(all, browserFlows())
	return all
}

// starter is a Starter made of functions; without a function, runs are durable and have no answer.
type starter struct {
	prepare func(everhook.Delivery) error
	start   func(context.Context, everhook.Delivery) error
	run     func(context.Context, everhook.Delivery, time.Duration) (*everhook.Answer, error)
	outcome func(context.Context, string, everhook.RunID, time.Duration) (*everhook.Outcome, error)
	version func(context.Context, string, everhook.RunID) (int, error)
	resume  func(context.Context, string, everhook.RunID, everhook.ResumeCall) (everhook.Resumed, error)

	// duplicate is the result for every delivery.
	duplicate bool
	// size is what it holds of every delivery and call.
	size int

	mu         sync.Mutex
	deliveries []everhook.Delivery
}

func (s *starter) Prepare(_ *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	s.keep(d)
	if s.prepare != nil {
		if err := s.prepare(d); err != nil {
			return nil, err
		}
	}
	return &prepared{s, d}, nil
}

// prepared is a delivery that can be started; its engine is that of a test.
type prepared struct {
	*starter
	d everhook.Delivery
}

func (p *prepared) Size() int { return p.size }

func (p *prepared) Start(ctx context.Context) (everhook.Started, error) {
	if p.start == nil {
		return everhook.Started{Duplicate: p.duplicate}, nil
	}
	return everhook.Started{Duplicate: p.duplicate}, p.start(ctx, p.d)
}

func (p *prepared) Run(ctx context.Context, wait time.Duration) (everhook.Started, error) {
	if p.run == nil {
		return everhook.Started{}, nil
	}
	answer, err := p.run(ctx, p.d, wait)
	return everhook.Started{Answer: answer, Duplicate: p.duplicate}, err
}

func (s *starter) Outcome(ctx context.Context, flow string, run everhook.RunID,
	wait time.Duration) (*everhook.Outcome, error) {
	if s.outcome == nil {
		return nil, everhook.ErrNoRun
	}
	return s.outcome(ctx, flow, run, wait)
}

func (s *starter) RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error) {
	if s.version == nil {
		return 0, everhook.ErrNoRun
	}
	return s.version(ctx, flow, run)
}

func (s *starter) PrepareCall(flow string, run everhook.RunID,
	call everhook.ResumeCall) (receiver.PreparedCall, error) {
	return &preparedCall{s, flow, run, call}, nil
}

type preparedCall struct {
	*starter
	flow string
	id   everhook.RunID
	call everhook.ResumeCall
}

func (c *preparedCall) Size() int { return c.size }

func (c *preparedCall) Resume(ctx context.Context) (everhook.Resumed, error) {
	if c.resume == nil {
		return everhook.Resumed{Answer: c.call.Answer}, nil
	}
	return c.resume(ctx, c.flow, c.id, c.call)
}

func (s *starter) keep(d everhook.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, d)
}

// got returns the deliveries that reached the engine.
func (s *starter) got() []everhook.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]everhook.Delivery{}, s.deliveries...)
}

// service is a receiver that listens.
type service struct {
	*receiver.Receiver
	listener net.Listener
	address  string
	log      *safeBuffer
}

func (s *service) url(path string) string { return "http://" + s.address + path }

// safeBuffer is written by the receiver while a test reads.
type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func serve(t testing.TB, o receiver.Options, f receiver.FlowSource, s receiver.Starter) *service {
	t.Helper()
	log := &safeBuffer{}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := receiver.New(o, f, s)
	served := make(chan error, 1)
	go func() { served <- r.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &service{Receiver: r, listener: l, address: l.Addr().String(), log: log}
}
