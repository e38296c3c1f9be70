package content

import "strings"

// jsonTypes are media types of JSON, besides those that end with +json (RFC 6839).
var jsonTypes = map[string]bool{
	"application/json": true, "text/json": true, "application/x-json": true, "text/x-json": true,
	"application/csp-report": true, "application/json-rpc": true, "application/jsonrequest": true,
	"application/x-amz-json-1.0": true, "application/x-amz-json-1.1": true,
}

// lineTypes are media types of JSON values on one line each.
var lineTypes = map[string]bool{
	"application/x-ndjson": true, "application/ndjson": true, "application/jsonl": true, "application/x-jsonl": true,
	"application/jsonlines": true, "application/x-jsonlines": true, "application/json-lines": true,
	"application/x-json-stream": true, "text/x-ndjson": true,
}

// IsJSON reports whether a media type, in lower case and without parameters, is one of JSON.
func IsJSON(mediaType string) bool {
	return jsonTypes[mediaType] || strings.HasSuffix(mediaType, "+json")
}

// IsJSONLines reports whether a media type, in lower case and without parameters, is one of JSON values on one line
// each.
func IsJSONLines(mediaType string) bool { return lineTypes[mediaType] }

// TypeOf is the type and subtype of a Content-Type, in lower case, and the Content-Type itself. One that stands there
// several times, as proxies and old clients write it, counts once.
func TypeOf(contentType string) (mediaType, once string) {
	mediaType = cut(contentType)
	if !strings.Contains(contentType, ",") {
		return mediaType, contentType
	}
	first, rest, _ := strings.Cut(contentType, ",")
	for other := range strings.SplitSeq(rest, ",") {
		if cut(other) != cut(first) {
			return mediaType, contentType
		}
	}
	return cut(first), first
}

func cut(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}
