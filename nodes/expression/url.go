package expression

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/everhook/everhook"
)

// URL is a Template for the address of an HTTP request. Every inserted value is percent-encoded for its place: in the
// path it stays one segment, in the query one value. Only env and secret may supply the scheme or the host; Compile
// checks that. A URL that is exactly one template is used unchanged.
type URL struct{ Template[string] }

// Decode sets the text of the URL. Without a template it must be an absolute http or https URL.
func (u *URL) Decode(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s where a url is needed; write for example https://api.example.com/orders/{{ "+
			"trigger.body.id }}", everhook.TypeName(v))
	}
	if err := u.Template.Decode(text); err != nil {
		return err
	}
	switch f := u.form.(type) {
	case literalForm:
		return checkURL(text)
	case *textForm:
		if !f.whole() {
			return placeParts(f.parts)
		}
	}
	return nil
}

// Compile compiles the templates of the url.
func (u *URL) Compile(pointer string, env *Environment) []Problem {
	problems := u.Template.Compile(pointer, env)
	f, ok := u.form.(*textForm)
	if !ok {
		return problems
	}
	for i := range f.parts {
		if p := &f.parts[i]; p.supplies && p.program != nil && !p.program.settingsOnly {
			err := &Error{
				Message: "only env and secret may supply the scheme or host of a url", Source: f.source,
				Offset: p.offset,
				Fix:    "write the host itself, or let one template give the whole url",
			}
			problems = append(problems, err.problem(pointer))
		}
		if p := &f.parts[i]; p.escape == everhook.EscapePath && p.program != nil && hasSlashes.MatchString(p.source) {
			source := strings.TrimSpace(p.source)
			err := &Error{
				Message: fmt.Sprintf("`%s` usually has slashes, and each is sent as %%2F", source), Source: f.source,
				Offset: p.offset,
				Fix: fmt.Sprintf("write `{{ path(%s) }}` to keep them, or `{{ urlEncode(%s) }}` if %%2F is right",
					source,
					source),
			}
			problems = append(problems, err.warning(pointer))
		}
	}
	return problems
}

// hasSlashes matches members of deliveries that contain several segments of a path: the repositories of GitHub and
// GitLab, references of Git, paths of files.
var hasSlashes = regexp.MustCompile(
	`[.\]](?:full_?[nN]ame|path_with_namespace|pathWithNamespace|ref|path|file_?[pP]ath|folder)\s*$`)

// Eval returns the URL. A value that is not an absolute http or https URL is an *everhook.Error of TypeConfig.
func (u *URL) Eval(scope *Scope) (string, error) {
	text, err := u.Template.Eval(scope)
	if err != nil || !u.IsSet() {
		return "", err
	}
	return text, u.check(text)
}

// EvalSealed returns the URL with places for its secrets. Without secrets it is checked as in Eval.
func (u *URL) EvalSealed(scope *Scope) (everhook.Sealed, error) {
	sealed, err := u.Template.EvalSealed(scope)
	if err != nil || !u.IsSet() {
		return sealed, err
	}
	if len(sealed.Places) == 0 {
		return sealed, u.check(sealed.Value.V.(string))
	}
	text, err := sealed.Open(func(string) (string, error) { return "secret", nil })
	if err != nil {
		return everhook.Sealed{}, err
	}
	return sealed, u.checkDots(text.(string))
}

func (u *URL) check(text string) error {
	if err := checkURL(text); err != nil {
		return everhook.Errorf(everhook.TypeConfig, "%s: %v", fieldName(u.pointer), err)
	}
	return u.checkDots(text)
}

// checkDots refuses values that become the segments "." and "..": encoding does not change them, and servers resolve
// them.
func (u *URL) checkDots(text string) error {
	if f, ok := u.form.(*textForm); !ok || f.whole() {
		return nil
	}
	path, _, _ := strings.Cut(text, "?")
	path, _, _ = strings.Cut(path, "#")
	for _, segment := range strings.Split(path, "/") {
		if dots := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); dots == "." || dots == ".." {
			return everhook.Errorf(everhook.TypeConfig, "%s: the path has the segment %q, which would lead elsewhere",
				fieldName(u.pointer), segment)
		}
	}
	return nil
}

func checkURL(text string) error {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("%q is not an address like https://api.example.com/orders", everhook.Shorten(text, 60))
	}
	return nil
}

// region is a part of a URL's text.
type region int

const (
	beforeScheme region = iota
	// inBase follows a value at the very start, which may be a scheme, or scheme, host and the start of the path.
	inBase
	inHost
	inPath
	inQuery
)

var schemeExp = regexp.MustCompile(`^(?i:https?)://`)

// placeParts determines the region of each template in the URL.
func placeParts(parts []part) error {
	if first := parts[0]; first.literal() && !schemeExp.MatchString(first.text) {
		return fmt.Errorf("a url starts with https:// or http://, not with %q", everhook.Shorten(first.text, 40))
	}
	place(beforeScheme, parts)
	return nil
}

// place sets the escape of each template by its region; the first part is in the given one.
func place(at region, parts []part) {
	for i := range parts {
		p := &parts[i]
		if p.literal() {
			at = at.after(p.text)
			continue
		}
		switch at {
		case beforeScheme:
			at, p.supplies = inBase, true
		case inBase, inHost:
			p.supplies = true
		case inPath:
			p.escape = everhook.EscapePath
		case inQuery:
			p.escape = everhook.EscapeQuery
		}
	}
}

// after returns the region after a text. A fragment counts as query: it is never sent.
func (at region) after(text string) region {
	if at == beforeScheme || at == inBase {
		if _, rest, found := strings.Cut(text, "://"); found {
			at, text = inHost, rest
		}
	}
	if at != inQuery && strings.ContainsAny(text, "?#") {
		return inQuery
	}
	if (at == inBase || at == inHost) && strings.ContainsAny(text, "/\\") {
		return inPath
	}
	return at
}
