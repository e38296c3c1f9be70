// Package activities holds the contracts of the work that has effects: the names under which a workflow calls it, what
// goes in, what comes out, and how an *everhook.Error crosses from one side to the other. Implementations live in the
// folders below; workflow code imports only this.
package activities

// Names of activities. They are stored in histories: they are never edited, only added to.
const (
	// HTTPRequest sends one HTTP request: HTTPRequestInput in, HTTPRequestResult out.
	HTTPRequest = "everhook.http-request"
	// JSONQuery queries a value: JSONQueryInput in, an everhook.Value out. It is called as a local activity: quick,
	// without effects.
	JSONQuery = "everhook.json-query"
	// LoadSubflow reads the flow that another one calls: LoadSubflowInput in, LoadedSubflow out. It is called as a
	// local activity, and is the only time that a run reads the store.
	LoadSubflow = "everhook.load-subflow"
	// Yield does nothing and returns nothing: calling it ends the workflow task that calls it.
	Yield = "everhook.yield"
)
