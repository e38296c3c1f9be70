package expression

import "github.com/everhook/everhook"

// URL is a Template for a url. Every inserted value is percent-encoded for its place in the path or the query, and only env and secret may
// supply the scheme or the host. A url that is exactly one template is used as it is.
type URL struct{ Template[string] }

// EvalSealed gives the url.
func (u *URL) EvalSealed(scope *Scope) (everhook.Sealed, error) { return u.Template.EvalSealed(scope) }
