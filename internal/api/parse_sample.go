package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/receiver"
)

// ParsedSample is what a sample has, for the field request of a trigger.
type ParsedSample struct {
	receiver.SampleCall
	// Paths are those of all values, with the index of each element.
	Paths []string `json:"paths"`
}

type parseSampleInput struct {
	RawBody []byte `contentType:"text/plain"`
}

// maxSample bounds a sample.
const maxSample = 10 << 20

func parseSample(s *service) {
	add(s, operation{id: "parse-sample", method: http.MethodPost, path: "/api/v1/parse", tag: tagFlows,
		role: access.Editor, summary: "Turn a sample of a request into paths", maxBody: maxSample,
		description: "The body is JSON, a URL, a query string, a form or a curl command."},
		func(_ context.Context, in *parseSampleInput) (*reply[ParsedSample], error) {
			call, err := receiver.ReadSample(string(in.RawBody))
			if err != nil {
				return nil, fail(malformed, "the sample cannot be read: "+err.Error(), pointed("/body", err.Error()))
			}
			parsed := ParsedSample{SampleCall: call, Paths: []string{}}
			if call.Form == "curl" {
				return answer(parsed), nil
			}
			found, err := receiver.SamplePaths(string(in.RawBody))
			if err != nil {
				return nil, fail(malformed, "the sample cannot be read: "+err.Error(), pointed("/body", err.Error()))
			}
			for _, path := range found {
				parsed.Paths = append(parsed.Paths, path.String())
			}
			return answer(parsed), nil
		})
}
