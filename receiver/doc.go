// Package receiver takes HTTP in and gives answers out: it turns a call of a webhook URL into an everhook.Delivery, has
// a Starter make a run of it, and writes what the caller is to receive.
//
//	POST /api/webhook:trigger/<token>                     a delivery
//	GET  /api/webhook:answer/<token>/<run ID>?wait=20s    the answer of an earlier one
//	GET  /healthz, /readyz                                for load balancers
//
// It knows Fiber and HTTP, and neither flows, nor expressions, nor the engine: a FlowSource tells how a token is
// served, a Starter makes runs durable. Everything before the Starter is arithmetic on one request: a refused delivery
// costs no run.
package receiver
