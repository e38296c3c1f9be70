package api

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/jobs"
)

// Paths of the description of the API.
const (
	// DocumentPath is the OpenAPI document.
	DocumentPath = "/api/v1/openapi.json"
	// ReferencePath is the document as a page.
	ReferencePath = "/api/v1/reference"
)

// Tags group the operations in the document.
const (
	tagFlows      = "flows"
	tagDrafts     = "drafts"
	tagRuns       = "runs"
	tagAccess     = "access"
	tagInbox      = "inbox"
	tagDeliveries = "deliveries"
	tagAudit      = "audit"
)

var tags = []*huma.Tag{
	{Name: tagFlows, Description: "Flows and their versions."},
	{Name: tagDrafts, Description: "Texts of flows that are being written."},
	{Name: tagRuns, Description: "Runs of flows, and what people do with them."},
	{Name: tagAccess, Description: "Tokens, people and their sessions."},
	{Name: tagDeliveries, Description: "Deliveries on record, also those that were refused."},
	{Name: tagInbox, Description: "Accepted deliveries whose runs are not started yet."},
	{Name: tagAudit, Description: "Who did what."},
}

// problemSchema is the type of the problems in the document.
var problemSchema = reflect.TypeFor[everhook.Problem]()

// bearer is the name of the security scheme.
const bearer = "token"

// configuration is that of huma: JSON only, and no paths of its own.
func configuration() huma.Config {
	schemas := huma.NewMapRegistry(schemaPrefix, nameOf)
	for _, canonical := range []reflect.Type{reflect.TypeFor[everhook.Value](),
		reflect.TypeFor[json.RawMessage]()} {
		schemas.RegisterTypeAlias(canonical, reflect.TypeFor[any]())
	}
	schemas.RegisterTypeAlias(reflect.TypeFor[problem](), problemSchema)
	format := huma.Format{Marshal: encode, Unmarshal: json.Unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Everhook", Version: "1",
				Description: "The admin API of an Everhook server, below /api/v1 of the admin address. A refused " +
					"request is answered with application/problem+json (RFC 9457); its errors name each wrong field " +
					"by a JSON pointer into the request, taken as an object with path, query, header and body."},
			Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
				bearer: {Type: "http", Scheme: "bearer", Description: "The admin token, or a token that it made."}}},
			Servers:  []*huma.Server{{URL: "/", Description: "The admin address."}},
			Security: []map[string][]string{{bearer: {}}},
			Tags:     tags,
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
	}
}

// nameOf is the name of a type in the document. Several packages have a Problem.
func nameOf(t reflect.Type, hint string) string {
	switch t {
	case reflect.TypeFor[flowfile.Problem]():
		return "FlowProblem"
	case reflect.TypeFor[jobs.Problem]():
		return "JobProblem"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// encode writes a body as the canonical JSON of Everhook.
func encode(w io.Writer, body any) error {
	if p, ok := body.(*problem); ok {
		body = p.Problem
	}
	data, err := everhook.EncodeJSON(body)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// serveDocument serves the document and its page.
func (s *service) serveDocument() {
	for path, file := range map[string]struct {
		kind string
		data func() []byte
	}{
		DocumentPath: {"application/vnd.oai.openapi+json;version=3.1", func() []byte {
			data, err := json.Marshal(s.api.OpenAPI())
			if err != nil {
				panic(err) // it has only texts and numbers
			}
			return data
		}},
		ReferencePath:          {"text/html; charset=utf-8", func() []byte { return referencePage(s.api.OpenAPI()) }},
		ReferencePath + ".css": {"text/css; charset=utf-8", func() []byte { return referenceStyle }},
	} {
		data := sync.OnceValue(file.data)
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.kind)
			_, _ = w.Write(data()) // the client may have closed the connection
		})
	}
}

// Document returns the OpenAPI document, indented.
func Document() ([]byte, error) {
	return json.MarshalIndent(newService(Options{}).api.OpenAPI(), "", "  ")
}

// openAnswers lets answers have fields that the document does not have, so that a client of today reads the answers of
// a later release. Requests stay strict.
func openAnswers(document *huma.OpenAPI) {
	strict := map[string]bool{}
	var mark func(schema *huma.Schema)
	mark = func(schema *huma.Schema) {
		if schema == nil {
			return
		}
		if name, ok := strings.CutPrefix(schema.Ref, schemaPrefix); ok && !strict[name] {
			strict[name] = true
			mark(document.Components.Schemas.Map()[name])
		}
		mark(schema.Items)
		for _, property := range schema.Properties {
			mark(property)
		}
		if values, ok := schema.AdditionalProperties.(*huma.Schema); ok {
			mark(values)
		}
	}
	for _, item := range document.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Content {
				mark(media.Schema)
			}
		}
	}
	for name, schema := range document.Components.Schemas.Map() {
		if closed, ok := schema.AdditionalProperties.(bool); ok && !closed && !strict[name] {
			schema.AdditionalProperties = nil
		}
	}
}
