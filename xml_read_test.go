package everhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestXMLDocuments(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type l = []any
	for name, test := range map[string]struct {
		document string
		want     everhook.Mapping
	}{
		"elements nest": {"<order><id>7</id><who><name>Ann</name></who></order>",
			everhook.Mapping{"order": m{"id": "7", "who": m{"name": "Ann"}}}},
		"text stays as it is": {"<a> x\n </a>", everhook.Mapping{"a": " x\n "}},
		"an empty element is empty text": {"<a><b/><c></c></a>",
			everhook.Mapping{"a": m{"b": "", "c": ""}}},
		"attributes": {`<a id="1" x='"'/>`,
			everhook.Mapping{"a": m{"@id": "1", "@x": `"`}}},
		"text beside attributes": {`<price currency="EUR">9.90</price>`,
			everhook.Mapping{"price": m{"@currency": "EUR", "#text": "9.90"}}},
		"mixed text": {"<p>Hello <b>you</b> there</p>",
			everhook.Mapping{"p": m{"b": "you", "#text": "Hello  there"}}},
		"white space between elements is no text": {"<a>\n  <b>1</b>\n</a>\n", everhook.Mapping{"a": m{"b": "1"}}},
		"repeated elements are a list": {"<a><i>1</i><j/><i><k>2</k></i><i>3</i></a>",
			everhook.Mapping{"a": m{"i": l{"1", m{"k": "2"}, "3"}, "j": ""}}},
		"prefixes and their declarations go": {
			`<s:E xmlns:s="urn:s" xmlns="urn:d"><s:B><t:x xmlns:t="urn:t" t:y="1">2</t:x></s:B></s:E>`,
			everhook.Mapping{"E": m{"B": m{"x": m{"@y": "1", "#text": "2"}}}}},
		"attributes that differ in their prefix": {`<a type="x" xsi:type="y" xmlns:xsi="urn:i"/>`,
			everhook.Mapping{"a": m{"@type": l{"x", "y"}}}},
		"an element and an attribute of one name": {`<a b="1"><b>2</b></a>`,
			everhook.Mapping{"a": m{"@b": "1", "b": "2"}}},
		"entities of XML and characters by number": {"<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a>",
			everhook.Mapping{"a": "<&>\"'A😀"}},
		"CDATA is text, comments and PIs are none": {"<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c --><?pi " +
			"x?><a>1<!-- - -->2<![CDATA[<&]]><?pi?>3</a><!-- e -->", everhook.Mapping{"a": "12<&3"}},
		"names in other scripts": {"<ключ>é</ключ>", everhook.Mapping{"ключ": "é"}},
		"a declared US-ASCII": {`<?xml version="1.0" encoding="us-ascii"?><a/>`,
			everhook.Mapping{"a": ""}},
		"another encoding in a declaration is passed over": {`<?xml version="1.0" encoding="gbk"?><a>é</a>`,
			everhook.Mapping{"a": "é"}},
		"a document type without declarations": {"<?xml version='1.0'?>\n<!DOCTYPE a>\n<a>1</a>",
			everhook.Mapping{"a": "1"}},
		"a document type with rules elsewhere": {`<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.014/[cXML].dtd"` +
			`><cXML/>`, everhook.Mapping{"cXML": ""}},
		"a public document type": {"<!DOCTYPE html PUBLIC '-//W3C//DTD \"XHTML 1.0\"//EN'\n'http://x/>'><html/>",
			everhook.Mapping{"html": ""}},
		"a template in text is text": {"<a>{{ secret.X }}</a>",
			everhook.Mapping{"a": "{{ secret.X }}"}},
		"as deep as allowed": {deep(100), everhook.Mapping(deepValue(100))},
		"as deep as allowed, with a list in between": {"<r><a/><a>" + deep(97) + "</a></r>",
			everhook.Mapping{"r": m{"a": l{"", deepValue(97)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := everhook.ParseXML([]byte(test.document))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func deep(n int) string { return strings.Repeat("<d>", n) + strings.Repeat("</d>", n) }

func deepValue(n int) map[string]any {
	v := map[string]any{"d": ""}
	for range n - 1 {
		v = map[string]any{"d": v}
	}
	return v
}

func TestMalformedXML(t *testing.T) {
	t.Parallel()
	const subset = "a document type with declarations (<!DOCTYPE … [ … ]>), which is not taken; leave them out"
	const tooDeep = "nested deeper than 100, counting the lists of repeated elements"
	for name, test := range map[string]struct{ document, want string }{
		"nothing":                      {" ", "line 1, column 2: there is no element"},
		"not XML":                      {"hello", "line 1, column 6: text outside the root element"},
		"JSON":                         {"{}", "line 1, column 3: text outside the root element"},
		"two roots":                    {"<a/>\n<b/>", "line 2, column 5: a second root element"},
		"text behind the root":         {"<a/>x", "line 1, column 6: text outside the root element"},
		"an element that does not end": {"<a>\n<b></b>", "line 2, column 8: unexpected EOF"},
		"ends in the wrong order":      {"<a><b></a></b>", "line 1, column 11: element <b> closed by </a>"},
		"an end too many":              {"<a/></a>", "line 1, column 9: unexpected end element </a>"},
		"an attribute without quotes": {"<a b=c/>", "line 1, column 7: unquoted or missing attribute value in " +
			"element"},
		"an attribute twice": {`<a b="1" b="2"/>`,
			`line 1, column 17: the attribute "b" stands twice in one element`},
		"an attribute of one namespace": {`<a x:b="1" y:b="2" xmlns:x="urn:1" xmlns:y="urn:1"/>`,
			`line 1, column 53: the attribute "b" stands twice in one element`},
		"an ampersand":        {"<a>&</a>", "line 1, column 5: invalid character entity & (no semicolon)"},
		"an unknown entity":   {"<a>&nbsp;</a>", "line 1, column 10: invalid character entity &nbsp;"},
		"a control character": {"<a>\x01</a>", "line 1, column 5: illegal character code U+0001"},
		"entities that expand": {`<!DOCTYPE a [<!ENTITY x "xxx"><!ENTITY y "&x;&x;">]><a>&y;</a>`,
			"line 1, column 53: " + subset},
		"an empty subset": {`<!DOCTYPE a []><a/>`, "line 1, column 16: " + subset},
		"a subset after quotes": {`<!DOCTYPE a SYSTEM '"' [<!ENTITY x "y">]><a>&x;</a>`,
			"line 1, column 42: " + subset},
		"a subset behind an open quote": {`<!DOCTYPE a SYSTEM '["><!ENTITY x "y">]><a>&x;</a>`,
			"line 1, column 51: unexpected EOF"},
		"an entity of external rules": {`<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>&e;</a>`,
			"line 1, column 47: invalid character entity &e;"},
		"a declaration in an element": {"<a><!ELEMENT b></a>", "line 1, column 16: a declaration (<!…>), which is not " +
			"taken; leave it out"},
		"a declaration before the root": {"<!ENTITY x 'y'><a>&x;</a>", "line 1, column 16: a declaration (<!…>), " +
			"which is not taken; leave it out"},
		"a document type in an element": {"<a><!DOCTYPE a></a>", "line 1, column 16: a declaration (<!…>), which is " +
			"not taken; leave it out"},
		"a document type behind the root": {"<a/><!DOCTYPE a>", "line 1, column 17: a declaration (<!…>), which is " +
			"not taken; leave it out"},
		"two document types": {"<!DOCTYPE a><!DOCTYPE a><a/>", "line 1, column 25: a second document type (<!DOCTYPE …>)"},
		"a document type without a name": {"<!DOCTYPE><a/>", "line 1, column 11: a declaration (<!…>), which is not " +
			"taken; leave it out"},
		"XML 1.1": {`<?xml version="1.1"?><a/>`,
			`line 1, column 22: unsupported version "1.1"; only version 1.0 is supported`},
		"a declaration that comes late": {`<a/><?xml version="1.0"?>`,
			"line 1, column 26: the XML declaration stands only at the beginning"},
		"bytes that are not UTF-8": {"<a>\n\xff</a>", "line 2, column 1: invalid UTF-8"},
		"UTF-16":                   {"\xff\xfe<\x00a\x00/\x00>\x00", "line 1, column 1: invalid UTF-8"},
		"deeper than allowed":      {deep(101), "line 1, column 304: nested deeper than 100"},
		"deeper by an attribute":   {strings.Replace(deep(100), "<d></d>", "<d a=''></d>", 1), tooDeep},
		"deeper by lists":          {"<r><a/><a>" + deep(98) + "</a></r>", tooDeep},
		"the end of CDATA in text": {"<a>]]></a>", "line 1, column 7: unescaped ]]> not in CDATA section"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := everhook.ParseXML([]byte(test.document))
			require.EqualError(t, err, test.want)
			require.Nil(t, got)
		})
	}
}

func TestLongXMLIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"depth":           strings.Repeat("<a>", 1<<20),
		"open comment":    "<a><!--" + strings.Repeat("-", 4<<20),
		"many attributes": "<a " + manyAttributes(200_000) + "></b>",
		"many siblings":   "<a>" + strings.Repeat("<b/>", 1<<20) + "</c>",
		"many comments":   "<a>" + strings.Repeat("x<!---->", 1<<19) + "</c>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := everhook.ParseXML([]byte(document))
			require.Error(t, err)
			require.Less(t, time.Since(began), time.Minute)
		})
	}
}

func manyAttributes(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "a%d='' ", i)
	}
	return text.String()
}

func FuzzParseXML(f *testing.F) {
	for _, seed := range []string{
		"<order id='1'><i>1</i><i>2</i>text<![CDATA[<]]></order>",
		`<?xml version="1.0" encoding="utf-8"?><s:a xmlns:s="urn:s" s:b="1"/>`,
		"<!DOCTYPE a><a/>", "<!DOCTYPE a SYSTEM '['><a/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
		"<a>&x;&#65;</a>", deep(101), "<a/><b/>", "<a b='1' c:b='2'/>", "\xff\xfe<",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		got, err := everhook.ParseXML([]byte(document))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.Len(t, got, 1, "one root element")
		canonical, err := everhook.Canonical(got)
		require.NoError(t, err)
		require.Equal(t, canonical, map[string]any(got))
	})
}
