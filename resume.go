package everhook

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
)

// Resume makes the URLs that resume a run which waits for a call. It is part of the input of a run.
//
// The caller of the trigger knows the run ID, and all runs of a flow share the token. So each URL also has a ticket: an
// HMAC with a key of the run. The key can be derived only with the flow's secret. A ticket is valid for one node and
// one iteration of its loops.
type Resume struct {
	// Base is the beginning of the URLs: "<public URL>/api/webhook:resume/<ResumeToken>".
	Base string `json:"base"`
	// Key is the HMAC key for the tickets of the run.
	Key string `json:"key"`
}

// ResumePath is the path of resume URLs, between the public URL and the token.
const ResumePath = "/api/webhook:resume/"

// Parameters of a resume URL.
const (
	ResumeTicket    = "ticket"
	ResumeIteration = "iteration"
)

// resumeBytes is the length of keys and tickets: 128 bits.
const resumeBytes = 16

// NewResume makes the Resume of a run. Base may be empty if only tickets are compared.
//
// The key is derived by HKDF (RFC 5869) and not by the HMAC of DerivedRunID: callers choose dedupe keys and see the
// resulting run IDs, so with that HMAC they could obtain the key.
func NewResume(base string, flowSecret []byte, run RunID) *Resume {
	key, err := hkdf.Key(sha256.New, flowSecret, nil, "everhook resume "+string(run), resumeBytes)
	if err != nil {
		panic(err) // only for lengths over 255 hashes
	}
	return &Resume{Base: base, Key: runIDEncoding.EncodeToString(key)}
}

// ResumeToken is the token in the resume URLs of a flow. It differs from the trigger's token, so a party that calls
// back can't call the trigger or read answers. It is derived from the flow's secret, so it does not change with the
// trigger's token.
func ResumeToken(flowSecret []byte) string {
	token, err := hkdf.Key(sha256.New, flowSecret, nil, "everhook resume token", resumeBytes)
	if err != nil {
		panic(err) // only for lengths over 255 hashes
	}
	return runIDEncoding.EncodeToString(token)
}

// Ticket is the ticket in the URL of a wait. Iteration is the position of the node in its loops, for example
// "items[3].lines[0]"; empty outside loops.
func (r *Resume) Ticket(node, iteration string) string {
	mac := hmac.New(sha256.New, []byte(r.Key))
	mac.Write([]byte(node + "\n" + iteration))
	return runIDEncoding.EncodeToString(mac.Sum(nil)[:resumeBytes])
}

// Admits reports whether the ticket is valid for a wait. It takes constant time.
func (r *Resume) Admits(ticket, node, iteration string) bool {
	return hmac.Equal([]byte(ticket), []byte(r.Ticket(node, iteration)))
}

// URL is the URL that resumes the run at a node, in the given iteration of its loops.
func (r *Resume) URL(run RunID, node, iteration string) string {
	text := r.Base + "/" + string(run) + "/" + node + "?" + ResumeTicket + "=" + r.Ticket(node, iteration)
	if iteration != "" {
		text += "&" + ResumeIteration + "=" + url.QueryEscape(iteration)
	}
	return text
}

// OuterIteration is the part of an iteration that belongs to the outermost loops: of "items[3].lines[0]", the first
// loop gives "items[3]".
func OuterIteration(iteration string, loops int) string {
	parts := strings.Split(iteration, ".")
	return strings.Join(parts[:min(loops, len(parts))], ".")
}
