package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/everhook/everhook"
)

// FlowSource finds the flow behind a token.
type FlowSource interface {
	// Route gives the route of a token; false: no flow has that token. It is called for every delivery, from many goroutines, twice for one
	// that asks before it sends its body (Expect: 100-continue), so it reads a snapshot in memory. A route is never changed once given.
	Route(token string) (*Route, bool)
}

// Route is how one token is served.
type Route struct {
	// Flow is the flow's key.
	Flow string
	// Enabled is false for a flow that is disabled or cannot be served: deliveries get 404, answers of earlier runs are still given.
	Enabled bool
	// Mode says whether callers wait for the flow's answer.
	Mode everhook.Mode
	// Version is what the Starter starts; the receiver does not look into it.
	Version *everhook.Version
	// MaxBody bounds a body, in bytes.
	MaxBody int64
	// Accept lists the formats of bodies that the flow takes; none: JSON.
	Accept []Format
	// Basic lists the credentials that let a caller in, any of them; none: every caller is let in.
	Basic []BasicCredential
	// Headers names the headers to keep; none by default. Authorization, Cookie and Proxy-Authorization are never kept.
	Headers []string
	// Query and Body are the paths to keep: nil keeps everything, an empty list nothing.
	Query, Body []everhook.Path
	// AsyncAnswer makes the answer of an async flow, before its run is started; nil, or an error, is 200 with the body "ok".
	AsyncAnswer func(trigger everhook.Mapping, run everhook.RunID) (everhook.Answer, error)
	// Wait is how long the caller of a sync flow is held.
	Wait time.Duration
	// OnWait is what a caller gets when Wait has passed: 202, the default, or 504.
	OnWait int
}

// BasicCredential is a user name and where its password comes from.
type BasicCredential struct {
	Username string
	// Password is called for every delivery: secrets change while the receiver runs. An error lets nobody in, with 503.
	Password func() (string, error)
}

// Starter makes runs. Its methods are called from many goroutines.
type Starter interface {
	// Start returns when the run is durable. An *everhook.Error of type limit says that the delivery is too large for the engine (413);
	// after any other error the run is not durable (503).
	Start(ctx context.Context, version *everhook.Version, d everhook.Delivery) error
	// Run starts a run and waits for its answer. Without an answer after wait, or when ctx ends earlier because the receiver stops, it
	// gives nil and no error if the run is durable (202). Errors are those of Start.
	Run(ctx context.Context, version *everhook.Version, d everhook.Delivery, wait time.Duration) (*everhook.Answer, error)
	// Outcome tells how an earlier run stands, after waiting up to wait for its answer; when ctx ends earlier it tells what it knows.
	// ErrNoRun: the run is unknown or has expired (404).
	Outcome(ctx context.Context, flow string, run everhook.RunID, wait time.Duration) (*Outcome, error)
}

// Outcome is how a run stands. Answer is nil while it has none, and for the runs of an async flow.
type Outcome struct {
	Status everhook.Status
	Answer *everhook.Answer
}

// ErrNoRun is what Starter.Outcome gives for a run that is unknown or has expired.
var ErrNoRun = errors.New("no such run")
