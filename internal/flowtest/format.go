package flowtest

import (
	"errors"
	"time"

	"github.com/everhook/everhook"
)

// fileFields are the fields of a test file.
type fileFields struct {
	// Env are settings of every test.
	Env   map[string]string `json:"env"`
	Tests []testFields      `json:"tests" required:"true"`
}

// testFields are the fields of one test.
type testFields struct {
	Name string `json:"name" required:"true"`
	// Now is the time of the delivery and of the start of the run.
	Now instant `json:"now"`
	// Env are settings (env.<NAME>), in addition to those of the file.
	Env map[string]string `json:"env"`
	// Request is the call of a webhook. Trigger is the value of trigger for flows with another trigger.
	Request *requestFields   `json:"request"`
	Trigger everhook.Mapping `json:"trigger"`
	// Nodes has one outcome, or a list of outcomes, for each node with effects, by its key.
	Nodes everhook.Mapping `json:"nodes"`
	Want  wantFields       `json:"want"`
}

// requestFields are the fields of a call, as the caller sends it.
type requestFields struct {
	// Method is the method of the call; without it, the first that the flow takes.
	Method  string            `json:"method" enum:"POST,PUT,GET,HEAD"`
	Headers map[string]string `json:"headers"`
	// Query is text as in a URL, without its "?", or a mapping in the receiver's notation for nested values.
	Query any `json:"query"`
	// Body is sent as JSON. Text is sent unchanged if a Content-Type header names another type.
	Body *everhook.Value `json:"body"`
}

// wantFields are the expectations of a test. Missing fields are not compared.
type wantFields struct {
	// Skipped says whether the trigger's condition leaves out the delivery, so that there is no run.
	Skipped *bool           `json:"skipped"`
	Answer  *answerFields   `json:"answer"`
	Status  everhook.Status `json:"status" enum:"resolved,failed,error,aborted,cancelled,rejected"`
	// Steps are keys, or "key[iteration]", in the order of their starts.
	Steps  *[]string       `json:"steps"`
	Output *everhook.Value `json:"output"`
	// Error is a part of the message, or a mapping: see errorFields.
	Error any `json:"error"`
	// Calls are the expected requests of nodes with effects, by the key of the node.
	Calls map[string][]map[string]any `json:"calls"`
}

// answerFields are the expected answer for the caller.
type answerFields struct {
	Status int `json:"status"`
	// Headers are the expected values of these headers, in any case; other headers are not compared. A list is a
	// repeated header.
	Headers map[string]everhook.HeaderValue `json:"headers"`
	// Body is compared as a whole; null means an empty body.
	Body *everhook.Value `json:"body"`
}

// errorFields are the expected error of a run that does not resolve.
type errorFields struct {
	Node string `json:"node"`
	Type string `json:"type"`
	// Message is a part of the message.
	Message string `json:"message"`
}

// instant is a time in a test file.
type instant struct{ time.Time }

// UnmarshalText reads RFC 3339.
func (i *instant) UnmarshalText(text []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		return errors.New("this is no time; write for example 2026-01-31T09:00:00Z")
	}
	return nil
}

// defaultNow is the default of now: a Thursday.
var defaultNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (t testFields) now() time.Time {
	if t.Now.IsZero() {
		return defaultNow
	}
	return t.Now.UTC()
}
