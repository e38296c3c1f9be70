package activities

import (
	"time"

	"github.com/everhook/everhook"
)

// QueryEngine is a language for queries on JSON.
type QueryEngine string

// The engines. They are stored in definitions: they are never edited.
const (
	// JMESPath is the language of jmespath.org, with what its community added.
	JMESPath QueryEngine = "jmespath"
	// JSONPath is RFC 9535. Its result is always a list.
	JSONPath QueryEngine = "jsonpath"
)

// Bounds of a query.
const (
	// QueryTimeout bounds one query. The time that it waits for its turn does not count.
	QueryTimeout = 5 * time.Second
	// LocalTimeout bounds every local activity, with the time that it waits for its turn. It is far longer than a query
	// may take, so that many queries at once do not fail.
	LocalTimeout = time.Minute
	// MaxQueryResult bounds its result as JSON, in bytes: it stays below what Temporal keeps of one result (2 MiB).
	MaxQueryResult = 3 << 19
)

// JSONQueryInput is one query.
type JSONQueryInput struct {
	Engine QueryEngine `json:"engine"`
	// Query is in the engine's language.
	Query string `json:"query"`
	// Input is the value to query.
	Input everhook.Value `json:"input"`
	// Model, if any, makes a mapping of the result, or of each element if the result is a list, with these fields.
	Model []QueryField `json:"model,omitempty"`
}

// QueryField is one field of a model: a name, and the path of its value; nil where there is none.
type QueryField struct {
	Name string        `json:"name"`
	Path everhook.Path `json:"path"`
}
