package everhook

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
)

// Resume makes the URLs by which others resume a run that waits for a call. A run gets it when it is started.
//
// The run ID is told to whoever started the run, and the token is the same for all runs of a flow: so each URL has a
// ticket besides, an HMAC under a key of the run that only who knows the flow's secret can derive. It holds for one
// node and one iteration of its loops.
type Resume struct {
	// Base is where the URLs begin: "<public URL>/api/webhook:resume/<ResumeToken>".
	Base string `json:"base"`
	// Key is what the run's tickets are made under.
	Key string `json:"key"`
}

// ResumePath is the path of resume URLs, behind the public URL and before the token.
const ResumePath = "/api/webhook:resume/"

// Parameters of a resume URL.
const (
	ResumeTicket    = "ticket"
	ResumeIteration = "iteration"
)

// resumeBytes is the length of keys and tickets: 128 bits.
const resumeBytes = 16

// NewResume makes the one of a run. Base may be empty where only tickets are compared.
//
// The key is derived by HKDF (RFC 5869), not by the HMAC of DerivedRunID: callers choose dedupe keys and are told the
// run ID that comes of them, so that they would learn whatever can be written as the run ID of a key.
func NewResume(base string, flowSecret []byte, run RunID) *Resume {
	key, err := hkdf.Key(sha256.New, flowSecret, nil, "everhook resume "+string(run), resumeBytes)
	if err != nil {
		panic(err) // only for lengths that there are not
	}
	return &Resume{Base: base, Key: runIDEncoding.EncodeToString(key)}
}

// ResumeToken is the part of the resume URLs of a flow that its trigger's URL does not share: who is to call back
// learns nothing by which he could call the trigger, or ask for answers. It follows from the flow's secret, so it stays
// the same when the trigger's token changes.
func ResumeToken(flowSecret []byte) string {
	token, err := hkdf.Key(sha256.New, flowSecret, nil, "everhook resume token", resumeBytes)
	if err != nil {
		panic(err) // only for lengths that there are not
	}
	return runIDEncoding.EncodeToString(token)
}

// Ticket is what the URL of a wait shows. Iteration is where in its loops the node stands, as in "items[3].lines[0]";
// empty outside loops.
func (r *Resume) Ticket(node, iteration string) string {
	mac := hmac.New(sha256.New, []byte(r.Key))
	mac.Write([]byte(node + "\n" + iteration))
	return runIDEncoding.EncodeToString(mac.Sum(nil)[:resumeBytes])
}

// Admits reports whether a ticket is that of a wait, in constant time.
func (r *Resume) Admits(ticket, node, iteration string) bool {
	return hmac.Equal([]byte(ticket), []byte(r.Ticket(node, iteration)))
}

// URL resumes the run where it waits in a node, in that iteration of its loops.
func (r *Resume) URL(run RunID, node, iteration string) string {
	text := r.Base + "/" + string(run) + "/" + node + "?" + ResumeTicket + "=" + r.Ticket(node, iteration)
	if iteration != "" {
		text += "&" + ResumeIteration + "=" + url.QueryEscape(iteration)
	}
	return text
}

// OuterIteration is where the outermost loops of an iteration stand: of "items[3].lines[0]" the first is "items[3]".
func OuterIteration(iteration string, loops int) string {
	parts := strings.Split(iteration, ".")
	return strings.Join(parts[:min(loops, len(parts))], ".")
}
