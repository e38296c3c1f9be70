package receiver

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// framing is where the body of a request ends. The zero value is no body.
type framing struct {
	// declared is the Content-Length.
	declared int64
	chunked  bool
}

// readFraming reads it from the head as it was sent: fasthttp overwrites what it finds twice. A request that two
// readers could see end at two places is refused, because one of them may be a proxy in front (RFC 9112, 6.3).
func readFraming(header *fasthttp.RequestHeader) (framing, error) {
	var f framing
	lengths := 0
	for line := range bytes.Lines(header.RawHeaders()) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			return f, errors.New("a header that goes on in a second line; send it in one")
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch {
		case bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding)):
			if f.chunked || !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) || !header.IsHTTP11() {
				return f, errors.New("the only transfer encoding is chunked, once, with HTTP/1.1")
			}
			f.chunked = true
		case bytes.EqualFold(name, []byte(fiber.HeaderContentLength)):
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			if err != nil || n < 0 {
				return f, errors.New("the Content-Length is not a number of bytes")
			}
			f.declared = n
			lengths++
		}
	}
	if lengths > 1 || lengths == 1 && f.chunked {
		return f, errors.New("the length of the body is given twice; send one Content-Length, or Transfer-Encoding alone")
	}
	return f, nil
}

// withheld reports whether beforeBody has let the client keep its body.
func (f framing) withheld(header *fasthttp.RequestHeader) bool {
	if f.chunked {
		return header.ContentLength() >= 0
	}
	return f.declared > 0 && int64(header.ContentLength()) != f.declared
}
