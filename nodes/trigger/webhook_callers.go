package trigger

import (
	"fmt"
	"maps"
	"regexp"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// CallerCredential is a Credential that may name its caller.
type CallerCredential struct {
	Credential
	// Caller is the name of the caller; empty: it has none.
	Caller string
}

// callerPattern matches the names of callers.
const callerPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

var callerExp = regexp.MustCompile(callerPattern)

// checkCaller returns an error for a text that cannot be the name of a caller.
func checkCaller(name string) error {
	if !callerExp.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a caller; write 1 to 64 of A-Z, a-z, 0-9, ., _ and -",
			everhook.Shorten(name, 70))
	}
	return nil
}

// Decode takes text, `{ secret: NAME }` or `{ secret: NAME, caller: NAME }`.
func (c *CallerCredential) Decode(v any) error {
	fields, ok := v.(map[string]any)
	if !ok {
		return c.Credential.Decode(v)
	}
	caller, named := fields["caller"]
	if named {
		if c.Caller, ok = caller.(string); !ok {
			return fmt.Errorf("caller is %s, not text", everhook.TypeName(caller))
		}
		if err := checkCaller(c.Caller); err != nil {
			return err
		}
		fields = maps.Clone(fields)
		delete(fields, "caller")
	}
	return c.Credential.Decode(fields)
}

// JSONSchema is that of a Credential, with a caller.
func (*CallerCredential) JSONSchema() map[string]any {
	schema := (*Credential)(nil).JSONSchema()
	schema["title"] = "`{ secret: NAME }`, or `{ secret: NAME, caller: NAME }`"
	properties := schema["anyOf"].([]any)[0].(map[string]any)["properties"].(map[string]any)
	properties["caller"] = map[string]any{"type": "string", "pattern": callerPattern,
		"description": "The name of the caller that has this credential. It is part of the dedupe key, so that " +
			"callers with different names never share a run. Credentials of one caller have the same name."}
	return schema
}

func credentialsOf(all []CallerCredential) []Credential {
	credentials := make([]Credential, len(all))
	for i := range all {
		credentials[i] = all[i].Credential
	}
	return credentials
}

// Credentials are the accepted tokens without their callers.
func (b *WebhookBearer) Credentials() []Credential { return credentialsOf(b.Tokens) }

// Credentials are the accepted keys without their callers.
func (k *WebhookAPIKey) Credentials() []Credential { return credentialsOf(k.Values) }

// warnOfSharedKeys warns if several callers may share their dedupe keys: one could then get the answer to the delivery
// of another, or block it. A provider's own event IDs are not chosen by callers.
func (w *Webhook) warnOfSharedKeys(v *kind.Validation) {
	if !w.Dedupe.IsSet() || w.Dedupe.Preset == signedKey {
		return
	}
	users := map[string]bool{}
	unnamed := false
	for _, user := range w.Auth.Basic {
		users[user.Username] = true
		unnamed = unnamed || user.Caller == ""
	}
	warn := func(pointer string) {
		v.Warn(pointer, "several callers may have the same dedupe key: one could get the answer to another's delivery",
			"add `caller: NAME` to each credential, with the same name for all credentials of one caller")
	}
	if len(users) > 1 && unnamed {
		warn("/auth/basic")
	}
	if bearer := w.Auth.Bearer; bearer != nil && someUnnamed(bearer.Tokens) {
		warn("/auth/bearer/tokens")
	}
	if key := w.Auth.APIKey; key != nil && someUnnamed(key.Values) {
		warn("/auth/apiKey/values")
	}
}

// someUnnamed reports whether several credentials are not all of named callers.
func someUnnamed(all []CallerCredential) bool {
	if len(all) < 2 {
		return false
	}
	for i := range all {
		if all[i].Caller == "" {
			return true
		}
	}
	return false
}
