package trigger

import (
	"fmt"
	"mime"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Headers are the headers that a config sets, as far as they are known before a run.
type Headers interface {
	// Entry returns the value of a literal header name, ignoring case. A value with a template is not literal.
	Entry(name string) (value string, literal, found bool)
	// Computed reports whether all headers are one template.
	Computed() bool
}

// CheckMarkup warns of a body that is exactly one template and is sent as HTML or XML, because its value is not
// escaped. If a template also decides the content type, that is an error. The pointer is the config's. asXML is set if
// another field says that the body is XML.
func CheckMarkup(v *kind.Validation, pointer string, headers Headers, body *expression.Body, asXML bool) {
	source, alone := body.Alone()
	if !alone {
		return
	}
	fix := "write the elements around insertions, which are then escaped, or `{{ raw(" + source +
		") }}` for markup that " +
		"you trust"
	value, literal, found := headers.Entry("Content-Type")
	switch {
	case found && !literal:
		v.Error(pointer+"/headers", "a template decides the Content-Type, and the body is one template alone: as "+
			"HTML, nothing in it would be escaped", "write the Content-Type out, or `{{ raw("+source+
			") }}` for a body that you "+
			"trust")
	case found && isMarkup(value), !found && asXML:
		v.Warn(pointer+"/body", "the body is sent as it is: nothing in it is escaped", fix)
	case headers.Computed():
		v.Warn(pointer+"/headers", "a template decides all headers, and the body is one template alone: with the "+
			"Content-Type of HTML, nothing in it would be escaped", "write the Content-Type out, or `{{ raw("+source+
			") }}` for a body that you trust")
	}
}

// CheckBody checks the body of an answer: a form without a body, and values in HTML and XML that nothing escapes.
func CheckBody(v *kind.Validation, pointer string, as everhook.AnswerForm, headers Headers, body *expression.Body) {
	markup := as == everhook.AnswerHTML || as == everhook.AnswerXML
	if as != "" && !body.IsSet() {
		v.Error(pointer+"/as", "there is no body", "add `body`, or remove this")
	}
	if as == "" || markup {
		CheckMarkup(v, pointer, headers, body, markup)
	}
	if source, found := body.Unescaped(); markup && found {
		v.Error(pointer+"/body", fmt.Sprintf("`{{ %s }}` stands in no element, so nothing escapes it", source),
			"write the elements around it, as in `<p>{{ "+source+" }}</p>`")
	}
}

// isMarkup reports whether a Content-Type is that of HTML or XML.
func isMarkup(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	return media == "text/html" || media == "text/xml" || media == "application/xml" || strings.HasSuffix(media, "+xml")
}
