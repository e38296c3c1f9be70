package receiver_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// browser starts Chromium with one tab. Without Chromium the test is skipped, but not in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is missing; .ci/run installs it")
		}
		t.Skip("chromium is missing, so the page of a link is not looked at in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(end)
	return ctx
}

func evaluate[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return value
}

// accessible checks the page by the rules of axe-core. Without it the test checks less, but not in CI.
func accessible(t *testing.T, ctx context.Context) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "internal", "console", "testdata", "axe", "node_modules", "axe-core",
		"axe.min.js"))
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("axe-core is missing; .ci/run installs it")
		}
		t.Log("axe-core is missing, so its rules are not checked; `make axe` installs it")
		return
	}
	evaluate[any](t, ctx, string(source)+";0")
	require.Empty(t, evaluate[[]string](t, ctx, `axe.run(document, { resultTypes: ["violations"] })
		.then((r) => r.violations.map((v) => v.id + " at " + v.nodes.map((n) => n.target).join(" | ")))`))
}

// TestAPersonOpensALinkInABrowser writes pictures of the page if EVERHOOK_PICTURES names a folder.
func TestAPersonOpensALinkInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	engine := waiting()
	var brought atomic.Int32
	var over atomic.Bool
	engine.resume = func(_ context.Context, _ string, _ everhook.RunID,
		call everhook.ResumeCall) (everhook.Resumed, error) {
		if over.Load() {
			return everhook.Resumed{}, everhook.ErrWaitOver
		}
		brought.Add(1)
		return everhook.Resumed{Answer: call.Answer}, nil
	}
	s := serve(t, receiver.Options{}, someFlows(), engine)
	const wide, text = `document.documentElement.scrollWidth`, `document.querySelector("p").textContent`
	for _, look := range []struct {
		width  int64
		scheme string
		// button is the color of the button: the style is let in by its hash.
		button string
	}{{390, "light", "rgb(58, 75, 200)"}, {390, "dark", "rgb(165, 178, 255)"}, {1440, "light", "rgb(58, 75, 200)"},
		{1440, "dark", "rgb(165, 178, 255)"}} {
		name := fmt.Sprintf("%s-%d", look.scheme, look.width)
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}})
		require.NoError(t, err)
		require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(look.width, 844)))
		over.Store(false)
		before := brought.Load()
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.url(resumePath("linked", "")+"&answer=yes"))))
		require.Equal(t, "Noch ist nichts geschehen.", evaluate[string](t, ctx, text))
		require.Equal(t, look.button, evaluate[string](t, ctx,
			`getComputedStyle(document.querySelector("button")).backgroundColor`))
		require.LessOrEqual(t, evaluate[float64](t, ctx, wide), float64(look.width), "the page scrolls sideways")
		require.GreaterOrEqual(t, evaluate[float64](t, ctx,
			`document.querySelector("button").getBoundingClientRect().height`), 44.0, "a thumb hits the button")
		accessible(t, ctx)
		picture(t, ctx, name+"-asks")
		require.Equal(t, before, brought.Load(), "opening the page does nothing")

		press(t, ctx)
		require.Equal(t, "Danke.", evaluate[string](t, ctx, text))
		require.Equal(t, before+1, brought.Load())
		accessible(t, ctx)
		picture(t, ctx, name+"-done")

		over.Store(true)
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.url(resumePath("linked", "")))))
		press(t, ctx)
		require.Equal(t, "The wait is over", evaluate[string](t, ctx, `document.title`))
		accessible(t, ctx)
		picture(t, ctx, name+"-over")
	}
}

// press presses the button by the keyboard, and waits for the page that follows.
func press(t *testing.T, ctx context.Context) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.Focus("button"), chromedp.KeyEvent(kb.Enter)))
	for began := time.Now(); ; {
		left, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
			`document.readyState === "complete" && !document.querySelector("button")`))
		if err == nil && left { // an error: the page is just being replaced
			return
		}
		require.Less(t, time.Since(began), time.Minute, "the button leads nowhere")
		time.Sleep(50 * time.Millisecond)
	}
}

func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("EVERHOOK_PICTURES")
	if folder == "" {
		return
	}
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".png"), data, 0o600))
}
