package everhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func TestValuesAsXML(t *testing.T) {
	t.Parallel()
	type mapping = map[string]any
	for want, v := range map[string]any{
		`<a/>`:       mapping{"a": nil},
		`<a></a>`:    mapping{"a": ""},
		`<a>1.5</a>`: mapping{"a": 1.5},
		`<Response><Say>&lt;/Say&gt;&lt;Hangup/&gt; &amp; &#34;x&#34;</Say></Response>`: mapping{"Response": mapping{
			"Say": `</Say><Hangup/> & "x"`}},
		`<order id="7" paid="true"><line sku="a">x</line><line/><note></note></order>`: mapping{"order": mapping{
			"@id": 7, "@paid": true, "@none": nil, "note": "",
			"line": []any{mapping{"@sku": "a", "#text": "x"}, nil}, "gone": []any{}}},
		`<a b="&#34;&#10;&#9;&#39;&lt;">x&#13;&#34;</a>`: mapping{"a": mapping{"@b": "\"\n\t'<", "#text": "x\r\""}},
		`<soap:Envelope xmlns:soap="urn:x"><soap:Body/></soap:Envelope>`: mapping{"soap:Envelope": mapping{
			"@xmlns:soap": "urn:x", "soap:Body": nil}},
		"<größe>\uFFFD</größe>": mapping{"größe": "\x00"},
	} {
		got, err := everhook.EncodeXML(v, 1<<20)
		require.NoError(t, err, want)
		require.Equal(t, xmlHead+want, got)
	}
	deep := any("x")
	for range everhook.MaxDepth + 1 {
		deep = mapping{"a": deep}
	}
	for want, v := range map[string]any{
		"not a list":                             []any{},
		"not text":                               "x",
		"not one with 0 keys":                    mapping{},
		"not one with 2 keys":                    mapping{"a": nil, "b": nil},
		`the root element "a" is a list`:         mapping{"a": []any{nil}},
		`"a><b" is not the name of an element`:   mapping{"a><b": nil},
		`"a b" is not the name of an element`:    mapping{"x": mapping{"a b": nil}},
		`"1" is not the name of an element`:      mapping{"x": mapping{"1": nil}},
		`"" is not the name of an element`:       mapping{"": nil},
		`"a:b:c" is not the name of an element`:  mapping{"a:b:c": nil},
		`"a=\"" is not the name of an attribute`: mapping{"x": mapping{`@a="`: 1}},
		"the attribute a of x is a mapping":      mapping{"x": mapping{"@a": mapping{}}},
		"#text is a list, not text":              mapping{"x": mapping{"#text": []any{}}},
		"a list in a list has no form in XML":    mapping{"x": mapping{"a": []any{[]any{}}}},
		"nested deeper than 100":                 deep,
		"the document is larger than 100B":       mapping{"x": mapping{strings.Repeat("n", 90): []any{nil, nil, nil}}},
	} {
		_, err := everhook.EncodeXML(v, 100)
		if want == "nested deeper than 100" {
			_, err = everhook.EncodeXML(v, 1<<20)
		}
		require.ErrorContains(t, err, want)
	}
}
