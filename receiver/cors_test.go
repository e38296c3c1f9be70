package receiver_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/receiver"
)

const (
	pagesToken   = "pages-token--"
	anyPageToken = "any-page-token"
	brieflyToken = "briefly-token-"
	methodsToken = "methods-token"
	urlToken     = "signed-url-token"
)

// browserFlows are flows for pages, and for senders that send no POST.
func browserFlows() flows {
	byURL := signature.Preset{Name: "hmac", Scheme: signature.Scheme{Signature: signature.Place{Header: "X-Signature"},
		Methods: []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Hex}}}}
	byURL.Signed, _ = signature.ParseTemplate("{method} {url} {body}")
	return flows{
		pagesToken: {Flow: "pages", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20, Bearer: []receiver.Token{
			{Value: given(password)}}, CORS: &receiver.CORS{Origins: []string{"https://shop.example",
			"http://localhost:5173"}, Headers: []string{"Authorization", "X-Trace"}, MaxAge: 10 * time.Minute}},
		anyPageToken: {Flow: "any-page", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
			CORS: &receiver.CORS{Origins: []string{"*"}}, AsyncAnswer: func(everhook.Mapping,
				everhook.RunID) (everhook.Answer, error) {
				return everhook.Answer{Status: 200, Headers: map[string]everhook.HeaderValue{
					"Access-Control-Allow-Origin": {"https://other.example"}, "Vary": {"Accept"}}}, nil
			}},
		brieflyToken: {Flow: "briefly", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
			CORS: &receiver.CORS{Origins: []string{"https://shop.example"}, MaxAge: time.Second},
			AsyncAnswer: func(everhook.Mapping, everhook.RunID) (everhook.Answer, error) {
				return everhook.Answer{Status: 200, Headers: map[string]everhook.HeaderValue{"Vary": {"*"}}}, nil
			}},
		methodsToken: {Flow: "methods", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
			Methods: []string{"GET", "PUT"}},
		urlToken: {Flow: "url", Enabled: true, Mode: everhook.Async, MaxBody: 1 << 20,
			Signature: &receiver.Signature{Preset: byURL, Secrets: []receiver.Credential{given(password)}}},
	}
}

const exposed = "Access-Control-Expose-Headers: Everhook-Duplicate, Everhook-Run-Id, Everhook-Skipped, Location, " +
	"Retry-After\n"

func TestPagesMayCall(t *testing.T) {
	t.Parallel()
	const (
		listed  = "Origin: https://shop.example"
		ask     = "Access-Control-Request-Method: POST"
		bearer  = "Authorization: Bearer " + password
		allowed = "Access-Control-Allow-Origin: https://shop.example\n"
	)
	options := func(path string, headers ...string) string {
		return lines(append([]string{"OPTIONS " + path + " HTTP/1.1", "Host: x"}, headers...)...)
	}
	const trigger = "/api/webhook:trigger/"
	forbidden := "403\n" + problemType + "Vary: Origin\n" +
		`{"type":"urn:everhook:problem:address-not-allowed","title":"Forbidden","status":403,"detail":"pages of this ` +
		`origin may not call the webhook"}`
	for name, test := range map[string]struct{ request, want string }{
		"a page asks": {options(trigger+pagesToken, listed, ask, "Access-Control-Request-Headers: x-whatever"),
			"204\nAccess-Control-Allow-Headers: Content-Type, Authorization, X-Trace\n" +
				"Access-Control-Allow-Methods: POST\n" + allowed + "Access-Control-Max-Age: 600\nVary: Origin\n"},
		"another page that is listed asks": {options(trigger+pagesToken, "Origin: http://localhost:5173", ask),
			"204\nAccess-Control-Allow-Headers: Content-Type, Authorization, X-Trace\n" +
				"Access-Control-Allow-Methods: POST\nAccess-Control-Allow-Origin: http://localhost:5173\n" +
				"Access-Control-Max-Age: 600\nVary: Origin\n"},
		"a page that is not listed asks":     {options(trigger+pagesToken, "Origin: https://evil.example", ask), forbidden},
		"a page with a similar origin asks":  {options(trigger+pagesToken, "Origin: https://shop.example.evil", ask), forbidden},
		"a page in another case asks":        {options(trigger+pagesToken, "Origin: https://Shop.example", ask), forbidden},
		"a page without an origin asks":      {options(trigger+pagesToken, "Origin: null", ask), forbidden},
		"a page on another port asks":        {options(trigger+pagesToken, "Origin: https://shop.example:8443", ask), forbidden},
		"OPTIONS that is no page's question": {options(trigger+pagesToken, listed), "405\n" + allowed + exposed + "Allow: POST\n" + problemType + "Vary: Origin\n" + strings.SplitN(methodNotAllowed("POST"), problemType, 2)[1]},
		"a page asks a flow without pages":   {options(trigger+asyncToken, listed, ask), methodNotAllowed("POST")},
		"a page asks an unknown flow":        {options(trigger+unknownToken, listed, ask), gone},
		"a page calls": {post(pagesToken, "{}", listed, bearer), "200\n" + allowed + exposed + textType +
			"Everhook-Run-Id: RUN\nVary: Origin\nok"},
		"a page that is not listed calls": {post(pagesToken, "{}", "Origin: https://evil.example", bearer), "200\n" +
			textType + "Everhook-Run-Id: RUN\nVary: Origin\nok"},
		"a caller that is no page": {post(pagesToken, "{}", bearer), "200\n" + textType +
			"Everhook-Run-Id: RUN\nVary: Origin\nok"},
		"a page may read why it is refused": {post(pagesToken, "{}", listed), "401\n" + allowed + exposed + problemType +
			"Vary: Origin\nWww-Authenticate: Bearer realm=\"everhook\"\n" +
			`{"type":"urn:everhook:problem:unauthorized","title":"Unauthorized","status":401,` +
			`"detail":"send a token: curl -H 'Authorization: Bearer TOKEN' …"}`},
		"a page asks for an answer": {options("/api/webhook:answer/"+pagesToken+"/"+string(someRun), listed, ask),
			"204\nAccess-Control-Allow-Headers: Content-Type, Authorization, X-Trace\n" +
				"Access-Control-Allow-Methods: GET, HEAD\n" + allowed + "Access-Control-Max-Age: 600\nVary: Origin\n"},
		"any page calls, and the flow has other ideas": {post(anyPageToken, "{}", "Origin: https://evil.example"),
			"200\nAccess-Control-Allow-Origin: *\n" + exposed + "Everhook-Run-Id: RUN\nVary: Accept\n"},
		"a page calls, and the answer varies already": {post(brieflyToken, "{}", listed), "200\n" + allowed + exposed +
			"Everhook-Run-Id: RUN\nVary: *, Origin\n"},
		"a browser remembers it for a second": {options(trigger+brieflyToken, listed, ask),
			"204\nAccess-Control-Allow-Headers: Content-Type\nAccess-Control-Allow-Methods: POST\n" + allowed +
				"Access-Control-Max-Age: 1\nVary: Origin\n"},
		"any page asks": {options(trigger+anyPageToken, "Origin: null", ask), "204\nAccess-Control-Allow-Headers: " +
			"Content-Type\nAccess-Control-Allow-Methods: POST\nAccess-Control-Allow-Origin: *\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			got := exchange(t, s, test.request+last)
			require.Len(t, got, 2)
			require.Equal(t, test.want, withoutRun(got[0], engine))
			require.NotContains(t, got[0], "Credentials", "cookies are never invited")
		})
	}
}

func TestADisabledFlowDoesNotShowToPages(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[pagesToken].Enabled = false
	s := serve(t, receiver.Options{}, all, &starter{})
	got := exchange(t, s, lines("OPTIONS /api/webhook:trigger/"+pagesToken+" HTTP/1.1", "Host: x",
		"Origin: https://shop.example", "Access-Control-Request-Method: POST")+
		post(pagesToken, "{}", "Origin: https://shop.example")+last)
	require.Equal(t, []string{gone, gone}, got[:2])
}

func TestMethodsThatAFlowNames(t *testing.T) {
	t.Parallel()
	call := func(method, query, body string) string {
		head := []string{method + " /api/webhook:trigger/" + methodsToken + query + " HTTP/1.1", "Host: x"}
		if body != "" {
			head = append(head, "Content-Length: "+hex.EncodeToString([]byte{byte(len(body))})[1:])
		}
		return lines(head...) + body
	}
	ok := "200\n" + textType + "Everhook-Run-Id: RUN\nok"
	fresh := "200\nCache-Control: no-store\n" + textType + "Everhook-Run-Id: RUN\nok"
	for name, test := range map[string]struct {
		request, want string
		body          any
		digestOf      string
	}{
		"GET":             {call("GET", "?a=1", ""), fresh, nil, "a=1"},
		"GET with a body": {call("GET", "?a=1", "[7]"), fresh, []any{7}, "a=1"},
		"PUT":             {call("PUT", "?a=1", "[7]"), ok, []any{7}, "[7]"},
		"POST":            {call("POST", "?a=1", "[7]"), methodNotAllowed("GET, PUT"), nil, ""},
		"HEAD": {call("HEAD", "?a=1", ""),
			strings.SplitAfter(methodNotAllowed("GET, PUT"), problemType)[0], nil, ""},
		"DELETE": {call("DELETE", "?a=1", ""), methodNotAllowed("GET, PUT"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			got := exchange(t, s, test.request+last)
			require.Len(t, got, 2)
			require.Equal(t, test.want, withoutRun(got[0], engine))
			if test.digestOf == "" {
				require.Empty(t, engine.got())
				return
			}
			delivery := engine.got()[0]
			require.Equal(t, map[string]any{"a": "1"}, delivery.Trigger["query"])
			require.Equal(t, test.body, delivery.Trigger["body"])
			digest := sha256.Sum256([]byte(test.digestOf))
			require.Equal(t, hex.EncodeToString(digest[:]), delivery.Digest)
		})
	}
}

func TestAQuestionByGETIsNoDelivery(t *testing.T) {
	t.Parallel()
	all := someFlows()
	all[methodsToken].Handshakes = []receiver.Handshake{{Handshake: signature.Handshake{Method: "GET",
		Challenge: signature.Place{Query: "challenge"}, Answer: "{challenge}",
		When: []signature.Condition{{Place: signature.Place{Query: "mode"}, Is: "subscribe"}}}}}
	engine := &starter{}
	s := serve(t, receiver.Options{}, all, engine)
	got := exchange(t, s, lines("GET /api/webhook:trigger/"+methodsToken+"?mode=subscribe&challenge=c7 HTTP/1.1",
		"Host: x")+lines("GET /api/webhook:trigger/"+methodsToken+"?mode=event HTTP/1.1", "Host: x")+last)
	require.Contains(t, got[0], "\nc7")
	require.Contains(t, got[1], "\nok")
	require.Len(t, engine.got(), 1)
}
