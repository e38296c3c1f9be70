package everhook

import "encoding/json"

// Answer is the reply to the caller of a sync flow. It is stored in histories.
type Answer struct {
	// Status is an HTTP status, 200 to 599.
	Status int `json:"status"`
	// Headers are set by the flow. The receiver drops those that a flow can't set.
	Headers map[string]HeaderValue `json:"headers,omitempty"`
	// Body is nil for an empty body. A text is sent unchanged, every other value as JSON.
	Body *Value `json:"body,omitempty"`
	// Base64 says that Body is a text in base64, whose bytes are sent.
	Base64 bool `json:"base64,omitempty"`
	// Problem is set, and Body is nil, if the run ended unresolved and without a response node.
	Problem *Problem `json:"problem,omitempty"`
	// Ended is the status of the run if Problem is set; else it is empty.
	Ended Status `json:"ended,omitempty"`
	// Delivery is the ID of the delivery that started the run, and Digest the digest of its body. A delivery with
	// another ID is a duplicate.
	Delivery string `json:"delivery,omitempty"`
	Digest   string `json:"digest,omitempty"`
}

// UnmarshalJSON distinguishes a null body from a missing one.
func (a *Answer) UnmarshalJSON(data []byte) error {
	type fields Answer
	read := struct {
		*fields
		Body json.RawMessage `json:"body"`
	}{fields: (*fields)(a)}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	var err error
	a.Body, err = presentValue(read.Body)
	return err
}

// presentValue decodes a value that is present. A null is a value here; encoding/json alone would give a nil pointer.
func presentValue(data json.RawMessage) (*Value, error) {
	if data == nil {
		return nil, nil
	}
	v, err := ParseJSON(data)
	return Of(v), err
}

// MaxAnswerBody bounds the encoded body of an answer: 1 MiB.
const MaxAnswerBody = 1 << 20

// Problem is an error answer: application/problem+json, RFC 9457.
type Problem struct {
	// Type is one of the Problem constants.
	Type string `json:"type"`
	// Title is the same for every problem of a type.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail describes this occurrence for the caller. It contains no internals and no values.
	Detail string `json:"detail,omitempty"`
	// RunID is set if a run exists.
	RunID RunID `json:"runId,omitempty"`
	// Node is the key of the node that failed.
	Node string `json:"node,omitempty"`
	// Errors lists several problems of one request.
	Errors []ProblemDetail `json:"errors,omitempty"`
}

// ProblemDetail is one problem of a request: a JSON pointer (RFC 6901) and a message.
type ProblemDetail struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Problem types. Callers may depend on them: they are never edited.
const (
	ProblemNotFound       = "urn:everhook:problem:not-found"
	ProblemMethod         = "urn:everhook:problem:method-not-allowed"
	ProblemTooLarge       = "urn:everhook:problem:body-too-large"
	ProblemForbidden      = "urn:everhook:problem:address-not-allowed"
	ProblemUnauthorized   = "urn:everhook:problem:unauthorized"
	ProblemRateLimited    = "urn:everhook:problem:rate-limited"
	ProblemInvalidBody    = "urn:everhook:problem:invalid-body"
	ProblemMediaType      = "urn:everhook:problem:unsupported-media-type"
	ProblemMalformed      = "urn:everhook:problem:malformed-request"
	ProblemUnavailable    = "urn:everhook:problem:unavailable"
	ProblemBusy           = "urn:everhook:problem:too-many-held-callers"
	ProblemBodiesFull     = "urn:everhook:problem:too-many-bodies"
	ProblemOverloaded     = "urn:everhook:problem:overloaded"
	ProblemRunFailed      = "urn:everhook:problem:run-failed"
	ProblemRunRejected    = "urn:everhook:problem:run-rejected"
	ProblemRunAborted     = "urn:everhook:problem:run-timed-out"
	ProblemRunCancelled   = "urn:everhook:problem:run-cancelled"
	ProblemGatewayTimeout = "urn:everhook:problem:answer-late"
	ProblemHeaderTooLarge = "urn:everhook:problem:headers-too-large"
	ProblemKeyReused      = "urn:everhook:problem:idempotency-key-reused"
	ProblemRequestTimeout = "urn:everhook:problem:request-timeout"
	ProblemConflict       = "urn:everhook:problem:conflict"
	ProblemRunEnded       = "urn:everhook:problem:run-ended"
	ProblemWaitOver       = "urn:everhook:problem:wait-over"
	ProblemInboxFull      = "urn:everhook:problem:too-many-early-calls"
	ProblemInternal       = "urn:everhook:problem:internal"
	ProblemStale          = "urn:everhook:problem:stale"
	ProblemDenied         = "urn:everhook:problem:not-permitted"
)
