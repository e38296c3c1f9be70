package expression

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"github.com/everhook/everhook"
)

// markupGrowth is the largest number of bytes that one escaped byte can become.
const markupGrowth = 5

func markupEscape(m *machine, c *call, args []any) (any, error) {
	text, err := m.text(args[0])
	if err != nil {
		return nil, err
	}
	if err := m.work(markupGrowth * len(text)); err != nil {
		return nil, err
	}
	return everhook.EscapeMarkup.Apply(text), nil
}

// maxBlocks bounds the nesting of quotes and lists in one line of Markdown, for which the parser takes quadratic time.
const maxBlocks = 100

var blockMarkers = regexp.MustCompile(`^[ \t]*(?:(?:>|[-+*]|[0-9]{1,9}[.)])[ \t]*){100}`)

// markdownRenderer removes HTML and links such as javascript:, so the result is safe to send.
var markdownRenderer = goldmark.New(goldmark.WithExtensions(extension.GFM))

func markdown(m *machine, c *call, args []any) (any, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.chargeMarkdown(text); err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if blockMarkers.MatchString(line) {
			return nil, everhook.Errorf(everhook.TypeLimit,
				"%s: quotes and lists are nested deeper than %d in one line",
				c.name, maxBlocks)
		}
	}
	var out bytes.Buffer
	if err := markdownRenderer.Convert([]byte(text), &out); err != nil {
		return nil, c.errorf("%w", err)
	}
	return out.String(), nil
}

// chargeMarkdown charges by the sizes that determine the parser's work: the parser may search the rest of the text for
// each bracket, each row of a table has as many cells as the widest one, and each nested quote adds a tag of about 26
// bytes.
func (m *machine) chargeMarkdown(text string) error {
	if err := m.read(64 * len(text)); err != nil {
		return err
	}
	if err := m.spend(times(strings.Count(text, "["), len(text)/4)); err != nil {
		return err
	}
	widest, lines := 0, 0
	for line := range strings.Lines(text) {
		widest, lines = max(widest, strings.Count(line, "|")), lines+1
	}
	return m.produce(32*len(text) + times(times(widest, lines), 16))
}

// maxSelector bounds the text of a CSS selector, in bytes.
const maxSelector = 200

// slowSelector matches pseudo-classes that search below each element, and those that are not part of CSS.
var slowSelector = regexp.MustCompile(`(?i):(?:has|haschild|contains|containsown|matches|matchesown)\s*\(`)

// selectHTML selects elements of an HTML text.
func selectHTML(m *machine, c *call, args []any) (any, error) {
	text, selector, err := m.texts(c, args)
	if err != nil {
		return nil, err
	}
	if len(selector) > maxSelector || slowSelector.MatchString(selector) {
		return nil, c.errorf("%s has more than %d bytes or a pseudo-class like :has(…), which takes too long",
			c.what(1),
			maxSelector)
	}
	matcher, err := cascadia.ParseGroup(selector)
	if err != nil {
		return nil, c.errorf("%s is not a CSS selector: %v", c.what(1), err)
	}
	if err := m.spend(4 * len(text)); err != nil {
		return nil, err
	}
	if err := m.produce(2*len(text) + strings.Count(text, "<")*2*entryWeight); err != nil {
		return nil, err
	}
	document, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, c.errorf("%s: %v", c.what(0), err)
	}
	if err := m.chargeSelector(document, selector); err != nil {
		return nil, err
	}
	found := []any{}
	m.built = true
	for _, node := range cascadia.QueryAll(document, matcher) {
		element, err := m.element(node)
		if err != nil {
			return nil, err
		}
		found = append(found, element)
	}
	return found, nil
}

var combinators = regexp.MustCompile(`\s*([>+~,])\s*`)

// chargeSelector charges each element by the ancestors and siblings that the selector may visit.
func (m *machine) chargeSelector(document *html.Node, selector string) error {
	selector = combinators.ReplaceAllString(strings.TrimSpace(selector), "$1")
	ancestors := len(strings.Fields(selector)) - 1
	siblings := strings.Count(selector, "~") + strings.Count(selector, ":")
	return m.chargeElements(document, 1+len(selector)/8, 1, ancestors, siblings)
}

func (m *machine) chargeElements(parent *html.Node, weight, depth, ancestors, siblings int) error {
	children := 0
	for child := parent.FirstChild; child != nil; child = child.NextSibling {
		children++
	}
	for child := parent.FirstChild; child != nil; child = child.NextSibling {
		units := weight
		for range ancestors {
			units = times(units, depth)
		}
		for range siblings {
			units = times(units, children)
		}
		if err := m.spend(units); err != nil {
			return err
		}
		if err := m.chargeElements(child, weight, depth+1, ancestors, siblings); err != nil {
			return err
		}
	}
	return nil
}

// element returns an element as a value.
func (m *machine) element(node *html.Node) (any, error) {
	if err := m.produce(4*entryWeight + len(node.Attr)*entryWeight); err != nil {
		return nil, err
	}
	attributes := make(map[string]any, len(node.Attr))
	for _, attribute := range node.Attr {
		attributes[attribute.Key] = strings.ToValidUTF8(attribute.Val, "\uFFFD")
	}
	var text strings.Builder
	if err := m.innerText(&text, node); err != nil {
		return nil, err
	}
	return map[string]any{"tag": node.Data, "attributes": attributes,
		"text": strings.ToValidUTF8(strings.TrimSpace(text.String()), "\uFFFD")}, nil
}

func (m *machine) innerText(text *strings.Builder, node *html.Node) error {
	if err := m.spend(1); err != nil {
		return err
	}
	if node.Type == html.TextNode {
		text.WriteString(node.Data)
		return m.produce(len(node.Data))
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		if err := m.innerText(text, child); err != nil {
			return err
		}
	}
	return nil
}

var markupFunctions = []*Function{
	{Name: "htmlEscape", Signature: "htmlEscape(value)", Doc: "The value as text, with & < > \" and ' as references. " +
		"Templates of HTML and XML escape by themselves.", Example: `htmlEscape("A&B <Co>")`,
		Result: `"A&amp;B &lt;Co&gt;"`, minimum: 1, maximum: 1, gives: kindText, apply: markupEscape},
	{Name: "xmlEscape", Signature: "xmlEscape(value)",
		Doc: "The same for XML; control characters that XML cannot hold " +
			"become U+FFFD.", Example: `xmlEscape("\"A\" & 'B'")`, Result: `"&#34;A&#34; &amp; &#39;B&#39;"`,
		minimum: 1,
		maximum: 1, gives: kindText, apply: markupEscape},
	{Name: "markdown", Signature: "markdown(text)",
		Doc: "The HTML of a Markdown text (GitHub's dialect). HTML in the " +
			"text is left out.", Example: `markdown("**Paid**, see [it](https://shop.example)")`,
		Result:  `"<p><strong>Paid</strong>, see <a href=\"https://shop.example\">it</a></p>\n"`,
		minimum: 1, maximum: 1, gives: kindText, apply: markdown},
	{Name: "html", Signature: "html(text, selector)",
		Doc: "The elements of an HTML text that a CSS selector finds, each " +
			"as `{tag, text, attributes}`.",
		Example: `html("<p>See <a href='/x'>this</a></p>", "p > a")`,
		Result:  `[{"attributes":{"href":"/x"},"tag":"a","text":"this"}]`, minimum: 2, maximum: 2, gives: kindList,
		apply: selectHTML},
}
