package trigger

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
)

// WebhookLink lets a person open the resume URL in a browser: a page with one button, which sends the call without a
// body. Opening the page does nothing, because scanners of mails and previews open links too.
type WebhookLink struct {
	// Title is the heading of the page. Without it: the title of the node, or of the flow.
	Title string `json:"title,omitempty"`
	// Text is the sentence above the button.
	Text string `json:"text,omitempty" default:"Nothing has happened yet. Press the button to confirm."`
	// Button is the text of the button.
	Button string `json:"button,omitempty" default:"Confirm"`
	// Done is the sentence that follows, unless the node has a `response`.
	Done string `json:"done,omitempty" default:"Done. You can close this page."`
	// Language of these texts, such as de or pt-BR.
	Language string `json:"language,omitempty" default:"en"`

	isSet bool
}

// The texts of a page whose config says none.
const (
	LinkText     = "Nothing has happened yet. Press the button to confirm."
	LinkButton   = "Confirm"
	LinkDone     = "Done. You can close this page."
	LinkLanguage = "en"
)

// maxLinkText bounds each text of a page, in characters.
const maxLinkText = 500

var languageExp = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// Decode takes true or false, or a mapping with the texts of the page.
func (l *WebhookLink) Decode(v any) error {
	if is, ok := v.(bool); ok {
		*l = WebhookLink{isSet: is}
		return nil
	}
	type fields WebhookLink
	var problems []error
	strict.Decode(v, (*fields)(l), "", func(pointer, message, fix string) {
		text := message
		if name := strings.TrimPrefix(pointer, "/"); name != "" {
			text = name + ": " + text
		}
		if fix != "" {
			text += "; " + fix
		}
		problems = append(problems, errors.New(text))
	})
	l.isSet = true
	return errors.Join(problems...)
}

// IsSet reports whether the URL may be opened in a browser.
func (l *WebhookLink) IsSet() bool { return l.isSet }

// IsZero is the opposite of IsSet.
func (l WebhookLink) IsZero() bool { return !l.isSet }

// Validate reports what a browser cannot send.
func (l *WebhookLink) Validate(v *kind.Validation, calls *WebhookCalls) {
	if !l.isSet {
		return
	}
	for _, text := range []struct{ name, text string }{{"title", l.Title}, {"text", l.Text}, {"button", l.Button},
		{"done", l.Done}} {
		if utf8.RuneCountInString(text.text) > maxLinkText {
			v.Error("/link/"+text.name, fmt.Sprintf("it has more than %d characters", maxLinkText), "write less")
		}
		if strings.Contains(text.text, "{{") {
			v.Error("/link/"+text.name, "the texts of the page are no templates: the page is shown before the call "+
				"reaches the run", "write the text itself")
		}
	}
	if l.Language != "" && !languageExp.MatchString(l.Language) {
		v.Error("/link/language", fmt.Sprintf("%q is not a language", everhook.Shorten(l.Language, 40)),
			"write for example de or pt-BR")
	}
	const fix = "remove it, or remove `link`: the URL itself cannot be guessed"
	switch {
	case calls.Signature != nil:
		v.Error("/signature", "a browser that opens a link signs nothing", fix)
	case calls.Auth.Bearer != nil:
		v.Error("/auth/bearer", "a browser that opens a link sends no token", fix)
	case calls.Auth.APIKey != nil:
		v.Error("/auth/apiKey", "a browser that opens a link sends no key", fix)
	}
	if calls.Schema.IsSet() {
		if problems, err := calls.Schema.Check(nil); err != nil || len(problems) > 0 {
			v.Error("/schema", "the button sends no body, and the schema refuses that",
				"allow null, or remove the schema")
		}
	}
}

// JSONSchema is that of true or false, or of a mapping.
func (*WebhookLink) JSONSchema() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "maxLength": maxLinkText, "description": description}
	}
	return map[string]any{"title": "true, false, or `{ title, text, button, done, language }`", "anyOf": []any{
		map[string]any{"type": "boolean"},
		map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
			"title":    text("The heading of the page. Default: the title of the node, or of the flow."),
			"text":     text("The sentence above the button."),
			"button":   text("The text of the button."),
			"done":     text("The sentence that follows, unless the node has a response."),
			"language": map[string]any{"type": "string", "description": "The language of the texts, such as de."},
		}},
	}}
}
