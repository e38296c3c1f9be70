package everhook

import _ "embed" // for the source of the definition

//go:embed definition.go
var definitionSource string

// DefinitionSource is the Go source of Definition and the types that it is made of. Their comments are the manual of
// the flow file: the JSON Schema and the reference page take them from here.
func DefinitionSource() string { return definitionSource }
