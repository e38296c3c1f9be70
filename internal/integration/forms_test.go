package integration

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestCookiesXMLAndBytesPassThroughARun(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "sid=a1; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
		w.Header().Add("Set-Cookie", "lang=de")
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, `<order id="7"><line>a</line><line>b</line></order>`)
	})
	f := shared.apply(t, `key: forms
mode: sync
trigger: { type: webhook, numbers: text, methods: [GET, POST], allow: [127.0.0.1, '::1'] }
nodes:
  - { key: order, type: http-request, timeout: 10s, config: { url: '`+partner.URL+`' } }
  - key: which
    type: condition
    config: { expression: 'trigger.query.file == "yes"' }
    branches:
      then:
        - { key: file, type: response, config: { as: base64, headers: { Content-Type: image/png }, body: iVBO/w== } }
  - key: answer
    type: response
    config:
      as: xml
      headers: { Set-Cookie: '{{ nodes.order.headers["set-cookie"] }}' }
      body: { got: { '@id': '{{ trigger.body.id }}', line: '{{ nodes.order.body.order.line }}' } }
`)
	got := f.post(t, `{"id":18446744073709551616}`)
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, []string{"sid=a1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "lang=de"},
		got.header.Values("Set-Cookie"))
	const document = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<got id="18446744073709551616"><line>a</line><line>b</line></got>`
	require.Equal(t, document, got.body)
	again := f.answer(t, got.run, "0s")
	require.Equal(t, document, again.body, "a stored answer is the same")
	require.Equal(t, got.header.Values("Set-Cookie"), again.header.Values("Set-Cookie"))

	bytes := get(t, f.url+"?file=yes")
	f.remember(bytes)
	require.Equal(t, "\x89PN\xff", bytes.body)
	require.Equal(t, "image/png", bytes.header.Get("Content-Type"))
	require.Equal(t, "no-store", bytes.header.Get("Cache-Control"))
}

func TestALinkResumesARunByItsButtonAlone(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "link", `nodes:
  - { key: approved, type: wait-for-call, title: Approve, config: { link: true, request: { query: [answer] } } }
  - { key: out, type: output, config: { value: '{{ nodes.approved.query.answer }}' } }
`)
	started := f.post(t, "{}")
	link := f.resumeURL(t, started.run, "approved", "") + "&" + url.Values{"answer": {"yes"}}.Encode()
	f.running(t, started.run, "approved")
	page := header("Accept", "text/html")
	for range 3 {
		opened := get(t, link, page)
		require.Equal(t, 200, opened.status)
		require.Contains(t, opened.body, `<button type="submit">Confirm</button>`)
	}
	f.running(t, started.run, "approved")
	pressed := callBack(t, link, "", page)
	require.Contains(t, pressed.body, "Done. You can close this page.")
	outcome := f.ended(t, started.run)
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.Equal(t, "yes", outcome.Output.V)
	again := callBack(t, link, "", page)
	require.True(t, again.duplicate())
	require.Contains(t, again.body, "Done. You can close this page.")
}
