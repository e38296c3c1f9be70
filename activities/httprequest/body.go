package httprequest

import (
	"net/url"
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
		pairs, err := flatten(v)
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
			b.problem("body: %s cannot become XML by itself; write the XML as text, with templates for its values",
				everhook.TypeName(v))
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
