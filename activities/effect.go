package activities

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/everhook/everhook"
)

// Effect is the implementation of an effect. Package effect makes one of a function.
type Effect interface {
	// Name is the name by which a kind calls it. It is stored in histories, so it never changes.
	Name() string
	// Local reports that a kind calls it with Run.LocalActivity, not with Run.Activity.
	Local() bool
	// Activity makes the function that a worker registers under the name. It is called once in each process that runs a
	// worker.
	Activity(d Dependencies) any
}

// Dependencies are what a process gives to effects. They are guarded and redacted, so an effect should use them in
// place of clients of its own. All of them are safe for concurrent use. A test fills in those that its effect uses.
type Dependencies struct {
	// Secrets has the values of secrets, and redacts them. See Open and Text.
	Secrets Secrets
	// HTTP sends requests through the operator's proxy, if there is one, to addresses that the egress guard allows. It
	// does not follow redirects, but returns them, so that no credential goes where the flow did not say. Its only
	// timeout is the context's.
	HTTP *http.Client
	// Dial opens a TCP connection to a host and port that the egress guard allows, without the operator's proxy.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger is for the operator. Do not log secrets.
	Logger *slog.Logger
}

// Secrets has secrets by name.
type Secrets interface {
	// Lookup gives a secret's value. Its error names the secret and says how to set it.
	Lookup(name string) (string, error)
	// Redact gives a canonical value with every known secret in its texts replaced by "[secret NAME]".
	Redact(v any) any
	// Learn redacts a value as if it were the secret of that name: a token that was fetched with it, for example.
	Learn(name, value string)
	// With returns Secrets that redact one more text under a name, such as a credential that contains a secret.
	With(name, text string) Secrets
}

// RestrictedSecrets are Secrets with rules of the operator about their use. The frame of an effect asks them.
type RestrictedSecrets interface {
	// Permit returns an error if a flow may not use a secret.
	Permit(flow, name string) error
	// HasHosts reports whether a secret may be sent to certain hosts only.
	HasHosts(name string) bool
	// MaySend returns an error if a secret may not be sent to a host and port.
	MaySend(name, host, port string) error
}

// Open gives a sealed value with its secrets in their places. If a secret is not set, the error is an *everhook.Error
// of TypeSecret: return it unchanged.
func (d Dependencies) Open(sealed everhook.Sealed) (any, error) {
	v, err := sealed.Open(d.Secrets.Lookup)
	if err != nil {
		return nil, everhook.Errorf(everhook.TypeSecret, "%s", err)
	}
	return v, nil
}

// Text is Open for text. Another value is an *everhook.Error of TypeConfig.
func (d Dependencies) Text(sealed everhook.Sealed) (string, error) {
	v, err := d.Open(sealed)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", everhook.Errorf(everhook.TypeConfig, "%s where text is needed", everhook.TypeName(v))
	}
	return text, nil
}

// ownPrefix begins the names of the built-in effects.
const ownPrefix = "everhook."

var effectName = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// CheckEffectName checks the name of an effect from outside. The name has at least two parts, the first of which names
// its owner ("acme.sms"). It does not begin like the names of built-in effects.
func CheckEffectName(name string) error {
	switch {
	case strings.HasPrefix(name, ownPrefix):
		return fmt.Errorf("the name of an effect cannot begin with %q, which is for built-in effects", ownPrefix)
	case !effectName.MatchString(name) || len(name) > 100:
		return fmt.Errorf("%q is not a name for an effect; write for example acme.send-sms: parts of a-z, 0-9 and -, "+
			"with dots between them, at most 100 characters", everhook.Shorten(name, 120))
	}
	return nil
}
