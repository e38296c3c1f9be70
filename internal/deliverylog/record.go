package deliverylog

import (
	"time"

	"github.com/everhook/everhook"
)

// Record is one delivery.
type Record struct {
	// ID is that of the delivery, see everhook.NewDeliveryID. It has the time at which it was received.
	ID string
	// Flow is the key of its flow, Version the version that took it. Node is the waiting node that it was for; empty
	// for a delivery to the trigger.
	Flow    string
	Version int
	Node    string
	// Outcome is one word for how it ended, a receiver.Reason. Cause says more about a refusal, if more is known.
	Outcome, Cause string
	// Status is the HTTP status of the reply, Bytes the size of the body, and Duration how long the caller waited.
	Status   int
	Bytes    int
	Duration time.Duration
	// Run is the run that the delivery started, resumed, or is a duplicate for. Empty: it has none.
	Run everhook.RunID
	// Duplicate is set if another delivery with the same dedupe key has started the run.
	Duplicate bool
	// ReplayOf is the delivery that was delivered again; empty for one that a caller sent.
	ReplayOf string
	// Client is the address of the caller, Caller the name that its credentials have.
	Client, Caller string
	// Signature is Valid, Invalid, or empty if none was checked.
	Signature string
	// Fields are the values of the paths that the flow chose, by which the record is found.
	Fields []Field
	// Omitted is how many deliveries of this flow with this outcome were not recorded after this one, because there
	// were too many of them.
	Omitted int
	// HasRequest is set if the request is kept, see Log.Get.
	HasRequest bool
	// Request is what the caller sent; nil if the flow does not keep it.
	Request *Request
}

// Results of the check of a signature.
const (
	Valid   = "valid"
	Invalid = "invalid"
)

// ReceivedAt is when the delivery was received, to the millisecond.
func (r *Record) ReceivedAt() time.Time {
	at, _ := everhook.DeliveryTime(r.ID)
	return at
}

// Field is a value in a delivery.
type Field struct {
	// Name is the path of the value.
	Name string `json:"name"`
	// Value is the value as text, at most MaxValue bytes.
	Value string `json:"value"`
}

// Request is what a caller sent, without its credentials.
type Request struct {
	Method string `json:"method"`
	// Query is that of the URL, without its "?".
	Query string `json:"query,omitempty"`
	// Headers are by lower-case names; repeated ones are joined by ", ".
	Headers map[string]string `json:"headers,omitempty"`
	// Body is without content encodings.
	Body []byte `json:"body,omitempty"`
	// Cut is set if the body has more bytes than are kept.
	Cut bool `json:"cut,omitempty"`
	// Redacted is set if secrets were replaced.
	Redacted bool `json:"redacted,omitempty"`
}

// Whole reports whether the request is as the caller sent it, so that it can be delivered again.
func (r *Request) Whole() bool { return r != nil && !r.Cut && !r.Redacted }

// Bounds of a record.
const (
	// MaxBody is how many bytes of a body are kept.
	MaxBody = 256 << 10
	// MaxValue bounds a value of a field, MaxValues the values of one field that is a list.
	MaxValue  = 200
	MaxValues = 10
	// maxText bounds each text of a record.
	maxText = 500
	// recordBytes is what a record takes with its places in the indexes, besides its texts.
	recordBytes = 400
)

// bound keeps the texts of a record within their bounds.
func (r *Record) bound() {
	for _, text := range []*string{&r.Flow, &r.Node, &r.Outcome, &r.Cause, &r.Client, &r.Caller} {
		*text = everhook.Shorten(*text, maxText)
	}
	for i := range r.Fields {
		r.Fields[i].Value = cut(r.Fields[i].Value)
	}
	if q := r.Request; q != nil && len(q.Body) > MaxBody {
		q.Body, q.Cut = q.Body[:MaxBody], true
	}
}

// size is about how many bytes the record takes on disk.
func (r *Record) size() int {
	n := recordBytes + len(r.Cause) + len(r.Client) + len(r.Caller)
	for _, f := range r.Fields {
		n += 2*(len(f.Name)+len(f.Value)) + len(r.Flow) + len(r.ID)
	}
	if q := r.Request; q != nil {
		n += len(q.Query) + len(q.Body)
		for name, value := range q.Headers {
			n += len(name) + len(value)
		}
	}
	return n
}
