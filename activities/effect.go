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

// Effect is the implementation of an effect from outside this repository. Package effect makes one; a registry takes it
// along to the workers.
type Effect interface {
	// Name is what a kind calls it by. It is stored in histories: it is never edited.
	Name() string
	// Activity makes the function that a worker registers under the name. It is called once in each process that runs a
	// worker.
	Activity(Dependencies) any
}

// Dependencies are what a process gives the effects from outside: what they use instead of their own is guarded and
// redacted as the built-in ones are. All of it is safe for concurrent use. A test fills in what its effect uses.
type Dependencies struct {
	// Secrets gives the values of secrets, and takes them out of what leaves the effect. See Open and Text.
	Secrets Secrets
	// HTTP sends requests: every address that it dials has passed the operator's egress guard, and his proxy is used.
	// It follows no redirect (the redirect is the answer), so no credential goes where the flow did not say, and has no
	// timeout but that of the context.
	HTTP *http.Client
	// Dial opens a TCP connection to a host and port that the egress guard allows. It does not go through the
	// operator's proxy.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger takes what the operator should know. Values of secrets never belong there.
	Logger *slog.Logger
}

// Secrets gives secrets by name.
type Secrets interface {
	// Lookup gives a secret's value. Its error names the secret and says how to set it.
	Lookup(name string) (string, error)
	// Redact gives a canonical value with every known secret in its texts replaced by "[secret NAME]".
	Redact(v any) any
}

// Open gives a sealed value with its secrets in their places. The error of a secret that is not set is an
// *everhook.Error of TypeSecret: return it as it is.
func (d Dependencies) Open(sealed everhook.Sealed) (any, error) {
	v, err := sealed.Open(d.Secrets.Lookup)
	if err != nil {
		return nil, everhook.Errorf(everhook.TypeSecret, "%s", err)
	}
	return v, nil
}

// Text is Open for a value that is text; any other is an *everhook.Error of TypeConfig.
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

// CheckEffectName tells what is wrong with the name of an effect from outside: it has at least two parts, the first of
// which is that of whoever offers it ("acme.sms"), and does not begin as the built-in ones do.
func CheckEffectName(name string) error {
	switch {
	case strings.HasPrefix(name, ownPrefix):
		return fmt.Errorf("the name of an effect cannot begin with %q: those are built in", ownPrefix)
	case !effectName.MatchString(name) || len(name) > 100:
		return fmt.Errorf("%q is no name of an effect; write for example acme.send-sms: a-z, 0-9 and -, in parts "+
			"with dots between them, at most 100 characters", everhook.Shorten(name, 120))
	}
	return nil
}
