package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookBearer is a token in the header Authorization (RFC 6750).
type WebhookBearer struct {
	// Tokens lists the accepted tokens, each as `{ secret: NAME }`. `caller: NAME` beside it names the caller, which is
	// part of the dedupe key.
	Tokens []CallerCredential `json:"tokens" required:"true" single:"true"`
}

// WebhookAPIKey is a key in a header.
type WebhookAPIKey struct {
	// Header is the name of the header.
	Header string `json:"header" required:"true"`
	// Values lists the accepted keys, each as `{ secret: NAME }`. `caller: NAME` beside it names the caller, which is
	// part of the dedupe key.
	Values []CallerCredential `json:"values" required:"true" single:"true"`
}

// WebhookRate limits the number of calls.
type WebhookRate struct {
	// Rate is the average number of calls per second: 0.01 to 100000.
	Rate float64 `json:"rate" required:"true"`
	// Burst is the number of calls taken at once after a quiet time: 1 to 100000. Without it, the calls of one second.
	Burst int `json:"burst,omitempty"`
}

// Limits for the lists and rates of a trigger block.
const (
	maxCredentials = 8
	maxRanges      = 1000
	minRate        = 0.01
	maxRate        = 100_000
)

// Size is the number of deliveries that are taken at once.
func (r *WebhookRate) Size() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return max(1, int(r.Rate))
}

// reservedHeaders are used by HTTP or by other credentials, so they can't contain a key.
var reservedHeaders = []string{
	"authorization", "connection", "content-length", "content-type", "cookie", "expect", "forwarded", "host",
	"proxy-authorization",
	"transfer-encoding", "x-forwarded-for",
}

func (a *WebhookAuth) validate(v *kind.Validation) {
	if a.Basic != nil && len(a.Basic) == 0 {
		v.Error("/auth/basic", "an empty list lets everybody in", "add a user, or remove it")
	}
	if len(a.Basic) > 0 && a.Bearer != nil {
		v.Error("/auth/bearer", "basic and bearer both stand in the header Authorization, so no caller can pass",
			"keep one of them")
	}
	for i, user := range a.Basic {
		if user.Username == "" || strings.Contains(user.Username, ":") {
			v.Error(fmt.Sprintf("/auth/basic/%d/username", i), "a user name is not empty and has no colon (RFC 7617)",
				"choose another name")
		}
		if user.Caller != "" {
			if err := checkCaller(user.Caller); err != nil {
				v.Error(fmt.Sprintf("/auth/basic/%d/caller", i), err.Error(), "choose another name")
			}
		}
		user.Password.warnIfLiteral(v, fmt.Sprintf("/auth/basic/%d/password", i), "password")
	}
	if a.Bearer != nil {
		validateCredentials(v, "/auth/bearer/tokens", "token", a.Bearer.Credentials())
	}
	if a.APIKey != nil {
		if slices.Contains(reservedHeaders, strings.ToLower(a.APIKey.Header)) {
			v.Error("/auth/apiKey/header", fmt.Sprintf("%s has a meaning of its own", a.APIKey.Header),
				"choose another header, for example X-Api-Key; for Authorization there is `bearer`")
		}
		validateHeader(v, "/auth/apiKey/header", a.APIKey.Header)
		validateCredentials(v, "/auth/apiKey/values", "key", a.APIKey.Credentials())
	}
}

func validateCredentials(v *kind.Validation, pointer, what string, credentials []Credential) {
	switch {
	case len(credentials) == 0:
		v.Error(pointer, "an empty list refuses every call", "write `{ secret: NAME }`")
	case len(credentials) > maxCredentials:
		v.Error(pointer, fmt.Sprintf("%d are more than the %d that are compared", len(credentials), maxCredentials),
			"give other callers a flow of their own")
	}
	for i, credential := range credentials {
		credential.warnIfLiteral(v, fmt.Sprintf("%s/%d", pointer, i), what)
	}
}

func validateHeader(v *kind.Validation, pointer, name string) {
	if err := everhook.CheckHeaderName(name); err != nil {
		v.Error(pointer, err.Error(), "write for example X-Api-Key")
	}
}

func (c *Credential) warnIfLiteral(v *kind.Validation, pointer, what string) {
	if c.Secret == "" {
		v.Warn(pointer, fmt.Sprintf("the %s stands in the flow file", what),
			"write `{ secret: NAME }` and set EVERHOOK_SECRET_NAME")
	}
}
