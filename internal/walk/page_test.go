package walk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/console/browsertest"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

// shared is the server of all walks, which use flows of their own.
var shared *server.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "walk")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := os.Stat("../console/assets/built/manifest.json"); err != nil {
		if os.Getenv("CI") != "" {
			panic("the editor is not built; .ci/run builds it")
		}
		fmt.Println("the editor is not built, so it is not walked through; `make console` builds it")
		return 0
	}
	shared, err = server.Start(context.Background(), &server.Options{Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Data: dir, MaxHeld: 1000, Retention: everhook.Duration(7 * 24 * time.Hour), Synchronous: "full",
		TemporalNamespace: "default"}, server.Surroundings{Registry: nodes.Standard(), MayOpen: true, SelfCalls: true,
		Logger: slog.New(slog.DiscardHandler), Version: "walk"})
	if err != nil {
		panic(err)
	}
	defer shared.Stop()
	return m.Run()
}

// page is a tab of the browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

// open opens a page of the console.
func open(t *testing.T, path string) page {
	t.Helper()
	p := page{t, browsertest.Open(t)}
	p.look(1440, "light")
	// Only a page with the focus gets focus events.
	_, err := chromedp.Call(p.ctx, emulation.SetFocusEmulationEnabled,
		emulation.SetFocusEmulationEnabledParams{Enabled: true})
	require.NoError(t, err)
	p.visit(path)
	return p
}

func (p page) visit(path string) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.Navigate(shared.AdminURL()+path)))
}

func (p page) look(width int64, scheme string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(p.t, err)
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 900)))
}

// helpers are what scripts of walks can use. until waits for a value that is true.
const helpers = `window.until ??= (f) => new Promise((done) => {
	const look = () => { let v; try { v = f() } catch { v = false } v ? done(v) : setTimeout(look, 20) }
	look()
});
window.button ??= (text, within = document) => [...within.querySelectorAll("button, a, [role=option]")]
	.find((b) => b.textContent.trim().startsWith(text) && !b.disabled && b.offsetParent);
`

// wait waits until an expression is true in the page, which may be another one then.
func (p page) wait(expression string) {
	p.t.Helper()
	deadline, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	for {
		// The promise of a page that is left never comes.
		inPage, stop := context.WithTimeout(deadline, 5*time.Second)
		_, err := chromedp.Run(inPage, chromedp.Evaluate[bool](helpers+"until(() => "+expression+").then(() => true)",
			chromedp.EvalAwaitPromise))
		stop()
		if err == nil {
			return
		}
		if deadline.Err() != nil {
			shown, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + ' ' + document.body.innerText"))
			require.NoError(p.t, err, "%s\n%s", expression, everhook.Shorten(shown, 300))
		}
	}
}

// get is the value of an expression in the page.
func get[T any](p page, expression string) T {
	p.t.Helper()
	return browsertest.Evaluate[T](p.t, p.ctx, helpers+expression)
}

// press clicks what a text stands on, when it is there.
func (p page) press(text string) {
	p.t.Helper()
	quoted, err := json.Marshal(text)
	require.NoError(p.t, err)
	p.wait("button(" + string(quoted) + ")")
	get[any](p, "button("+string(quoted)+").click()")
}

// click clicks an element.
func (p page) click(selector string) {
	p.t.Helper()
	p.wait("document.querySelector(`" + selector + "`)")
	get[any](p, "document.querySelector(`"+selector+"`).click()")
}

// write types a text into a field, in the place of what it had, and leaves it.
func (p page) write(selector, text string) {
	p.t.Helper()
	p.wait("document.querySelector(`" + selector + "`)")
	get[any](p, "(() => { const e = document.querySelector(`"+selector+"`); e.focus(); e.select(); "+
		"if (document.activeElement !== e) throw new Error(`the focus is on ` + document.activeElement.outerHTML) })()")
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent("\b"+text)))
	get[any](p, "document.activeElement.blur()")
}

// keys presses keys where the focus is.
func (p page) keys(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(keys, options...)))
}

// saved waits until the server has all changes.
func (p page) saved() {
	p.t.Helper()
	p.wait("document.querySelector(`.saved`)?.textContent.startsWith(`Saved`)")
}

// draft writes a draft through the API, and opens its editor.
func (p page) draft(key, text string) {
	p.t.Helper()
	p.put(key, text, 0)
	p.visit("/flows/" + key + "/edit")
	p.wait("document.querySelector(`.card.trigger`)")
}

// put writes the text of a draft as another program does.
func (p page) put(key, text string, revision int) {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"text": text})
	require.NoError(p.t, err)
	match := ""
	if revision > 0 {
		match = fmt.Sprintf("'If-Match': '\"%d\"',", revision)
	}
	status := get[int](p, fmt.Sprintf("fetch(`/api/v1/flows/%s/draft`, {method: 'PUT', headers: {%s 'Content-Type': "+
		"'application/json'}, body: JSON.stringify(%s)}).then((r) => r.status)", key, match, body))
	require.Equal(p.t, 200, status)
}

// text is that of a draft, as the server has it.
func (p page) text(key string) string {
	p.t.Helper()
	return get[string](p, "fetch(`/api/v1/flows/"+key+"/draft`).then((r) => r.json()).then((d) => d.text)")
}

// cards are the names on the canvas, in its order.
func (p page) cards() string {
	p.t.Helper()
	return strings.Join(get[[]string](p, "[...document.querySelectorAll(`.canvas .name`)].map((n) => n.textContent)"),
		", ")
}
