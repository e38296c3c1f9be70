package httprequest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// mediaTypes are the values of Content-Type unless the flow sets that header.
var mediaTypes = map[activities.ContentType]string{
	activities.ContentJSON: "application/json",
	activities.ContentForm: "application/x-www-form-urlencoded",
	activities.ContentXML:  "application/xml; charset=utf-8",
	activities.ContentText: "text/plain; charset=utf-8",
}

// maxXML bounds a body that is written as XML, in bytes: names and escapes make it longer than its value.
const maxXML = 10 << 20

// body writes the body of a request.
func (b *builder) body(r *request, input activities.HTTPRequestInput) {
	contentType := input.ContentType
	if contentType == "" {
		contentType = activities.ContentJSON
	}
	if contentType == activities.ContentNone {
		r.secretBody = false
		return
	}
	if mediaTypes[contentType] == "" {
		b.problem("contentType: %q is not one of json, form, xml, text and none", contentType)
		return
	}
	v := b.open("body", input.Body)
	if b.err != nil || v == nil {
		return
	}
	r.body = b.encode(contentType, v)
	r.header.Set("Content-Type", mediaTypes[contentType])
}

// encode returns a body that is never nil, so that an empty one is sent.
func (b *builder) encode(contentType activities.ContentType, v any) []byte {
	switch contentType {
	case activities.ContentForm:
		pairs, err := formPairs(v)
		if err != nil {
			b.problem("body: %s", err)
		}
		var form strings.Builder
		for i, pair := range pairs {
			if i > 0 {
				form.WriteByte('&')
			}
			form.WriteString(url.QueryEscape(pair.name) + "=" + url.QueryEscape(pair.value))
		}
		return []byte(form.String())
	case activities.ContentXML:
		text, ok := v.(string)
		if !ok {
			var err error
			if text, err = everhook.EncodeXML(v, maxXML); err != nil {
				b.problem("body: %v", err)
			}
		}
		return []byte(text)
	case activities.ContentText:
		text, ok := scalar(v)
		if !ok {
			b.problem("body: %s where text is needed; use contentType json to send it as it is", everhook.TypeName(v))
		}
		return []byte(text)
	default:
		data, err := everhook.EncodeJSON(v)
		if err != nil {
			b.problem("body: %s", err)
		}
		return data
	}
}

// formPairs are the fields of a form, sorted by name. A list repeats its name. What is inside a mapping, or inside a
// list with mappings or lists in it, is named in brackets: address[city], lines[0][sku], address[phones][].
func formPairs(v any) ([]pair, error) {
	if v == nil {
		return nil, nil
	}
	mapping, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s where a mapping is needed", everhook.TypeName(v))
	}
	var pairs []pair
	for _, name := range everhook.SortedKeys(mapping) {
		list, isList := mapping[name].([]any)
		if isList && allScalar(list) {
			for _, item := range list {
				pairs = appendScalar(pairs, name, item)
			}
			continue
		}
		var err error
		if pairs, err = nest(pairs, name, mapping[name]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// nest adds the fields of a value below a name.
func nest(pairs []pair, name string, v any) ([]pair, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for _, key := range everhook.SortedKeys(v) {
			if key == "" || strings.ContainsAny(key, "[]") {
				return nil, fmt.Errorf("%s: the name %q cannot stand in the brackets of a form", name, key)
			}
			if pairs, err = nest(pairs, name+"["+key+"]", v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, item := range v {
			inside := name + "[]"
			if !allScalar(v) {
				inside = fmt.Sprintf("%s[%d]", name, i)
			}
			if pairs, err = nest(pairs, inside, item); err != nil {
				return nil, err
			}
		}
	default:
		pairs = appendScalar(pairs, name, v)
	}
	return pairs, nil
}

func allScalar(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := scalar(v); return !ok })
}

// appendScalar adds a field; nil is left out.
func appendScalar(pairs []pair, name string, v any) []pair {
	if text, ok := scalar(v); ok && v != nil {
		return append(pairs, pair{name, text})
	}
	return pairs
}
