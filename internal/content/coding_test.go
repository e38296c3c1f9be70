package content_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/content"
)

// encode writes text in an encoding, one after the other as Content-Encoding lists them.
func encode(t testing.TB, text string, names ...string) []byte {
	t.Helper()
	for _, name := range names {
		var out bytes.Buffer
		var w io.WriteCloser
		switch name {
		case "gzip", "x-gzip":
			w = gzip.NewWriter(&out)
		case "deflate":
			w = zlib.NewWriter(&out)
		case "bare deflate":
			w, _ = flate.NewWriter(&out, 9)
		case "br":
			w = brotli.NewWriter(&out)
		case "zstd":
			w, _ = zstd.NewWriter(&out, zstd.WithWindowSize(8<<20))
		}
		_, err := io.WriteString(w, text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		text = out.String()
	}
	return []byte(text)
}

func TestEveryEncodingIsDecoded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{"a":[1,"é"]}`, 10_000)
	for header, written := range map[string][]string{
		"gzip": {"gzip"}, "X-GZip": {"x-gzip"}, "deflate": {"deflate"}, "br": {"br"}, "zstd": {"zstd"},
		"br, gzip": {"br", "gzip"}, "zstd,br , deflate": {"zstd", "br", "deflate"}, "gzip, identity, gzip": {"gzip", "gzip"},
		"identity": nil, "": nil, " , ": nil,
	} {
		names, err := content.Names(header)
		require.NoError(t, err, header)
		require.Empty(t, content.Unknown(names), header)
		for _, size := range []int{0, 1, 100, len(text)} {
			body := encode(t, text[:size], written...)
			got, err := content.Decode(body, names, int64(max(size, 100)))
			require.NoError(t, err, header)
			require.Equal(t, text[:size], string(got), header)
			read, err := io.ReadAll(content.NewReader(bytes.NewReader(body), names, int64(max(size, 100))))
			require.NoError(t, err, header)
			require.Equal(t, text[:size], string(read), header)
		}
	}
	got, err := content.Decode(encode(t, text, "bare deflate"), []string{"deflate"}, 1<<20)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	names, err := content.Names("gzip", "br")
	require.NoError(t, err)
	require.Equal(t, []string{"gzip", "br"}, names, "a repeated header")
}

func TestAnEmptyBodyIsNotEncoded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		got, err := content.Decode(nil, []string{name}, 10)
		require.NoError(t, err)
		require.Empty(t, got)
		reader := content.NewReader(strings.NewReader(""), []string{name}, 10)
		got, err = io.ReadAll(reader)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, reader.Close())
	}
}

func TestEncodingsThatAreNotRead(t *testing.T) {
	t.Parallel()
	_, err := content.Names("gzip, gzip", "gzip, gzip")
	require.EqualError(t, err, "more than 3 content encodings")
	for header, want := range map[string]string{"compress": "compress", "gzip, LZ4": "lz4", "gzip;q=1": "gzip;q=1"} {
		names, err := content.Names(header)
		require.NoError(t, err)
		require.Equal(t, want, content.Unknown(names))
	}
}

func TestBodiesThatAreNotEncodedAsTheySay(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("some text, ", 1000)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		whole := encode(t, text, name)
		for what, body := range map[string][]byte{
			"plain text":      []byte("plain text"),
			"cut off":         whole[:len(whole)-1],
			"cut in the half": whole[:len(whole)/2],
			"one byte":        whole[:1],
			"more data":       append(bytes.Clone(whole), "more"...),
			"one byte more":   append(bytes.Clone(whole), 'x'),
		} {
			got, err := content.Decode(body, []string{name}, 1<<20)
			require.ErrorIs(t, err, content.ErrInvalid, "%s, %s", name, what)
			require.NotErrorIs(t, err, io.EOF, "%s, %s", name, what)
			require.Nil(t, got)
		}
		_, err := content.Decode(encode(t, string(whole[:20]), "gzip"), []string{name, "gzip"}, 1<<20)
		require.ErrorIs(t, err, content.ErrInvalid, name)
		_, err = io.ReadAll(content.NewReader(strings.NewReader("plain text"), []string{name}, 1<<20))
		require.ErrorIs(t, err, content.ErrInvalid, name)
	}
}

func TestReadWithin(t *testing.T) {
	t.Parallel()
	const firstRead = 64 << 10
	for _, size := range []int{0, 1, 511, 512, firstRead - 1, firstRead, firstRead + 1, 3*firstRead + 7} {
		text := strings.Repeat("x", size)
		for _, declared := range []int{size, 0} {
			for name, reader := range map[string]io.Reader{
				"all at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
				"the end with the data": iotest.DataErrReader(strings.NewReader(text)),
			} {
				body, err := content.ReadWithin(reader, 1<<20, int64(declared))
				require.NoError(t, err, name)
				require.Equal(t, text, string(body))
				require.LessOrEqual(t, cap(body), max(2*size, firstRead)+1)
			}
		}
		if size > 0 {
			body, err := content.ReadWithin(bytes.NewReader([]byte(text+"more")), int64(size), 0)
			require.NoError(t, err)
			require.Len(t, body, size+1, "one byte over the limit is read")
		}
	}
	_, err := content.ReadWithin(iotest.ErrReader(io.ErrUnexpectedEOF), 10, 10)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// TestABombCostsTheLimit is not parallel: it counts what the process allocates.
func TestABombCostsTheLimit(t *testing.T) {
	const (
		size = 24 << 20
		// window is what brotli may need besides.
		window = 17 << 20
	)
	text := strings.Repeat("\x00", size)
	for _, names := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "br"},
		{"zstd", "zstd"}, {"zstd", "gzip", "br"}} {
		body := encode(t, text, names...)
		for _, limit := range []int64{64 << 10, 1 << 20, 10 << 20} {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			got, err := content.Decode(body, names, limit)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, content.ErrTooLarge, names)
			require.Nil(t, got)
			cost := after.TotalAlloc - before.TotalAlloc
			require.Less(t, cost, 3*uint64(limit)+window, "%s, limit %d", names, limit)
			require.Less(t, took, 5*time.Second, "%s, limit %d", names, limit)
		}
	}
}

// TestADeclaredWindowCostsNothing is not parallel: it counts what the process allocates.
func TestADeclaredWindowCostsNothing(t *testing.T) {
	// A frame with a window of 8 MiB and a last block of 5 bytes (RFC 8878, 3.1.1).
	frame := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0x29, 0, 0}, "hello"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := content.Decode(frame, []string{"zstd"}, 1<<20)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	frame[5] += 8 // 16 MiB
	_, err = content.Decode(frame, []string{"zstd"}, 1<<20)
	require.ErrorIs(t, err, content.ErrInvalid)
}

// TestStepsAreWithinTheLimit: blocks without content decode to nothing, whatever their number is.
func TestStepsAreWithinTheLimit(t *testing.T) {
	t.Parallel()
	var members bytes.Buffer
	empty := encode(t, "", "gzip")
	for range (4 << 20) / len(empty) {
		members.Write(empty)
	}
	body := encode(t, members.String(), "gzip")
	_, err := content.Decode(body, []string{"gzip", "gzip"}, 1<<20)
	require.ErrorIs(t, err, content.ErrTooLarge)
	_, err = io.ReadAll(content.NewReader(bytes.NewReader(body), []string{"gzip", "gzip"}, 1<<20))
	require.ErrorIs(t, err, content.ErrTooLarge)
	got, err := content.Decode(body, []string{"gzip", "gzip"}, 5<<20)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestTheLimitIsExact(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, size := range []int{1000, 200_000} {
			body := encode(t, strings.Repeat("x", size), name)
			got, err := content.Decode(body, []string{name}, int64(size))
			require.NoError(t, err)
			require.Len(t, got, size)
			_, err = content.Decode(body, []string{name}, int64(size-1))
			require.ErrorIs(t, err, content.ErrTooLarge, name)
		}
	}
}

// FuzzDecode compares the reader of streams with that of bodies in memory.
func FuzzDecode(f *testing.F) {
	for _, names := range []string{"gzip", "deflate", "br", "zstd", "gzip,br", "bare deflate"} {
		f.Add(strings.TrimPrefix(names, "bare "), encode(f, strings.Repeat("text ", 30), strings.Split(names, ",")...))
	}
	f.Add("gzip", []byte("text"))
	f.Add("deflate", []byte{0x78, 0x9c})
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		const limit = 1 << 16
		names, err := content.Names(header)
		if err != nil || content.Unknown(names) != "" || len(body) > limit {
			return
		}
		got, err := content.Decode(body, names, limit)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.LessOrEqual(t, len(got), limit)
		read, err := io.ReadAll(content.NewReader(bytes.NewReader(body), names, limit))
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, read))
	})
}

// BenchmarkDecode decodes a body of 1 MiB, and one of 64 MiB that is over the limit of 1 MiB.
func BenchmarkDecode(b *testing.B) {
	const limit = 1 << 20
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		for what, size := range map[string]int{"whole": limit, "bomb": 64 * limit} {
			body := encode(b, strings.Repeat(`{"id":17,"text":"some text"}`, size/28), name)
			b.Run(name+" "+what, func(b *testing.B) {
				b.SetBytes(limit)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := content.Decode(body, []string{name}, limit); (err == nil) != (what == "whole") {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
