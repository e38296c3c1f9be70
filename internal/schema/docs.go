package schema

import (
	"reflect"
	"strings"

	"github.com/everhook/everhook/nodes/kind"
)

// docs are the generated comments of a struct and of others.
func docs(t reflect.Type) map[string]string {
	if documented, ok := reflect.New(t).Interface().(kind.Documented); ok {
		return documented.FieldDocs()
	}
	return nil
}

// fieldDoc is the comment of a field. A Go comment begins with the name of the field: fieldDoc replaces it by the name
// in files, or drops it if the rest describes the field.
func fieldDoc(t reflect.Type, f reflect.StructField, name string) string {
	doc := docs(t)[t.Name()+"."+f.Name]
	rest, ok := strings.CutPrefix(doc, f.Name+" ")
	if !ok {
		return doc
	}
	for _, verb := range []string{"is ", "are "} {
		if what, ok := strings.CutPrefix(rest, verb); ok {
			return strings.ToUpper(what[:1]) + what[1:]
		}
	}
	return name + " " + rest
}

// moreDoc is the comment of a struct without its first sentence.
func moreDoc(t reflect.Type) string {
	_, more, _ := strings.Cut(docs(t)[t.Name()], ". ")
	return more
}
