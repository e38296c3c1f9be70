package everhook

import (
	"errors"
	"fmt"
)

// Error is the error type of nodes and runs. The receiver, the step log and Temporal's failures are made from it.
// Its message is for a person, says what to do, and never contains a secret.
type Error struct {
	// Status is Failed, Errored, Aborted, Cancelled or Rejected.
	Status Status `json:"status"`
	// Type is a stable word for programs: one of the Type constants, or one that a kind defines.
	Type string `json:"type"`
	// Message is for a person.
	Message string `json:"message"`
	// Node is the key of the node that failed; empty if the run itself failed.
	Node string `json:"node,omitempty"`
	// Attempts counts the attempts of an effect; 0 for nodes without an effect.
	Attempts int `json:"attempts,omitempty"`
	// Response is the answer of another system (http-request: status, headers, body); nil if there was none.
	Response *Value `json:"response,omitempty"`
}

// Types of errors. Histories and step logs store them, so they are never edited, only added to.
const (
	TypeExpression     = "expression"      // an expression or template could not be evaluated
	TypeConfig         = "config"          // a template gave a value of a wrong type for its field
	TypeLimit          = "limit"           // a limit of the engine was reached
	TypeTimeout        = "timeout"         // an attempt, or the run, took too long
	TypeConnection     = "connection"      // no answer from another system
	TypeRefused        = "egress"          // the egress guard refused an address
	TypeStatus         = "http-status"     // another system answered with a status that is not expected
	TypeSecret         = "secret"          // a secret is not set
	TypeCondition      = "condition"       // a condition with rejectOnFalse was false
	TypeNoMatch        = "no-match"        // no case of multi-conditions matched
	TypeEnd            = "end"             // an end node ended the run
	TypeDelay          = "delay"           // a delay with status failed
	TypeDeadline       = "deadline"        // what a node waited for did not come in time
	TypeInput          = "input"           // an input has a wrong type
	TypeQuery          = "query"           // a query could not be evaluated
	TypeCancelled      = "cancelled"       // the run was cancelled, or the branch lost a race
	TypeNoBranch       = "no-branch"       // no branch of a parallel node resolved
	TypeInternal       = "internal"        // a defect of the engine or of a node kind
	TypeUnavailable    = "unavailable"     // a part of the system did not answer
	TypeKeyReused      = "key-reused"      // a dedupe key was used again with another body
	TypeResponse       = "response-size"   // an answer was larger than allowed
	TypeUnreadable     = "response"        // an answer could not be decoded
	TypeOutcomeUnknown = "outcome-unknown" // the worker was lost during an effect that must not be repeated
	TypeNoFlow         = "no-flow"         // the called flow or version does not exist or can't be called
	TypeSubflow        = "subflow"         // the run of a called flow did not resolve
)

// TriggerStep is the node of an error of the trigger itself, before the first node.
const TriggerStep = "trigger"

// Errorf makes an error with status Errored.
func Errorf(typ, format string, args ...any) *Error {
	return &Error{Status: Errored, Type: typ, Message: fmt.Sprintf(format, args...)}
}

// Failuref makes an error with status Failed: a business condition is not met.
func Failuref(typ, format string, args ...any) *Error {
	return &Error{Status: Failed, Type: typ, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Node != "" {
		return e.Node + ": " + e.Message
	}
	return e.Message
}

// At returns a copy that names the node, unless the error names a node already.
func (e *Error) At(node string) *Error {
	if e.Node != "" {
		return e
	}
	named := *e
	named.Node = node
	return &named
}

// AsError finds the *Error in err, or wraps err as an internal one. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if found, ok := errors.AsType[*Error](err); ok {
		return found
	}
	return &Error{Status: Errored, Type: TypeInternal, Message: err.Error()}
}
