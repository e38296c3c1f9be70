package receiver

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// framing says where the body of a request ends. The zero value means that there is no body.
type framing struct {
	// declared is the Content-Length.
	declared int64
	chunked  bool
}

// readFraming reads the framing and refuses the requests that fasthttp accepts but that a proxy in front could frame
// differently (RFC 9112, 2.2, 5.2 and 6.3): a Content-Length beside chunks, another transfer encoding than chunked, a
// header on two lines, and lines that end with a bare LF.
func readFraming(header *fasthttp.RequestHeader) (framing, error) {
	var f framing
	hasLength := false
	for line := range bytes.Lines(header.RawHeaders()) {
		line, found := bytes.CutSuffix(line, []byte("\r\n"))
		switch {
		case !found:
			return f, errors.New("a line of the head ends without CR LF")
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			return f, errors.New("a header spans two lines; send it on one line")
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch {
		case bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding)):
			if !bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked")) {
				return f, errors.New("the only transfer encoding is chunked")
			}
			f.chunked = true
		case bytes.EqualFold(name, []byte(fiber.HeaderContentLength)):
			var err error
			if f.declared, err = strconv.ParseInt(string(bytes.Trim(value, " \t")), 10, 64); err != nil {
				return f, errors.New("the Content-Length is not a number of bytes")
			}
			hasLength = true
		}
	}
	if hasLength && f.chunked {
		return f, errors.New("send either a Content-Length or Transfer-Encoding: chunked, not both")
	}
	return f, nil
}
