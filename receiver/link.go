package receiver

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook"
)

// Link lets a person open a resume URL in a browser: a page with one button, which sends the call. Opening the page
// does nothing, because scanners of mails and previews open links too.
type Link struct {
	// Title is the heading of the page, Text the sentence below it, and Button the text of the button.
	Title, Text, Button string
	// Done is the sentence that follows the button. It is not shown if OwnAnswer is set.
	Done string
	// Language is that of the texts (BCP 47), for screen readers.
	Language string
	// OwnAnswer is set if the node itself answers calls.
	OwnAnswer bool
}

// linkText is what a page shows.
type linkText struct {
	Link
	Style template.CSS
	// Detail is shown instead of Text.
	Detail string
	// Asks is set for a page with a button.
	Asks bool
}

var (
	//go:embed link.html
	linkSource string
	//go:embed link.css
	linkStyle string

	linkPages = template.Must(template.New("link").Parse(linkSource))
	// linkPolicy allows the style of the page and nothing else. A form may lead to another site, because the answer to
	// it may be a redirect.
	linkPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; frame-ancestors 'none'"
)

func styleHash() string {
	sum := sha256.Sum256([]byte(linkStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// linkPage shows a person the page of a link; that ends the call.
func linkPage(_ *Receiver, c *call) (reply, bool) {
	if c.route.Link == nil || !c.header.IsGet() && !c.header.IsHead() || headQuestion(c) != nil {
		return reply{}, false
	}
	shown := linkText{Link: *c.route.Link, Detail: c.route.Link.Text, Asks: true}
	return page(fiber.StatusOK, shown).because(Opened), true
}

// forPeople makes a page of the reply to a person who has pressed the button, or who cannot: of a refusal, and of an
// answer that the node does not give itself. Programs get replies as for every resume URL.
func (c *call) forPeople(r reply) reply {
	if c.route == nil || c.route.Link == nil || !c.wantsPage() {
		return r
	}
	shown := linkText{Link: *c.route.Link}
	switch {
	case r.reason == Accepted && !c.route.Link.OwnAnswer:
		shown.Detail = shown.Done
	case r.headers[fiber.HeaderContentType] == typeProblem:
		var problem everhook.Problem
		if json.Unmarshal(r.body, &problem) != nil {
			return r
		}
		shown.Title, shown.Detail, shown.Language = problem.Title, sentence(problem.Detail), "en"
	default:
		return r
	}
	made := page(r.status, shown)
	for name, value := range r.headers {
		if name != fiber.HeaderContentType {
			made = made.with(name, value)
		}
	}
	made.reason, made.run, made.duplicate = r.reason, r.run, r.duplicate
	return made
}

// sentence begins a text with a capital letter and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// wantsPage reports whether the caller is a browser that shows what it gets.
func (c *call) wantsPage() bool {
	return bytes.Contains(c.header.Peek(fiber.HeaderAccept), []byte("text/html"))
}

// page renders a page that nothing keeps, frames or refers to: its URL is all that is needed to act.
func page(status int, shown linkText) reply {
	shown.Style = template.CSS(linkStyle)
	var text bytes.Buffer
	if err := linkPages.Execute(&text, shown); err != nil {
		panic(err) // the template and its data are ours
	}
	return reply{status: status, body: text.Bytes()}.
		with(fiber.HeaderContentType, "text/html; charset=utf-8").
		with(fiber.HeaderCacheControl, "no-store").
		with(fiber.HeaderReferrerPolicy, "no-referrer").
		with(fiber.HeaderContentSecurityPolicy, linkPolicy).
		with(fiber.HeaderXContentTypeOptions, "nosniff").
		with(fiber.HeaderXFrameOptions, "DENY").
		with("X-Robots-Tag", "noindex")
}
