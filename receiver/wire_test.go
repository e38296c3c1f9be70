package receiver_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// lines makes a head with CRLF out of readable lines.
func lines(head ...string) string { return strings.Join(head, "\r\n") + "\r\n\r\n" }

// post is a whole request.
func post(token, body string, headers ...string) string {
	head := append([]string{"POST /api/webhook:trigger/" + token + " HTTP/1.1", "Host: x"}, headers...)
	return lines(append(head, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func basic(user, pass string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
}

// last requests the end of a connection: every other answer after it is unexpected.
var last = lines("GET /healthz HTTP/1.1", "Host: x", "Connection: close")

// dial connects; a test that hangs fails.
func dial(t testing.TB, s *service) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends raw bytes on one connection and gives every reply until the receiver closes it. HEAD tells that the
// first reply has no body.
func exchange(t testing.TB, s *service, raw string) []string {
	t.Helper()
	c := dial(t, s)
	go io.WriteString(c, raw)
	return replies(t, c, strings.HasPrefix(raw, "HEAD "))
}

func replies(t testing.TB, c net.Conn, head bool) []string {
	t.Helper()
	reader := bufio.NewReader(c)
	var all []string
	for {
		var request *http.Request
		if head && len(all) == 0 {
			request = &http.Request{Method: http.MethodHead}
		}
		res, err := http.ReadResponse(reader, request)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return all
		}
		require.NoError(t, err, "after %v", all)
		all = append(all, dump(t, res))
	}
}

// dump writes a reply with sorted headers, without the date.
func dump(t testing.TB, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	text := []string{fmt.Sprint(res.StatusCode)}
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		if name != "Date" && name != "Content-Length" {
			text = append(text, name+": "+strings.Join(res.Header[name], " | "))
		}
	}
	if res.Close {
		text = append(text, "(closes)")
	}
	return strings.Join(append(text, string(body)), "\n")
}

const (
	problemType = "Content-Type: application/problem+json\n"
	gone        = "404\n" + problemType +
		`{"type":"urn:everhook:problem:not-found","title":"Not found","status":404,"detail":"there is nothing at ` +
		`this URL; check it, and whether the flow is enabled"}`
	closing = "(closes)\n"
)

func methodNotAllowed(allowed string) string {
	return "405\nAllow: " + allowed + "\n" + problemType +
		`{"type":"urn:everhook:problem:method-not-allowed","title":"Method not allowed","status":405,"detail":"send ` +
		allowed + `"}`
}

func malformed(detail string) string {
	return problemType + closing +
		`{"type":"urn:everhook:problem:malformed-request","title":"Malformed request","status":400,"detail":"` +
		detail + `"}`
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ request, want string }{
		"an unknown token":       {post(unknownToken, "{}"), gone},
		"a disabled flow":        {post(disabledToken, "{}"), gone},
		"what cannot be a token": {post("a%2F..%2Fb", "{}"), gone},
		"a token and more":       {post(asyncToken+"/x", "{}"), gone},
		"no token":               {post("", "{}"), gone},
		"another case of the path": {lines("POST /API/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x",
			"Content-Length: 0"), gone},
		"another text where the colon stands": {lines("POST /api/webhook-trigger/"+asyncToken+" HTTP/1.1", "Host: x",
			"Content-Length: 0"), gone},
		"a colon as a parameter would match": {lines("POST /api/webhooks/"+asyncToken+" HTTP/1.1", "Host: x",
			"Content-Length: 0"), gone},
		"the root": {lines("GET / HTTP/1.1", "Host: x"), gone},
		"an unknown token before the method": {lines("PUT /api/webhook:trigger/"+unknownToken+" HTTP/1.1",
			"Host: x"), gone},
		"GET": {lines("GET /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x"),
			methodNotAllowed("POST")},
		"PUT": {lines("PUT /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x"),
			methodNotAllowed("POST")},
		"OPTIONS": {lines("OPTIONS /api/webhook:trigger/"+asyncToken+" HTTP/1.1",
			"Host: x"), methodNotAllowed("POST")},
		"HEAD has no body": {lines("HEAD /api/webhook:trigger/"+asyncToken+" HTTP/1.1",
			"Host: x"), strings.SplitAfter(methodNotAllowed("POST"), problemType)[0]},
		"POST for an answer": {lines("POST /api/webhook:answer/"+asyncToken+"/x HTTP/1.1",
			"Host: x", "Content-Length: 0"), methodNotAllowed("GET, HEAD")},
		"POST for the health": {lines("POST /healthz HTTP/1.1", "Host: x", "Content-Length: 0"),
			methodNotAllowed("GET, HEAD")},
		"a method that nobody knows": {lines("BREW /api/webhook:trigger/"+asyncToken+" HTTP/1.1",
			"Host: x"), "501\n" + problemType +
			`{"type":"urn:everhook:problem:method-not-allowed","title":"Method not known","status":501}`},
		"the method before the length": {lines("PUT /api/webhook:trigger/"+lockedToken+" HTTP/1.1", "Host: x",
			"Content-Length: 1001") + strings.Repeat(" ", 1001), methodNotAllowed("POST")},
		"a length over the cap, without a login": {post(lockedToken, strings.Repeat(" ", 1001)), "413\n" + problemType +
			`{"type":"urn:everhook:problem:body-too-large","title":"Too large","status":413,"detail":"a body may ` +
			`have 1000B here"}`},
		"no credentials": {post(lockedToken, "{}"),
			unauthorized("send a user name and a password: curl -u USER:PASSWORD …")},
		"another scheme": {post(lockedToken, "{}", "Authorization: Bearer x"),
			unauthorized("send a user name and a password: curl -u USER:PASSWORD …")},
		"credentials that are not base64": {post(lockedToken, "{}", "Authorization: Basic *"),
			unauthorized("send a user name and a password: curl -u USER:PASSWORD …")},
		"a wrong password": {post(lockedToken, "{}", basic("shop", "x")),
			unauthorized("the user name or the password is wrong")},
		"a wrong user name": {post(lockedToken, "{}", basic("x", password)),
			unauthorized("the user name or the password is wrong")},
		"a stream over the cap": {
			lines("POST /api/webhook:trigger/"+lockedToken+" HTTP/1.1", "Host: x", basic("shop", password),
				"Transfer-Encoding: chunked") +
				"3e9\r\n" + strings.Repeat(" ", 1001) + "\r\n0\r\n\r\n",
			"413\n" + problemType + closing +
				`{"type":"urn:everhook:problem:body-too-large","title":"Too large","status":413,"detail":"a body ` +
				`may have 1000B here"}`,
		},
		"another type": {
			post(asyncToken, "a=1", "Content-Type: application/x-www-form-urlencoded"),
			"415\n" + problemType + `{"type":"urn:everhook:problem:unsupported-media-type","title":"Unsupported ` +
				`media type","status":415,"detail":"this webhook takes JSON, not ` +
				`\"application/x-www-form-urlencoded\"; add -H 'Content-Type: application/json'"}`,
		},
		"an unknown encoding": {
			post(asyncToken, "\x1f\x8b", "Content-Type: application/json", "Content-Encoding: compress"),
			"415\nAccept-Encoding: gzip, deflate, br, zstd\n" + problemType +
				`{"type":"urn:everhook:problem:unsupported-media-type","title":"Unsupported media type","status":415,` +
				`"detail":"send the body as it is, or with a Content-Encoding of gzip, deflate, br, zstd, not ` +
				`\"compress\""}`,
		},
		"a compressed body that is none": {
			post(asyncToken, "\x1f\x8b", "Content-Type: application/json", "Content-Encoding: gzip"),
			"400\n" + problemType + `{"type":"urn:everhook:problem:malformed-request","title":"Malformed request",` +
				`"status":400,"detail":"the body is not valid gzip: unexpected EOF"}`,
		},
		"multipart, which fasthttp would parse by itself": {
			post(asyncToken, "no parts", "Content-Type: multipart/form-data; boundary=b"),
			"415\n" + problemType + `{"type":"urn:everhook:problem:unsupported-media-type","title":"Unsupported ` +
				`media type","status":415,"detail":"this webhook takes JSON, not \"multipart/form-data\"; add -H ` +
				`'Content-Type: application/json'"}`,
		},
		"JSON with a mistake": {post(asyncToken, "{\n \"a\": x}"),
			notJSON("line 2, column 7: invalid character 'x' looking for beginning of value")},
		"a key twice": {post(asyncToken, `{"a":1,"a":2}`),
			notJSON(`line 1, column 10: the key \"a\" stands twice in one object`)},
		"too deep JSON": {post(asyncToken, strings.Repeat("[", 101)),
			notJSON("line 1, column 101: nested deeper than 100")},
		"a number too large": {post(asyncToken, `1e400`),
			notJSON("line 1, column 5: the number 1e400 is out of range")},
		"text that is not UTF-8": {post(asyncToken, "\"\xff\""), notJSON("line 1, column 2: invalid UTF-8")},
		"more data": {post(asyncToken, `{} {}`),
			notJSON("line 1, column 4: more data after the JSON value")},
		"too many parameters": {strings.Replace(post(asyncToken, "{}"), " HTTP", "?"+
			strings.Repeat("a&", 1001)+" HTTP", 1),
			strings.Replace("400\n"+malformed("the query: more than 1000 parameters"), closing, "", 1)},
		"a wait that is no time": {lines("GET /api/webhook:answer/"+asyncToken+
			"/aaaaaaaaaaaaaaaaaaaaaaaaaa?wait=soon HTTP/1.1", "Host: x"),
			strings.Replace("400\n"+malformed(`wait: \"soon\" is not a duration; write for example 30s, 1d12h or P3D`),
				closing, "", 1)},
		"two lengths": {lines("POST /healthz HTTP/1.1", "Host: x", "Content-Length: 1",
			"Content-Length: 2"), "400\n" + malformed("this is not an HTTP/1.1 request")},
		"a length and chunks": {lines("POST /healthz HTTP/1.1", "Host: x", "Content-Length: 1",
			"Transfer-Encoding: chunked"), "400\n" +
			malformed("send either a Content-Length or Transfer-Encoding: chunked, not both")},
		"chunks and no length": {lines("POST /healthz HTTP/1.1", "Host: x", "Transfer-Encoding: chunked",
			"Content-Length: x"), "400\n" + malformed("this is not an HTTP/1.1 request")},
		"another transfer encoding": {lines("POST /healthz HTTP/1.1", "Host: x",
			"Transfer-Encoding: gzip, chunked"), "400\n" +
			malformed("this is not an HTTP/1.1 request")},
		"chunks with HTTP/1.0": {lines("POST /healthz HTTP/1.0", "Host: x", "Transfer-Encoding: chunked"),
			"400\n" + malformed("this is not an HTTP/1.1 request")},
		"a folded header": {lines("POST /healthz HTTP/1.1", "Host: x", "X-A: b", " c"), "400\n" +
			malformed("a header spans two lines; send it on one line")},
		"a length that is no number": {lines("POST /healthz HTTP/1.1", "Host: x", "Content-Length: 1x"), "400\n" +
			malformed("this is not an HTTP/1.1 request")},
		"what is not HTTP": {"hello\r\n\r\n", "400\n" + malformed("this is not an HTTP/1.1 request")},
		"headers over the limit": {lines("POST /healthz HTTP/1.1", "Host: x", "X-A: "+
			strings.Repeat("a", 16<<10)), "431\n" + problemType + closing +
			`{"type":"urn:everhook:problem:headers-too-large","title":"Headers too large","status":431,` +
			`"detail":"the request line and the headers may have 16KiB together"}`},
		"chunks that are not chunks": {lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x",
			"Transfer-Encoding: chunked") + "zz\r\n", "400\n" +
			malformed("the body ends early, or its chunks are not well formed")},
		"an expectation without a body": {lines("GET / HTTP/1.1", "Host: x", "Expect: 100-continue"),
			strings.Replace(gone, problemType, problemType+closing, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			require.Equal(t, test.want, exchange(t, s, test.request+last)[0])
			require.Empty(t, engine.got())
		})
	}
}

func unauthorized(detail string) string {
	return "401\n" + problemType + `Www-Authenticate: Basic realm="everhook", charset="UTF-8"` +
		"\n" + `{"type":"urn:everhook:problem:unauthorized","title":"Unauthorized","status":401,"detail":"` + detail +
		`"}`
}

func notJSON(detail string) string {
	return strings.Replace("400\n"+malformed("the body is not JSON that can be kept: "+detail), closing, "", 1)
}

// smuggled is a request that would start a run.
var smuggled = post(asyncToken, "{}")

func TestNoRequestHidesInARefusedBody(t *testing.T) {
	t.Parallel()
	heads := map[string][]string{
		"an unknown token":  {"POST /api/webhook:trigger/" + unknownToken + " HTTP/1.1"},
		"a disabled flow":   {"POST /api/webhook:trigger/" + disabledToken + " HTTP/1.1"},
		"another path":      {"POST /else HTTP/1.1"},
		"PUT":               {"PUT /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"GET":               {"GET /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"HEAD":              {"HEAD /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"OPTIONS":           {"OPTIONS /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"BREW":              {"BREW /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"no credentials":    {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1"},
		"wrong credentials": {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1", basic("shop", "x")},
		"no token":          {"POST /api/webhook:trigger/" + bearerToken + " HTTP/1.1"},
		"a wrong key":       {"POST /api/webhook:trigger/" + keyToken + " HTTP/1.1", "X-Api-Key: x"},
		"another address":   {"POST /api/webhook:trigger/" + elsewhereToken + " HTTP/1.1"},
		"no signature":      {"POST /api/webhook:trigger/" + signedToken + " HTTP/1.1"},
		"a wrong signature": {"POST /api/webhook:trigger/" + signedToken + " HTTP/1.1",
			"X-Hub-Signature-256: sha256=" + strings.Repeat("0", 64)},
		"too fast": {"POST /api/webhook:trigger/" + limitedToken + " HTTP/1.1"},
		"a subscription": {"GET /api/webhook:trigger/" + metaToken +
			"?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + password + " HTTP/1.1"},
		"over the cap":      {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1", basic("shop", password)},
		"another type":      {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Content-Type: text/plain"},
		"a compressed body": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Content-Encoding: gzip"},
		"multipart": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1",
			"Content-Type: multipart/form-data; boundary=b"},
		"not JSON": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"a preflight": {"OPTIONS /api/webhook:trigger/" + pagesToken + " HTTP/1.1", "Origin: https://shop.example",
			"Access-Control-Request-Method: POST"},
		"HEAD of a flow that takes GET": {"HEAD /api/webhook:trigger/" + methodsToken + " HTTP/1.1"},
		"an unknown run":                {"GET /api/webhook:answer/" + asyncToken + "/aaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1"},
		"health with a body":            {"GET /healthz HTTP/1.1"},
		"both lengths": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Content-Length: 3",
			"Transfer-Encoding: chunked"},
		"another encoding": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1",
			"Transfer-Encoding: gzip, chunked"},
		"a folded header": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "X-A: b", " c"},
		"the length twice": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Content-Length: 0",
			"Content-Length: 3"},
	}
	for name, head := range heads {
		for shape, body := range map[string]func() (header, body string){
			"short":   func() (string, string) { return "Content-Length: " + fmt.Sprint(len(smuggled)), smuggled },
			"long":    func() (string, string) { return padded(8 << 10) },
			"longer":  func() (string, string) { return padded(64 << 10) },
			"longest": func() (string, string) { return padded(2 << 20) },
			"chunked": func() (string, string) {
				return "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
			},
			"unfinished chunk": func() (string, string) { return "Transfer-Encoding: chunked", smuggled },
		} {
			for _, expect := range []string{"", "Expect: 100-continue", "Expect: 100-Continue", "Expect: more"} {
				t.Run(strings.TrimSuffix(name+", "+shape+", "+expect, ", "), func(t *testing.T) {
					t.Parallel()
					engine := &starter{}
					s := serve(t, receiver.Options{}, someFlows(), engine)
					header, body := body()
					head := append(slices.Clone(head), "Host: x", header)
					if expect != "" {
						head = append(head, expect)
					}
					got := slices.DeleteFunc(exchange(t, s, lines(head...)+body+last),
						func(reply string) bool { return strings.HasPrefix(reply, "100\n") })
					require.NotEmpty(t, got)
					require.Empty(t, engine.got(), "the hidden request was executed")
					if strings.Contains(got[0], closing) {
						require.Len(t, got, 1, "the connection goes on after it was said to close")
					} else {
						require.Len(t, got, 2)
						require.Equal(t, "200\nContent-Type: text/plain; charset=utf-8\n(closes)\nok", got[1])
					}
				})
			}
		}
	}
}

func TestAClientThatAsksFirstIsRefusedBeforeItSends(t *testing.T) {
	t.Parallel()
	for status, head := range map[string][]string{
		"404": {"POST /api/webhook:trigger/" + unknownToken + " HTTP/1.1"},
		"405": {"PUT /api/webhook:trigger/" + asyncToken + " HTTP/1.1"},
		"413": {"POST /api/webhook:trigger/" + lockedToken + " HTTP/1.1", basic("shop", password)},
		"401": {"POST /api/webhook:trigger/" + keyToken + " HTTP/1.1"},
		"400": {"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Transfer-Encoding: chunked"},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{}, someFlows(), &starter{})
			c := dial(t, s)
			_, err := io.WriteString(c,
				lines(append(head, "Host: x", "Content-Length: 20000", "Expect: 100-continue")...))
			require.NoError(t, err)
			got := replies(t, c, false)
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], status), got[0])
			require.Contains(t, got[0], closing)
		})
	}
}

func TestAURLMayBeAbsolute(t *testing.T) {
	t.Parallel()
	for _, expect := range []string{"X-A: b", "Expect: 100-continue"} {
		engine := &starter{}
		s := serve(t, receiver.Options{}, someFlows(), engine)
		got := exchange(t, s, lines("POST http://hooks.example.org/api/webhook:trigger/"+asyncToken+"?a=1 HTTP/1.1",
			"Host: x", "Content-Length: 1", expect)+"7"+last)
		require.True(t, strings.HasPrefix(got[len(got)-2], "200\n"), got)
		require.Equal(t, 7, engine.got()[0].Trigger["body"])
		require.Equal(t, map[string]any{"a": "1"}, engine.got()[0].Trigger["query"])
	}
}

func TestOnlyHTTP11IsInvitedToSendItsBody(t *testing.T) {
	t.Parallel()
	for head, want := range map[string][]string{
		"HTTP/1.1\r\nExpect: 100-continue": {"100", "200"},
		"HTTP/1.1\r\nExpect: 100-CONTINUE": {"100", "200"},
		"HTTP/1.1\r\nExpect: more":         {"200"},
		"HTTP/1.0\r\nExpect: 100-continue": {"200"},
	} {
		s := serve(t, receiver.Options{}, someFlows(), &starter{})
		got := exchange(t, s, lines("POST /api/webhook:trigger/"+asyncToken+" "+head, "Host: x", "Connection: close",
			"Content-Length: 2")+"{}")
		require.Len(t, got, len(want), head)
		for i, status := range want {
			require.True(t, strings.HasPrefix(got[i], status), got[i])
		}
	}
}

// FuzzRequest sends anything: the receiver must answer without a defect, and name every run that it starts.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		smuggled, post(lockedToken, "{}", basic("shop", password)), post(syncToken, "{}"), last, "hello\r\n\r\n",
		lines("POST /api/webhook:trigger/"+asyncToken+"?a[b]=c HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") +
			"2;x=y\r\n{}\r\n0\r\nX-T: a\r\n\r\n",
		lines("POST /else HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + smuggled,
		lines("POST /else HTTP/1.1", "Host: x", "Content-Length: 3", "Content-Length: 4") + smuggled,
		lines("GET /api/webhook:answer/"+asyncToken+"/"+string(someRun)+"?wait=1s HTTP/1.0", "Connection: keep-alive"),
		lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x", "Content-Length: 2",
			"Expect: 100-continue") + "{}",
	} {
		f.Add(seed)
	}
	log, engine := &safeBuffer{}, &counter{starter: &starter{}}
	s := serve(f, receiver.Options{Logger: slog.New(slog.NewTextHandler(log,
		&slog.HandlerOptions{Level: slog.LevelError}))}, someFlows(), engine)
	f.Fuzz(func(t *testing.T, raw string) {
		before := engine.runs.Load()
		c := dial(t, s)
		go func() {
			io.WriteString(c, raw)
			c.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, log.String())
		require.EqualValues(t, engine.runs.Load()-before, strings.Count(string(got), "\r\nEverhook-Run-Id: "), "%s",
			got)
		c.Close()
	})
}

// counter is an engine that counts runs and forgets them.
type counter struct {
	*starter
	runs atomic.Int64
}

func (c *counter) Prepare(*everhook.Version, everhook.Delivery) (receiver.Prepared, error) {
	return c, nil
}

func (c *counter) Size() int { return 0 }

func (c *counter) Start(context.Context) (everhook.Started, error) {
	c.runs.Add(1)
	return everhook.Started{}, nil
}

func (c *counter) Run(context.Context, time.Duration) (everhook.Started, error) {
	c.runs.Add(1)
	return everhook.Started{}, nil
}

// padded hides a request where fasthttp would have stopped reading ahead.
func padded(size int) (header, body string) {
	body = strings.Repeat(" ", size) + smuggled
	return fmt.Sprintf("Content-Length: %d", len(body)), body
}
