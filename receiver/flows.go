package receiver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

// FlowSource finds the flow of a token.
type FlowSource interface {
	// Route gives the route of a token; false: no flow has that token. It is called for every delivery, from many
	// goroutines, twice for one that asks before it sends its body (Expect: 100-continue), so it reads a snapshot in
	// memory. A route is never changed once given.
	Route(token string) (*Route, bool)
	// Resumable gives what resumes the runs of the flow with a token, whether or not it is enabled; false: no flow has
	// that token. It is called as Route is.
	Resumable(token string) (*Resumable, bool)
}

// Resumable is a flow whose runs may wait for calls.
type Resumable struct {
	// Flow is the flow's key.
	Flow string
	// Secret is the flow's: the tickets of resume URLs are made under it.
	Secret []byte
	// Route returns the route of a node that waits for calls, in the given version of the flow. It is called for every
	// call with a correct ticket. ErrNoWait: the version or such a node does not exist (404). After any other error it
	// is unknown who may call (503).
	Route func(ctx context.Context, version int, node string) (*Route, error)
}

// Route is how one token is served.
type Route struct {
	// Flow is the flow's key.
	Flow string
	// Node is the node that waits for a call; empty for the route of a trigger.
	Node string
	// Enabled is false for a flow that is disabled or cannot be served: deliveries get 404, answers of earlier runs are
	// still given.
	Enabled bool
	// Mode says whether callers wait for the flow's answer.
	Mode everhook.Mode
	// Version is passed to the Starter. The receiver does not look into it.
	Version *everhook.Version
	// Methods are those of deliveries; none: POST alone.
	Methods []string
	// CORS lets pages call the flow from their scripts; nil: browsers let none.
	CORS *CORS
	// Link lets a person open the URL of a node in a browser; nil: GET is refused.
	Link *Link
	// MaxBody bounds a body, in bytes.
	MaxBody int64
	// Accept lists the formats of bodies that the flow takes; none: JSON.
	Accept []Format
	// BigIntegers takes integers of JSON beyond 64 bits, as text; without it they are refused.
	BigIntegers bool
	// Raw also keeps the text of the body as it came.
	Raw bool
	// Allow lists the addresses that may call; none: all.
	Allow []netip.Prefix
	// Basic, Bearer and APIKey are the accepted credentials, any of each kind that is set; none: every caller is let
	// in.
	Basic  []BasicCredential
	Bearer []Token
	APIKey *APIKey
	// Signature verifies deliveries; nil: they are not signed.
	Signature *Signature
	// Handshakes are the questions of senders that are answered without a run.
	Handshakes []Handshake
	// Rate bounds deliveries; nil: it does not.
	Rate *Rate
	// Schema returns the problems of a whole body (422), or an error if the body is too large to be checked (413). Nil:
	// every body fits.
	Schema func(body any) ([]everhook.ProblemDetail, error)
	// Headers names the headers to keep; none by default.
	Headers []string
	// Record is how many bytes of a body are kept on record, with the rest of the request, see Entry.Request; 0: the
	// request is not kept.
	Record int
	// Index returns the values by which deliveries are found on record, from all headers without credentials
	// (lower-case names), the whole query and the whole body. Nil: there are none.
	Index func(headers, query everhook.Mapping, body any) []Field
	// NeverKept are headers with credentials, in lower case, besides Authorization, Cookie and Proxy-Authorization:
	// they are not kept whatever Headers says.
	NeverKept []string
	// Query and Body are the paths to keep: nil keeps everything, an empty list nothing.
	Query, Body []everhook.Path
	// AsyncAnswer makes the answer of an async flow, before its run is started; nil, or an error, is 200 with the body
	// "ok".
	AsyncAnswer func(trigger everhook.Mapping, run everhook.RunID) (everhook.Answer, error)
	// ResumeAnswer makes the answer to a call that resumes a run, before it is kept; nil, or an error, is 200 with the
	// body "ok".
	ResumeAnswer func(call everhook.Mapping, run everhook.RunID, iteration string) (everhook.Answer, error)
	// When reports whether a delivery starts a run, from all headers without credentials (lower-case names), the whole
	// query and the whole body. After an error, the run starts and ends in that error. Nil: every delivery starts one.
	When func(headers, query everhook.Mapping, body any) (bool, error)
	// SkippedAnswer makes the answer to a delivery that starts no run; nil, or an error, is 200 with the body "ok".
	SkippedAnswer func(trigger everhook.Mapping) (everhook.Answer, error)
	// Dedupe finds duplicates; nil: every delivery is its own.
	Dedupe *Dedupe
	// Wait is how long the caller of a sync flow is held.
	Wait time.Duration
	// OnWait is the status that the caller gets after Wait: 202, the default, or 504.
	OnWait int
}

// Dedupe says how duplicates of a flow's deliveries are found and treated.
type Dedupe struct {
	// Key returns the dedupe key of a delivery, from all headers without credentials (lower-case names), the whole
	// query and the whole body. An empty key is a missing key. An error refuses the delivery (400) with the text of the
	// error.
	Key func(headers, query everhook.Mapping, body any) (string, error)
	// Optional takes deliveries without a key as their own; else they are refused (400).
	Optional bool
	// Secret is the flow's: run IDs are derived under it.
	Secret []byte
	// Policy says what becomes of duplicates.
	Policy everhook.DuplicatePolicy
}

// bucket is the name under which metrics count the deliveries of a route.
func (r *Route) bucket() string {
	if r.Node == "" {
		return r.Flow
	}
	return r.Flow + "/" + r.Node
}

// postAlone are the methods of a flow that names none.
var postAlone = []string{fiber.MethodPost}

// linkMethods are those of a link: GET and HEAD never act.
var linkMethods = []string{fiber.MethodGet, fiber.MethodHead, fiber.MethodPost}

// methods are those of deliveries, and of a link.
func (r *Route) methods() []string {
	if r.Link != nil {
		return linkMethods
	}
	if len(r.Methods) == 0 {
		return postAlone
	}
	return r.Methods
}

// hides reports whether a header, in lower case, carries credentials.
func (r *Route) hides(header string) bool {
	return neverKept[header] || slices.Contains(r.NeverKept, header)
}

// Starter makes runs. Its methods are called from many goroutines.
type Starter interface {
	// Prepare makes a run that can be started, without the engine: it encodes the delivery, which is then dropped. An
	// *everhook.Error of type limit says that the delivery is too large for the engine (413); after any other error
	// there is no run (503).
	Prepare(version *everhook.Version, d everhook.Delivery) (Prepared, error)
	// Outcome returns the state of an earlier run, after waiting up to wait for its end. If ctx ends earlier, it
	// returns what is known. ErrNoRun: the run is unknown or has expired (404).
	Outcome(ctx context.Context, flow string, run everhook.RunID, wait time.Duration) (*everhook.Outcome, error)
	// RunVersion gives the number of the version that a run runs, or ran. ErrNoRun: the run is unknown or has expired
	// (404).
	RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error)
	// PrepareCall makes a call that can be brought to its run: it encodes the call, which is then dropped. An
	// *everhook.Error of type limit says that the call is too large (413).
	PrepareCall(flow string, run everhook.RunID, call everhook.ResumeCall) (PreparedCall, error)
}

// Prepared is a run that can be started.
type Prepared interface {
	// Size is how many bytes it holds.
	Size() int
	// Start returns when the run is durable. An *everhook.Error of type key-reused says that the dedupe key was used
	// with another body (422); after everhook.ErrOverloaded and any other error the run is not durable (503).
	Start(ctx context.Context) (everhook.Started, error)
	// Run starts the run and waits for its answer. Without an answer after wait, or when ctx ends earlier because the
	// receiver stops, Started has none and there is no error if the run is durable (202). Errors are those of Start.
	Run(ctx context.Context, wait time.Duration) (everhook.Started, error)
}

// PreparedCall is a call that can be brought to its run.
type PreparedCall interface {
	// Size is how many bytes it holds.
	Size() int
	// Resume returns when the call is durable in the run that waits for it, or will wait. A repeated call gets the
	// answer of the first one, also after the run has ended. ErrNoRun (404), ErrRunEnded and ErrWaitOver (410), and
	// ErrInboxFull (503) mean that the call is not kept. After any other error that is unknown (503).
	Resume(ctx context.Context) (everhook.Resumed, error)
}

// ErrNoWait: no node of that key waits for a call.
var ErrNoWait = errors.New("no such wait")
