package everhook_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// aFile is a file with its members; others replace them.
func aFile(others map[string]any) map[string]any {
	file := map[string]any{"filename": "a.png", "contentType": "image/png", "size": 3, "base64": "AAEC"}
	for name, value := range others {
		file[name] = value
	}
	return file
}

func TestFormsOfBodies(t *testing.T) {
	t.Parallel()
	type headers = map[string]everhook.HeaderValue
	download := func(contentType, disposition string) headers {
		return headers{"Content-Type": {contentType}, "Content-Disposition": {disposition},
			"X-Content-Type-Options": {"nosniff"}}
	}
	png := download("image/png", "attachment; filename=a.png")
	xml := headers{"Content-Type": {"application/xml; charset=utf-8"}}
	for name, test := range map[string]struct {
		value   any
		as      everhook.AnswerForm
		given   headers
		body    any
		base64  bool
		headers headers
	}{
		"a text":                   {"x", "", nil, "x", false, nil},
		"a mapping":                {map[string]any{"a": 1}, "", nil, map[string]any{"a": 1}, false, nil},
		"nothing":                  {nil, "", nil, nil, false, nil},
		"a file":                   {aFile(nil), "", nil, "AAEC", true, png},
		"a file of a form":         {aFile(map[string]any{"name": "photo"}), "", nil, "AAEC", true, png},
		"a file with other things": {aFile(map[string]any{"x": 1}), "", nil, aFile(map[string]any{"x": 1}), false, nil},
		"a file of another size":   {aFile(map[string]any{"size": 4}), "", nil, aFile(map[string]any{"size": 4}), false, nil},
		"a file that is not base64": {aFile(map[string]any{"base64": "AA*C"}), "", nil,
			aFile(map[string]any{"base64": "AA*C"}), false, nil},
		"a file as JSON": {aFile(nil), "json", nil, aFile(nil), false, headers{"Content-Type": {"application/json"}}},
		"a file shown in the page": {aFile(nil), "file", headers{"content-disposition": {"inline"},
			"Content-Type": {"image/x"}}, "AAEC", true, headers{"content-disposition": {"inline"},
			"Content-Type": {"image/x"}, "X-Content-Type-Options": {"nosniff"}}},
		"a name with folders": {aFile(map[string]any{"filename": `..\..\etc/pass wd`}), "file", nil, "AAEC", true,
			download("image/png", `attachment; filename="pass wd"`)},
		"a name in other letters": {aFile(map[string]any{"filename": "größe.png"}), "file", nil, "AAEC", true,
			download("image/png", "attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.png")},
		"a name that ends its header": {aFile(map[string]any{"filename": "a\r\nX: y\""}), "file", nil, "AAEC", true,
			download("image/png", `attachment; filename="aX: y\""`)},
		"no name": {aFile(map[string]any{"filename": ""}), "file", nil, "AAEC", true,
			download("image/png", "attachment")},
		"a type that is none": {aFile(map[string]any{"contentType": "image"}), "file", nil, "AAEC", true,
			download("image", "attachment; filename=a.png")},
		"a type that ends its header": {aFile(map[string]any{"contentType": "text/html\r\nX: y"}), "file", nil, "AAEC",
			true, download("application/octet-stream", "attachment; filename=a.png")},
		"base64": {"AA\n EC\n", "base64", nil, "AAEC", true, headers{"Content-Type": {"application/octet-stream"},
			"X-Content-Type-Options": {"nosniff"}}},
		"base64 of a type": {"AAEC", "base64", headers{"content-type": {"image/gif"}}, "AAEC", true,
			headers{"content-type": {"image/gif"}, "X-Content-Type-Options": {"nosniff"}}},
		"text as JSON":     {`a"b`, "json", nil, `"a\"b"`, false, headers{"Content-Type": {"application/json"}}},
		"a number as text": {7, "text", nil, "7", false, headers{"Content-Type": {"text/plain; charset=utf-8"}}},
		"a page":           {"<p>x</p>", "html", nil, "<p>x</p>", false, headers{"Content-Type": {"text/html; charset=utf-8"}}},
		"XML of a mapping": {map[string]any{"a": "<"}, "xml", nil, xmlHead + "<a>&lt;</a>", false, xml},
		"XML of a text":    {"<a/>", "xml", nil, "<a/>", false, xml},
		"XML of a file": {map[string]any{"file": aFile(nil)}, "xml", nil, xmlHead + "<file><base64>AAEC</base64>" +
			"<contentType>image/png</contentType><filename>a.png</filename><size>3</size></file>", false, xml},
	} {
		answer := everhook.Answer{Headers: test.given}
		require.NoError(t, answer.SetBody(test.value, test.as), name)
		require.Equal(t, test.body, answer.Body.V, name)
		require.Equal(t, test.headers, answer.Headers, name)
		data, binary := answer.Bytes()
		require.Equal(t, test.base64, binary, name)
		if binary {
			require.Equal(t, test.body, base64.StdEncoding.EncodeToString(data))
		}
	}
	for want, test := range map[string]struct {
		value any
		as    everhook.AnswerForm
	}{
		"a mapping where text is needed":              {map[string]any{}, "text"},
		"nil where text is needed":                    {nil, "html"},
		"a list where text in base64 is needed":       {[]any{}, "base64"},
		"the text is not base64":                      {"a-_b", "base64"},
		"text is no file":                             {"AAEC", "file"},
		"a mapping is no file":                        {map[string]any{"base64": "AAEC"}, "file"},
		"a document of XML is a mapping with one key": {7, "xml"},
	} {
		require.ErrorContains(t, (&everhook.Answer{}).SetBody(test.value, test.as), want)
	}
}
