package roundtrip

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

var byteOrderMark = []byte("\xEF\xBB\xBF")

// valueOf reads a payload as its sender means it, with other parsers than the receiver's where there are any. The
// format is json, form, multipart, xml or text.
func valueOf(contentType string, data []byte) (v any, format string, err error) {
	media, parameters, _ := mime.ParseMediaType(contentType)
	body, marked := bytes.CutPrefix(data, byteOrderMark)
	latin1 := strings.EqualFold(parameters["charset"], "ISO-8859-1") && !marked
	switch {
	case len(data) == 0:
		return nil, "json", nil
	case media == "" || strings.HasSuffix(media, "json"):
		v, err = looseJSON(body)
		return v, "json", err
	case media == "application/x-www-form-urlencoded":
		if latin1 {
			v, err = declared(receiver.ParseForm(append([]byte(charsetField+"=ISO-8859-1&"), body...)))
			return v, "form", err
		}
		v, err = formValue(body)
		return v, "form", err
	case media == "multipart/form-data":
		boundary := parameters["boundary"]
		if strings.EqualFold(parameters["charset"], "ISO-8859-1") {
			first := "--" + boundary + "\r\nContent-Disposition: form-data; name=" + charsetField +
				"\r\n\r\nISO-8859-1\r\n"
			v, err = declared(receiver.ParseMultipart(append([]byte(first), body...), boundary))
			return v, "multipart", err
		}
		v, err = multipartValue(body, boundary)
		return v, "multipart", err
	case latin1:
		body, err = charmap.Windows1252.NewDecoder().Bytes(body)
		if v, format = string(body), "text"; err == nil && strings.HasSuffix(media, "xml") {
			document, err := everhook.ParseXML(body)
			return map[string]any(document), "xml", err
		}
		return v, format, err
	case strings.HasSuffix(media, "xml"):
		document, err := everhook.ParseXML(body)
		return map[string]any(document), "xml", err
	default:
		return string(body), "text", nil
	}
}

// charsetField declares the charset of a form.
const charsetField = "_charset_"

// declared takes the field that declares a charset out of a form.
func declared(form everhook.Mapping, err error) (any, error) {
	delete(form, charsetField)
	return map[string]any(form), err
}

// looseJSON reads JSON with encoding/json. Numbers keep their digits.
func looseJSON(data []byte) (v any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// formValue reads a form. Names without brackets have one reading, that of net/url; a value that is no UTF-8 once it is
// decoded stays as it was sent, as in qs.
func formValue(body []byte) (any, error) {
	form, err := receiver.ParseForm(body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || bytes.Contains(body, []byte("]=")) || !isUTF8(values) ||
		strings.ContainsAny(strings.Join(everhook.SortedKeys(values), ""), "[]") {
		return map[string]any(form), nil
	}
	plain := map[string]any{}
	for name, list := range values {
		plain[name] = list[0]
		if len(list) > 1 {
			all := make([]any, len(list))
			for i, text := range list {
				all[i] = text
			}
			plain[name] = all
		}
	}
	if name := everhook.SortedKeys(plain); len(name) != len(form) {
		return nil, fmt.Errorf("the form has %d names, net/url finds %q", len(form), name)
	}
	return plain, nil
}

func isUTF8(values url.Values) bool {
	for name, list := range values {
		if !utf8.ValidString(name + strings.Join(list, "")) {
			return false
		}
	}
	return true
}

// multipartValue reads a form whose fields have plain names with mime/multipart.
func multipartValue(data []byte, boundary string) (any, error) {
	want, err := receiver.ParseMultipart(data, boundary)
	if err != nil {
		return nil, err
	}
	reader := multipart.NewReader(bytes.NewReader(data), boundary)
	for {
		part, err := reader.NextPart()
		if err != nil {
			return map[string]any(want), nil //nolint:nilerr // the text after the last part is not read
		}
		content, err := io.ReadAll(part)
		found := want[part.FormName()]
		file, isFile := found.(map[string]any)
		switch {
		case err != nil, strings.ContainsAny(part.FormName(), "[]"):
		case isFile && file["base64"] != base64.StdEncoding.EncodeToString(content):
			return nil, fmt.Errorf("the file %q has another content", part.FormName())
		case !isFile && found != string(content) && reflect.TypeOf(found) == reflect.TypeFor[string]():
			return nil, fmt.Errorf("the field %q is %q, not %q", part.FormName(), found, content)
		}
	}
}

// same compares values; numbers by what they are worth as a 64-bit integer or float64. The text says where they differ.
func same(want, got any) string { return different("", want, got) }

func different(at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return fmt.Sprintf("%s: %#v is not %#v", at, got, want)
		}
		for name, v := range want {
			if other, ok := got[name]; !ok {
				return fmt.Sprintf("%s.%s is missing", at, name)
			} else if text := different(at+"."+name, v, other); text != "" {
				return text
			}
		}
		return ""
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Sprintf("%s: %#v is not %#v", at, got, want)
		}
		for i, v := range want {
			if text := different(fmt.Sprintf("%s[%d]", at, i), v, got[i]); text != "" {
				return text
			}
		}
		return ""
	}
	if want == got || isNumber(want) && isNumber(got) && sameNumber(fmt.Sprint(want), fmt.Sprint(got)) {
		return ""
	}
	return fmt.Sprintf("%s: %#v is not %#v", at, got, want)
}

func isNumber(v any) bool {
	switch v.(type) {
	case json.Number, int, float64:
		return true
	}
	return false
}

// sameNumber compares numbers exactly if both are whole and have 64 bits, else as float64.
func sameNumber(a, b string) bool {
	x, okX := new(big.Int).SetString(a, 10)
	y, okY := new(big.Int).SetString(b, 10)
	if okX && okY {
		return x.Cmp(y) == 0
	}
	f, errF := json.Number(a).Float64()
	g, errG := json.Number(b).Float64()
	return errF == nil && errG == nil && f == g
}

// asForm is a value as forms can have it: all is text, a list of one is its element, and what is empty is not there.
func asForm(v any) any {
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, item := range v {
			if item = asForm(item); item != nil {
				kept[name] = item
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		var kept []any
		for _, item := range v {
			if item = asForm(item); item != nil {
				kept = append(kept, item)
			}
		}
		switch len(kept) {
		case 0:
			return nil
		case 1:
			if _, isMapping := kept[0].(map[string]any); !isMapping {
				return kept[0]
			}
		}
		return kept
	case nil:
		return nil
	default:
		return fmt.Sprint(v)
	}
}
