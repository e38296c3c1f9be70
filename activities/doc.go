// Package activities has the contracts of effects: the names by which workflow code calls them, their inputs and
// results, and the way of an *everhook.Error from one side to the other. Implementations are in the folders below.
// Workflow code imports only this package.
package activities

// Names of activities. They are stored in histories, so they never change.
const (
	// HTTPRequest sends one HTTP request: HTTPRequestInput in, HTTPRequestResult out.
	HTTPRequest = "everhook.http-request"
	// JSONQuery queries a value: JSONQueryInput in, an everhook.Value out. It is local.
	JSONQuery = "everhook.json-query"
	// LoadSubflow reads the flow that another one calls: LoadSubflowInput in, LoadedSubflow out. It is local, and the
	// only time that a run reads the store.
	LoadSubflow = "everhook.load-subflow"
	// Yield does nothing. Calling it ends the current workflow task.
	Yield = "everhook.yield"
)
