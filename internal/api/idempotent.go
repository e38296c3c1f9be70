package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// Requests keep the answers of requests with an Idempotency-Key; *store.Store implements it.
type Requests interface {
	// BeginRequest begins a request, see store.Store.BeginRequest.
	BeginRequest(ctx context.Context, r store.Request, within time.Duration) (store.Begun, error)
	// EndRequest keeps the answer of a request.
	EndRequest(ctx context.Context, r store.Request, answer string) error
	// GiveUpRequest forgets a request that was refused.
	GiveUpRequest(ctx context.Context, r store.Request) error
}

// keyHeader is the header with which a request can be repeated (draft-ietf-httpapi-idempotency-key-header), and
// repeatedHeader that of an answer that was given before.
const (
	keyHeader      = "Idempotency-Key"
	repeatedHeader = "Idempotency-Replayed"
)

// maxKey bounds a key.
const maxKey = 255

// keyParameter documents the header.
func keyParameter() *huma.Param {
	most := maxKey
	return &huma.Param{Name: keyHeader, In: "header",
		Description: "A text of your choice, such as a UUID. A repeated request with the same key changes nothing, " +
			"and gets the answer of the first one, for a day.",
		Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most}}
}

// keptAnswer is an answer as it is stored.
type keptAnswer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// keptHeaders are the headers of an operation's answer that are stored.
var keptHeaders = []string{"Content-Type", "ETag", "Location"}

// repeatable answers a request that changes something, and has a key, once.
func (s *service) repeatable(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header(keyHeader)
	if key == "" || ctx.Method() == http.MethodGet {
		next(ctx)
		return
	}
	if confidential, _ := ctx.Operation().Metadata[metaConfidential].(bool); confidential {
		respond(ctx, wrongf("/header/"+keyHeader, "the answer has a secret, so it is not kept for a repeated request; "+
			"leave the key out"))
		return
	}
	if !isKey(key) {
		respond(ctx, wrongf("/header/"+keyHeader, "a key has 1 to %d visible characters of ASCII", maxKey))
		return
	}
	request := store.Request{Actor: access.From(ctx.Context()).ID, Key: key, Digest: digestOf(ctx)}
	// One second more than the operation has.
	begun, err := s.Requests.BeginRequest(ctx.Context(), request, timeoutOf(ctx)+time.Second)
	if refused := s.notBegun(ctx.Context(), err); refused != nil {
		respond(ctx, refused)
		return
	}
	if begun.Answer != "" {
		s.repeat(ctx, begun.Answer)
		return
	}
	s.carryOut(ctx, next, request, begun.Changed)
}

// notBegun is the answer to a request that cannot begin.
func (s *service) notBegun(ctx context.Context, err error) *problem {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrRequestRuns):
		return fail(conflict, "a request with this key is being answered; repeat it later").with("Retry-After", "1")
	case errors.Is(err, store.ErrKeyReused):
		return fail(keyReused, "this key came before with another request; choose a new one for a new change",
			pointed("/header/"+keyHeader, "the key of another request"))
	default:
		s.Logger.WarnContext(ctx, "a request could not be begun", "error", err)
		return fail(unavailable, err.Error()).with("Retry-After", "5")
	}
}

// carryOut runs the operation and keeps its answer before it is sent. Refusals are not kept: they changed nothing.
func (s *service) carryOut(ctx huma.Context, next func(huma.Context), request store.Request, changed bool) {
	r, w := humago.Unwrap(ctx)
	kept := &recording{header: w.Header()}
	inner := store.WithRequest(context.WithValue(ctx.Context(), repetitionKey{}, repetition{request, changed}), request)
	body := ctx.(*bodied).body
	r = r.WithContext(inner)
	next(&bodied{humago.NewContext(ctx.Operation(), r, kept), body})

	// The client may have gone; the answer is for its repetition.
	keeping := context.WithoutCancel(ctx.Context())
	var err error
	if kept.status/100 == 2 {
		err = s.Requests.EndRequest(keeping, request, kept.text())
	} else {
		err = s.Requests.GiveUpRequest(keeping, request)
	}
	if err != nil {
		s.Logger.ErrorContext(keeping, "the answer of a request could not be kept", "error", err)
	}
	w.WriteHeader(kept.status)
	_, _ = w.Write(kept.body.Bytes()) // the client may have closed the connection
}

// repeat sends a kept answer.
func (s *service) repeat(ctx huma.Context, text string) {
	var kept keptAnswer
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		respond(ctx, fail(unavailable, fmt.Sprintf("the answer that was kept cannot be read: %v", err)))
		return
	}
	for name, values := range kept.Header {
		for _, value := range values {
			ctx.SetHeader(name, value)
		}
	}
	ctx.SetHeader(repeatedHeader, "true")
	ctx.SetStatus(kept.Status)
	_, _ = ctx.BodyWriter().Write(kept.Body) // the client may have closed the connection
}

// recording is the answer of an operation before it is sent.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recording) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// text is the answer as it is stored.
func (r *recording) text() string {
	kept := keptAnswer{r.status, http.Header{}, r.body.Bytes()}
	for _, name := range keptHeaders {
		if values := r.header.Values(name); len(values) > 0 {
			kept.Header[name] = values
		}
	}
	data, err := json.Marshal(kept)
	if err != nil {
		panic(err) // it has only texts and numbers
	}
	return string(data)
}

// digestOf identifies what a request asks for.
func digestOf(ctx huma.Context) string {
	target := ctx.URL()
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(ctx.Method()), []byte(target.RequestURI()), []byte(ctx.Header("If-Match")),
		[]byte(ctx.Header("If-None-Match")), ctx.(*bodied).body} {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":"))
		hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func isKey(text string) bool {
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return text != "" && len(text) <= maxKey
}

type repetitionKey struct{}

// repetition is the request of an operation, if it has a key.
type repetition struct {
	request store.Request
	// changed is set if the same request has made its change before, but its answer was lost.
	changed bool
}

// changedBefore reports whether the request of an operation has made its change before, and only the answer is missing.
func changedBefore(ctx context.Context) bool {
	r, _ := ctx.Value(repetitionKey{}).(repetition)
	return r.changed
}

// keyName is the key of a request, as its caller chose it; empty if it has none.
func keyName(ctx context.Context) string {
	r, _ := ctx.Value(repetitionKey{}).(repetition)
	return r.request.Key
}

// keyOf identifies the request of an operation; nil if it has no key.
func keyOf(ctx context.Context) []byte {
	r, ok := ctx.Value(repetitionKey{}).(repetition)
	if !ok {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%d:%s%s", len(r.request.Actor), r.request.Actor, len(r.request.Key),
		r.request.Key, r.request.Digest))
	return sum[:]
}
