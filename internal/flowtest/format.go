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
	// Now is when the delivery is received and the run starts.
	Now instant `json:"now"`
	// Env are the values of env.<NAME>, in addition to those of the file.
	Env map[string]string `json:"env"`
	// Request is the call of a webhook, Trigger what a flow with another trigger sees as trigger.
	Request *requestFields   `json:"request"`
	Trigger everhook.Mapping `json:"trigger"`
	// Nodes are, by the key of a node with effects, one outcome or a list of them.
	Nodes everhook.Mapping `json:"nodes"`
	Want  wantFields       `json:"want"`
}

// requestFields are a call as its sender makes it.
type requestFields struct {
	Headers map[string]string `json:"headers"`
	// Query is text as in a URL, without its "?", or a mapping that nests as the receiver reads it.
	Query any `json:"query"`
	// Body is sent as JSON; text as it is, if a Content-Type header says that it is something else.
	Body *everhook.Value `json:"body"`
}

// wantFields are what a test expects. What is left out is not compared.
type wantFields struct {
	Answer *answerFields   `json:"answer"`
	Status everhook.Status `json:"status" enum:"resolved,failed,error,aborted,cancelled,rejected"`
	// Steps are keys, or "key[iteration]", in the order in which they began.
	Steps  *[]string       `json:"steps"`
	Output *everhook.Value `json:"output"`
	// Error is a part of the message, or a mapping: see errorFields.
	Error any `json:"error"`
	// Calls are, by the key of a node with effects, what would have been sent.
	Calls map[string][]map[string]any `json:"calls"`
}

// answerFields are the expected answer for the caller.
type answerFields struct {
	Status int `json:"status"`
	// Headers are compared by their names alone that are given here, in any case.
	Headers map[string]string `json:"headers"`
	// Body is compared as a whole; null is an empty one.
	Body *everhook.Value `json:"body"`
}

// errorFields are the expected error of a run that does not resolve.
type errorFields struct {
	Node string `json:"node"`
	Type string `json:"type"`
	// Message is a part of the whole one.
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

// defaultNow is when tests start that do not say when: a Thursday.
var defaultNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (t testFields) now() time.Time {
	if t.Now.IsZero() {
		return defaultNow
	}
	return t.Now.UTC()
}
