package receiver_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

// TestAmbiguousFramingIsRefused sends requests whose end two parsers could see at different places. Each is refused,
// the connection ends, and no later request is executed.
func TestAmbiguousFramingIsRefused(t *testing.T) {
	t.Parallel()
	chunked := func(body string, headers ...string) string {
		head := append([]string{"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Host: x",
			"Transfer-Encoding: chunked"}, headers...)
		return lines(head...) + body
	}
	head := func(headers ...string) string {
		return lines(append([]string{"POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1", "Host: x"},
			headers...)...)
	}
	for name, request := range map[string]string{
		"a chunk extension with a bare LF":          chunked("2;a\nb\r\n{}\r\n0\r\n\r\n"),
		"a chunk size that ends with LF":            chunked("2\n{}\r\n0\r\n\r\n"),
		"a chunk size with letters after it":        chunked("2xyz\r\n{}\r\n0\r\n\r\n"),
		"a chunk size with a prefix":                chunked("0x2\r\n{}\r\n0\r\n\r\n"),
		"a chunk size with a sign":                  chunked("+2\r\n{}\r\n0\r\n\r\n"),
		"a negative chunk size":                     chunked("-2\r\n{}\r\n0\r\n\r\n"),
		"a chunk size of more than 64 bits":         chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"),
		"an empty chunk size":                       chunked("\r\n{}\r\n0\r\n\r\n"),
		"a chunk that ends with LF":                 chunked("2\r\n{}\n0\r\n\r\n"),
		"a chunk longer than its size":              chunked("2\r\n{}}\r\n0\r\n\r\n"),
		"a trailer without a colon":                 chunked("2\r\n{}\r\n0\r\nX\r\n\r\n"),
		"a trailer that frames":                     chunked("2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
		"a vertical tab before chunked":             head("Transfer-Encoding: \x0bchunked"),
		"a space before the colon":                  head("Transfer-Encoding : chunked"),
		"another encoding before chunked":           head("Transfer-Encoding: gzip, chunked"),
		"identity":                                  head("Transfer-Encoding: identity", "Content-Length: 2"),
		"an empty transfer encoding":                head("Transfer-Encoding: "),
		"chunked twice":                             head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
		"chunked in quotes":                         head(`Transfer-Encoding: "chunked"`),
		"chunked with HTTP/1.0":                     lines("POST / HTTP/1.0", "Host: x", "Transfer-Encoding: chunked"),
		"a length and chunks":                       head("Content-Length: 2", "Transfer-Encoding: chunked"),
		"chunks and a length":                       head("Transfer-Encoding: chunked", "Content-Length: 2"),
		"two lengths":                               head("Content-Length: 2", "Content-Length: 3"),
		"the same length twice":                     head("Content-Length: 2", "Content-Length: 2"),
		"a list of lengths":                         head("Content-Length: 2, 2"),
		"a length with a sign":                      head("Content-Length: +2"),
		"a negative length":                         head("Content-Length: -2"),
		"a length in hex":                           head("Content-Length: 0x2"),
		"a length with an underscore":               head("Content-Length: 1_0"),
		"a length of more than 64 bits":             head("Content-Length: 99999999999999999999"),
		"a folded header":                           head("X-A: b", " c", "Content-Length: 2"),
		"a folded length":                           head("Content-Length:", " 2"),
		"a header before the first, folded":         head(" X-A: b", "Content-Length: 2"),
		"a bare CR in a value":                      head("X-A: b\rContent-Length: 2"),
		"a bare CR in a name":                       head("X-A\rB: c", "Content-Length: 2"),
		"a NUL in a value":                          head("X-A: b\x00c", "Content-Length: 2"),
		"a NUL in a name":                           head("X-A\x00: b", "Content-Length: 2"),
		"a NUL in the path":                         lines("POST /a\x00b HTTP/1.1", "Host: x", "Content-Length: 2"),
		"a bare LF after a header":                  head("X-A: b\nContent-Length: 2"),
		"a head that ends with bare LFs":            head("X-A: b\n\nGET /healthz HTTP/1.1", "Host: x"),
		"a line without a colon":                    head("X-A", "Content-Length: 2"),
		"a line without a name":                     head(": b", "Content-Length: 2"),
		"two hosts":                                 head("Host: y", "Content-Length: 2"),
		"no host":                                   lines("POST / HTTP/1.1", "Content-Length: 2"),
		"a version that does not exist":             lines("POST / HTTP/1.11", "Host: x"),
		"a tab in the request line":                 lines("POST\t/ HTTP/1.1", "Host: x"),
		"a request line without a version":          "GET /healthz\r\n\r\n",
		"a space in the path":                       lines("GET /a b HTTP/1.1", "Host: x"),
		"chunks that end in the middle of the size": chunked("2"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			c := dial(t, s)
			go func() {
				io.WriteString(c, request+smuggled+last)
				c.(*net.TCPConn).CloseWrite()
			}()
			got := replies(t, c, false)
			require.Len(t, got, 1, "more than one request was seen")
			require.True(t, strings.HasPrefix(got[0], "400\n"), got[0])
			require.Contains(t, got[0], closing)
			require.Empty(t, engine.got())
		})
	}
}

// TestNothingOfABodyIsLeft sends well-formed bodies, and a request after each.
func TestNothingOfABodyIsLeft(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string]string{
		"one chunk":                      "2\r\n{}\r\n0\r\n\r\n",
		"two chunks":                     "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
		"a size with leading zeros":      "0002\r\n{}\r\n0\r\n\r\n",
		"an extension":                   "2;a=b\r\n{}\r\n0;c\r\n\r\n",
		"a trailer":                      "2\r\n{}\r\n0\r\nX-T: a\r\n\r\n",
		"several trailers":               "2\r\n{}\r\n0\r\nX-T: a\r\nX-U: b\r\n\r\n",
		"an empty body":                  "0\r\n\r\n",
		"a trailer that names a request": "2\r\n{}\r\n0\r\nX-T: GET /healthz HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, someFlows(), engine)
			got := exchange(t, s, lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x",
				"Transfer-Encoding: chunked")+chunks+last)
			require.Len(t, got, 2)
			require.True(t, strings.HasPrefix(got[0], "200\n"), got[0])
			require.True(t, strings.HasPrefix(got[1], "200\n"), got[1])
			require.Len(t, engine.got(), 1)
		})
	}
}

func TestTrailersNeverBecomeHeaders(t *testing.T) {
	t.Parallel()
	for _, announced := range []string{"X-A: b", "Trailer: X-Kept"} {
		engine := &starter{}
		all := someFlows()
		all[asyncToken].Headers = []string{"x-kept"}
		s := serve(t, receiver.Options{}, all, engine)
		exchange(t, s, lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x", announced,
			"Transfer-Encoding: chunked")+"2\r\n{}\r\n0\r\nX-Kept: from a trailer\r\n\r\n"+last)
		require.Empty(t, engine.got()[0].Trigger["headers"])
	}
}
