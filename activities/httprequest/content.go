package httprequest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// acceptedEncodings is the Accept-Encoding of requests whose flow sets none.
const acceptedEncodings = "gzip, deflate, br, zstd"

const (
	// maxEncodings bounds how often a body may be encoded.
	maxEncodings = 3
	// maxWindow bounds the memory of a zstd decoder: RFC 9659 allows no larger window in HTTP.
	maxWindow = 8 << 20
)

// errEncoding is the error of a body that is not encoded as its header says.
var errEncoding = errors.New("the body is not valid")

// opener makes a reader of decoded data.
type opener func(io.Reader) (io.ReadCloser, error)

// decoders are the content encodings of RFC 9110 (8.4.1), and others in use on the web.
var decoders = map[string]opener{
	"gzip": openGzip, "x-gzip": openGzip, "deflate": openDeflate, "br": openBrotli, "zstd": openZstd,
	"identity": func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil },
}

func openGzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// openDeflate reads zlib's format, which RFC 9110 means, and the bare one that some servers send.
func openDeflate(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}

func openBrotli(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(brotli.NewReader(r)), nil }

func openZstd(r io.Reader) (io.ReadCloser, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// content is the body of an answer without its content encodings.
type content struct {
	response *http.Response
	// lost is the error of the connection, if it broke.
	lost error
	// encodings are those that the body has, the outermost last. An unknown one leaves the body as it is.
	encodings []string
}

// contentOf prepares the body of an answer. If it can be decoded, the headers about its encoding are removed.
func contentOf(response *http.Response) (*content, error) {
	c := &content{response: response}
	for _, name := range strings.Split(strings.Join(response.Header.Values("Content-Encoding"), ","), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			c.encodings = append(c.encodings, name)
		}
	}
	if len(c.encodings) > maxEncodings {
		return nil, fmt.Errorf("%d content encodings; at most %d are read", len(c.encodings), maxEncodings)
	}
	if slices.ContainsFunc(c.encodings, func(name string) bool { return decoders[name] == nil }) {
		c.encodings = nil
	}
	if len(c.encodings) > 0 {
		response.Header.Del("Content-Encoding")
		response.Header.Del("Content-Length")
		response.ContentLength = -1
	}
	return c, nil
}

// read gives the first limit bytes of the decoded body.
func (c *content) read(limit int64) ([]byte, error) {
	body := io.Reader(watched{c})
	if len(c.encodings) > 0 { // an empty body is not encoded, whatever its header says
		buffered := bufio.NewReader(body)
		if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
			return nil, nil
		}
		body = buffered
	}
	for _, name := range slices.Backward(c.encodings) {
		decoded, err := decoders[name](body)
		if err != nil {
			return nil, c.invalid(name, err)
		}
		defer decoded.Close()
		body = decoded
	}
	data, err := io.ReadAll(io.LimitReader(body, limit))
	if err != nil {
		return data, c.invalid(strings.Join(c.encodings, ", "), err)
	}
	return data, nil
}

// invalid is the connection's error, if there is one: then the encoding is not at fault.
func (c *content) invalid(name string, err error) error {
	if c.lost != nil {
		return c.lost
	}
	return fmt.Errorf("%w %s: %w", errEncoding, name, err)
}

// watched reads the body and notes how the connection fails.
type watched struct{ content *content }

func (w watched) Read(p []byte) (int, error) {
	n, err := w.content.response.Body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.content.lost = err
	}
	return n, err
}

// inUTF8 converts text from the charset of its byte order mark or of its Content-Type to UTF-8, without a byte order
// mark. It gives data unchanged if the charset is unknown, and if the text is UTF-8 already.
func inUTF8(contentType string, data []byte) []byte {
	charset, marked := markedCharset(data)
	if !marked {
		_, parameters, _ := mime.ParseMediaType(contentType)
		found, err := htmlindex.Get(parameters["charset"])
		if err != nil {
			return data
		}
		charset = found
	}
	if charset == unicode.UTF8 {
		return bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	decoded, _, err := transform.Bytes(charset.NewDecoder(), data)
	if err != nil {
		return data
	}
	return decoded
}

// markedCharset tells the charset of a byte order mark.
func markedCharset(data []byte) (encoding.Encoding, bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return unicode.UTF8, true
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), true
	default:
		return nil, false
	}
}
