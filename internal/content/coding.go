// Package content reads bodies of HTTP messages: it removes content encodings, and converts text to UTF-8.
package content

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Encodings are the content encodings that are read, as Accept-Encoding names them.
const Encodings = "gzip, deflate, br, zstd"

const (
	// MaxEncodings bounds how often a body may be encoded.
	MaxEncodings = 3
	// maxWindow bounds the memory of a zstd decoder: RFC 9659 allows no larger window in HTTP.
	maxWindow = 8 << 20
	// maxBlock is the size of a zstd block (RFC 8878, 3.1.1.2.4).
	maxBlock = 128 << 10
)

var (
	// ErrTooLarge says that a decoded body, or one of the steps to it, is over the limit.
	ErrTooLarge = errors.New("the decoded body is too large")
	// ErrInvalid says that a body is not encoded as its header says.
	ErrInvalid = errors.New("the body is not valid")
)

// opener makes a reader of decoded data.
type opener func(*bufio.Reader) (io.Reader, error)

// decoders are the content encodings of RFC 9110 (8.4.1), and others in use on the web.
var decoders = map[string]opener{
	"gzip": openGzip, "x-gzip": openGzip, "deflate": openDeflate, "br": openBrotli, "zstd": openZstd,
	"identity": func(r *bufio.Reader) (io.Reader, error) { return r, nil },
}

func openGzip(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }

// openDeflate reads zlib's format, which RFC 9110 means, and the bare one that some senders use.
func openDeflate(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func openBrotli(r *bufio.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }

func openZstd(r *bufio.Reader) (io.Reader, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// Names reads the values of the headers Content-Encoding: the encodings in lower case, in the order in which they were
// applied. It gives an error for more than MaxEncodings.
func Names(values ...string) ([]string, error) {
	var names []string
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "" || name == "identity" {
				continue
			}
			if names = append(names, name); len(names) > MaxEncodings {
				return nil, fmt.Errorf("more than %d content encodings", MaxEncodings)
			}
		}
	}
	return names, nil
}

// Unknown returns the first name of an encoding that is not read, or "".
func Unknown(names []string) string {
	for _, name := range names {
		if decoders[name] == nil {
			return name
		}
	}
	return ""
}

// NewReader decodes a stream. More than limit bytes between two encodings are ErrTooLarge; other errors about an
// encoding are ErrInvalid. The caller bounds what it reads. Close frees the decoders.
func NewReader(r io.Reader, names []string, limit int64) io.ReadCloser {
	return &reader{source: r, names: names, limit: limit}
}

// reader opens its decoders when it is first read, because they read then.
type reader struct {
	source io.Reader
	names  []string
	limit  int64

	decoded io.Reader
	opened  []io.Closer
	err     error
}

func (r *reader) Read(p []byte) (int, error) {
	if r.decoded == nil && r.err == nil {
		r.decoded, r.err = r.open()
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.decoded.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && len(r.names) > 0 {
		err = invalid(strings.Join(r.names, ", "), err)
	}
	return n, err
}

// Close frees the decoders.
func (r *reader) Close() error {
	var err error
	for _, decoder := range r.opened {
		err = errors.Join(err, decoder.Close())
	}
	return err
}

func (r *reader) open() (io.Reader, error) {
	if len(r.names) == 0 {
		return r.source, nil
	}
	in := bufio.NewReader(r.source)
	if _, err := in.Peek(1); errors.Is(err, io.EOF) { // an empty body is not encoded, whatever its header says
		return in, nil
	}
	var out io.Reader = in
	for i := len(r.names) - 1; i >= 0; i-- {
		name := r.names[i]
		decoded, err := decoders[name](in)
		if err != nil {
			return nil, invalid(name, err)
		}
		if closer, ok := decoded.(io.Closer); ok {
			r.opened = append(r.opened, closer)
		}
		out = decoded
		in = bufio.NewReader(&bounded{decoded, r.limit})
	}
	return out, nil
}

func invalid(name string, err error) error {
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w %s: %w", ErrInvalid, name, err)
}

// bounded is a reader that fails after a number of bytes, before it reads more than one further byte.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Decode removes the encodings of a body in memory. The result, and the steps to it, may have limit bytes each; more
// are ErrTooLarge. Other errors are ErrInvalid; data after the end of an encoding is one.
func Decode(body []byte, names []string, limit int64) ([]byte, error) {
	if len(body) == 0 {
		return body, nil
	}
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] == "zstd" {
			var err error
			if body, err = decodeZstd(body, limit); err != nil {
				return nil, invalid(names[i], err)
			}
			continue
		}
		encoded := bytes.NewReader(body)
		in := bufio.NewReader(encoded)
		decoded, err := decoders[names[i]](in)
		if err != nil {
			return nil, invalid(names[i], noEOF(err))
		}
		body, err = ReadWithin(decoded, limit, 0)
		if closer, ok := decoded.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
		switch {
		case err != nil:
			return nil, invalid(names[i], noEOF(err))
		case int64(len(body)) > limit:
			return nil, ErrTooLarge
		case in.Buffered()+encoded.Len() > 0:
			return nil, invalid(names[i], errors.New("more data after its end"))
		}
	}
	return body, nil
}

// decodeZstd decodes a body in memory, where the result is its own window: a window can be declared by a few bytes, and
// a reader allocates it. The result gets memory in growing steps, each of which decodes anew.
func decodeZstd(body []byte, limit int64) ([]byte, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	for size := min(max(8*int64(len(body)), firstRead), limit); ; size = min(8*size, limit) {
		// There is room for one block more, so an error within the size is not about the size.
		decoded, err := decoder.DecodeAll(body, make([]byte, 0, size+maxBlock))
		switch {
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded) && int64(len(decoded)) <= size && err != nil:
			return nil, noEOF(err)
		case err == nil && int64(len(decoded)) <= limit:
			return decoded, nil
		case size == limit:
			return nil, ErrTooLarge
		}
	}
}

// noEOF makes an early end out of an end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadWithin reads to the end, or to one byte over the limit. It allocates for at most twice the bytes that have
// arrived, and at the end for not many more than the declared ones; 0: their number is not known.
func ReadWithin(r io.Reader, limit, declared int64) ([]byte, error) {
	largest := limit
	if declared > 0 {
		largest = declared
	}
	// One byte more than is expected: reading into it finds the end.
	body := make([]byte, 0, min(largest, firstRead)+1)
	for {
		n, err := r.Read(body[len(body):min(int64(cap(body)), limit+1)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil || int64(len(body)) > limit:
			return body, err
		case len(body) == cap(body):
			grown := make([]byte, len(body), min(2*int64(cap(body)), max(largest, int64(len(body)))+1))
			copy(grown, body)
			body = grown
		}
	}
}

// firstRead is how much of a body is read before memory is taken for more.
const firstRead = 64 << 10
