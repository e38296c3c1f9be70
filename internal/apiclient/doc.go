// Package apiclient is a client of the admin API, for tests only: it is generated from docs/openapi.json by a tool that
// others use too, so the tests notice a document that such tools cannot read, or that says something else than the
// server does.
package apiclient

//go:generate -command oapi-codegen go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2
//go:generate oapi-codegen -o client.gen.go -config config.yaml ../../docs/openapi.json
