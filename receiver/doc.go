// Package receiver is the HTTP side of webhooks: it turns a call of a webhook URL into an everhook.Delivery, passes it
// to a Starter, and writes the answer to the caller.
//
//	POST /api/webhook:trigger/<token>                     a delivery
//	GET  /api/webhook:answer/<token>/<run ID>?wait=20s    the answer of an earlier one
//	GET  /healthz, /readyz                                for load balancers
//
// It knows Fiber and HTTP, but no flows, expressions or engine. A FlowSource supplies the route of a token, and a
// Starter makes runs durable. Everything before the Starter works on one request alone, so a refused delivery costs no
// run.
package receiver
