package everhook

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/textproto"
	"path"
	"strings"
)

// AnswerForm is the form in which the body of an answer is sent.
type AnswerForm string

// The forms of a body. Without one, a text is sent unchanged, a file as its bytes, and every other value as JSON.
const (
	AnswerJSON   AnswerForm = "json"   // any value as JSON, text and files too
	AnswerText   AnswerForm = "text"   // text, a number or a boolean
	AnswerHTML   AnswerForm = "html"   // text that is a page
	AnswerXML    AnswerForm = "xml"    // a mapping, see EncodeXML, or text
	AnswerFile   AnswerForm = "file"   // the bytes of a file
	AnswerBase64 AnswerForm = "base64" // the bytes that a text in base64 stands for
)

const (
	headerContentType = "Content-Type"
	headerDisposition = "Content-Disposition"
	headerSniff       = "X-Content-Type-Options"
	typeBytes         = "application/octet-stream"
)

// SetBody sets the body of an answer in a form, and headers that the form needs unless the flow sets them. A value that
// has no such form is an error.
func (a *Answer) SetBody(v any, form AnswerForm) error {
	a.Body, a.Base64 = Of(v), false
	switch form {
	case AnswerJSON:
		encoded, err := EncodeJSON(v)
		if err != nil {
			return err
		}
		if _, isText := v.(string); isText {
			a.Body = Of(string(encoded))
		}
		a.setHeader(headerContentType, "application/json")
	case AnswerText, AnswerHTML:
		text, ok := scalarText(v)
		if !ok {
			return fmt.Errorf("%s where text is needed", TypeName(v))
		}
		a.Body = Of(text)
		a.setHeader(headerContentType, map[AnswerForm]string{AnswerText: "text/plain; charset=utf-8",
			AnswerHTML: "text/html; charset=utf-8"}[form])
	case AnswerXML:
		return a.setXML(v)
	case AnswerFile:
		f, ok := FileOf(v)
		if !ok {
			return fmt.Errorf("%s is no file: a file is a mapping of filename, contentType, size and base64",
				TypeName(v))
		}
		a.setFile(f)
	case AnswerBase64:
		return a.setBase64(v)
	default:
		if f, ok := FileOf(v); ok {
			a.setFile(f)
		}
	}
	return nil
}

func (a *Answer) setXML(v any) error {
	if _, isText := v.(string); !isText {
		document, err := EncodeXML(v, MaxAnswerBody)
		if err != nil {
			return err
		}
		a.Body = Of(document)
	}
	a.setHeader(headerContentType, "application/xml; charset=utf-8")
	return nil
}

// setFile sends a file as its bytes. Its name and type may come from a stranger: browsers store it and never show it,
// unless the flow sets these headers.
func (a *Answer) setFile(f File) {
	a.Body, a.Base64 = Of(f.Base64), true
	a.setHeader(headerContentType, f.mediaType())
	a.setHeader(headerDisposition, f.disposition())
	a.setHeader(headerSniff, "nosniff")
}

func (a *Answer) setBase64(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%s where text in base64 is needed", TypeName(v))
	}
	text = strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\r\n", c) {
			return -1
		}
		return c
	}, text)
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return fmt.Errorf("the text is not base64 (RFC 4648, section 4)")
	}
	a.Body, a.Base64 = Of(text), true
	a.setHeader(headerContentType, typeBytes)
	a.setHeader(headerSniff, "nosniff")
	return nil
}

// setHeader sets a header that the flow does not set.
func (a *Answer) setHeader(name, value string) {
	for _, given := range SortedKeys(a.Headers) {
		if textproto.CanonicalMIMEHeaderKey(given) == name {
			return
		}
	}
	if a.Headers == nil {
		a.Headers = map[string]HeaderValue{}
	}
	a.Headers[name] = HeaderValue{value}
}

// Bytes are the bytes of a body that is sent as such; false: Body is sent as text or as JSON.
func (a *Answer) Bytes() ([]byte, bool) {
	if !a.Base64 || a.Body == nil {
		return nil, false
	}
	text, _ := a.Body.V.(string)
	data, err := base64.StdEncoding.DecodeString(text)
	return data, err == nil
}

// File is binary content as a value: a mapping of these members, and of the name of its field in a multipart form.
type File struct{ Filename, ContentType, Base64 string }

// fileMembers are the members of a file; the value says whether it must be there.
var fileMembers = map[string]bool{"base64": true, "contentType": true, "filename": true, "name": false, "size": true}

// FileOf reads a value that is a file: all members are there and fit, and there are no others.
func FileOf(v any) (File, bool) {
	mapping, ok := v.(map[string]any)
	if !ok {
		return File{}, false
	}
	for _, name := range SortedKeys(mapping) {
		if _, known := fileMembers[name]; !known {
			return File{}, false
		}
	}
	var f File
	var texts [3]bool
	f.Filename, texts[0] = mapping["filename"].(string)
	f.ContentType, texts[1] = mapping["contentType"].(string)
	f.Base64, texts[2] = mapping["base64"].(string)
	size, sized := mapping["size"].(int)
	if texts != [3]bool{true, true, true} || !sized || base64.StdEncoding.EncodedLen(size) != len(f.Base64) {
		return File{}, false
	}
	data, err := base64.StdEncoding.DecodeString(f.Base64)
	return f, err == nil && len(data) == size
}

// mediaType is the type of a file, if it is one.
func (f File) mediaType() string {
	if len(f.ContentType) <= 200 {
		if _, _, err := mime.ParseMediaType(f.ContentType); err == nil && isPrintable(f.ContentType) {
			return f.ContentType
		}
	}
	return typeBytes
}

// disposition has browsers store a file under its name, without folders.
func (f File) disposition() string {
	name := path.Base(strings.ReplaceAll(strings.ToValidUTF8(f.Filename, "\uFFFD"), `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, name)
	if name == "" || name == "." || name == "/" || name == ".." {
		return "attachment"
	}
	if made := mime.FormatMediaType("attachment", map[string]string{"filename": Shorten(name, 200)}); made != "" {
		return made
	}
	return "attachment"
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c >= 0x7f })
}
