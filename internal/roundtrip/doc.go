// Package roundtrip tests that payloads of providers, and thousands of mutations of them, keep their value on the way
// through a webhook, a flow and an http-request, or are refused with a reason.
package roundtrip
