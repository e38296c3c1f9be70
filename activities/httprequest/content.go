package httprequest

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/everhook/everhook/internal/content"
)

// body is the body of an answer without its content encodings.
type body struct {
	response *http.Response
	// lost is the error of the connection, if it broke.
	lost error
	// encodings are those that the body has, the outermost last. An unknown one leaves the body as it is.
	encodings []string
}

// bodyOf prepares the body of an answer. If it can be decoded, the headers about its encoding are removed.
func bodyOf(response *http.Response) (*body, error) {
	names, err := content.Names(response.Header.Values("Content-Encoding")...)
	if err != nil {
		return nil, err
	}
	if content.Unknown(names) != "" {
		return &body{response: response}, nil
	}
	if len(names) > 0 {
		response.ContentLength = -1
		response.Header.Del("Content-Length")
	}
	response.Header.Del("Content-Encoding")
	return &body{response: response, encodings: names}, nil
}

// read gives the first limit bytes of the decoded body. An error of an encoding is a content.ErrInvalid.
func (b *body) read(limit int64) ([]byte, error) {
	decoded := content.NewReader(watched{b}, b.encodings, limit)
	defer decoded.Close()
	data, err := io.ReadAll(io.LimitReader(decoded, limit))
	if err != nil && b.lost != nil { // then the encoding is not at fault
		err = b.lost
	}
	return data, err
}

// watched reads the body and notes how the connection fails.
type watched struct{ body *body }

func (w watched) Read(p []byte) (int, error) {
	n, err := w.body.response.Body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.body.lost = err
	}
	return n, err
}

// inUTF8 converts text to UTF-8, without a byte order mark, from the charset that it or its Content-Type declares. It
// gives data unchanged if the charset is unknown.
func inUTF8(contentType string, data []byte) []byte {
	media, once := content.TypeOf(contentType)
	_, parameters, _ := mime.ParseMediaType(once)
	declared := parameters["charset"]
	var charset content.Charset
	var err error
	switch {
	case isJSON(media):
		charset, err = content.JSONCharset(data, func() string { return declared })
	case isXML(media):
		charset, err = content.XMLCharset(data, declared)
	default:
		charset, err = content.TextCharset(data, declared)
	}
	if err != nil {
		return data
	}
	return charset.Convert(data)
}
