package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// ParsedSample are the paths of a sample, for the field request of a trigger.
type ParsedSample struct {
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
		description: "The body is a URL, a query string or JSON."},
		func(_ context.Context, in *parseSampleInput) (*reply[ParsedSample], error) {
			found, err := s.Paths(string(in.RawBody))
			if err != nil {
				return nil, fail(malformed, "the sample is neither a URL, a query string nor JSON: "+err.Error(),
					pointed("/body", err.Error()))
			}
			parsed := ParsedSample{Paths: []string{}}
			for _, path := range found {
				parsed.Paths = append(parsed.Paths, path.String())
			}
			return answer(parsed), nil
		})
}
